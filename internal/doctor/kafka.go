package doctor

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
)

// lookAtKafka looks whether the brokers can be reached, and at the topics in
// short: everything that is right is one line.
func lookAtKafka(ctx context.Context, o Options) []Finding {
	r := &report{area: areaKafka}
	s := o.Settings.Kafka
	// The client's own warnings repeat what the errors say.
	opts, err := kafka.Options(s, "callfold-doctor", slog.New(slog.DiscardHandler), nil)
	if err != nil {
		r.wrong("brokers", "cannot be asked: "+err.Error(), "correct the section kafka of the settings")
		return r.findings
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		r.wrong("brokers", "cannot be asked: "+err.Error(), "correct the section kafka of the settings")
		return r.findings
	}
	defer client.Close()
	if err := kafka.WaitReachable(ctx, client, s, o.Logger); err != nil {
		r.wrong("brokers", err.Error(), "look at kafka.brokers, and whether this host may reach them")
		return r.findings
	}
	adm := kadm.NewClient(client)
	brokers, err := adm.ListBrokers(ctx)
	if err != nil {
		r.wrong("brokers", "cannot be listed: "+kafka.Explain(err, s).Error(), "look at kafka.brokers, and whether this host may reach them")
	} else {
		r.ok("brokers", fmt.Sprintf("%d reached", len(brokers)))
	}
	topics := kafka.Topics(s, o.Settings.Sink.DryRun)
	found, err := kafka.Check(ctx, adm, topics)
	if err == nil {
		var version kafka.Finding
		if version, err = kafka.CheckTransactions(ctx, adm); err == nil {
			found = append(found, version)
		}
	}
	if err != nil {
		r.wrong("topics", "could not be checked: "+kafka.Explain(err, s).Error(), "give this user the rights DESCRIBE and DESCRIBE_CONFIGS on the topics, then run callfold topics check")
	}
	r.topics(found, len(topics), err == nil)
	return r.findings
}

// topics tells the findings that are not ok one by one, and the others as one
// where all was looked at.
func (r *report) topics(found []kafka.Finding, topics int, complete bool) {
	fatal := 0
	for _, f := range found {
		if f.OK {
			continue
		}
		what := f.Topic + " " + f.What
		if f.Topic == "" {
			what = f.What
		}
		text := f.Found + ", wanted " + f.Wanted
		if f.Why != "" {
			text += " (" + f.Why + ")"
		}
		if f.Severity == kafka.Fatal {
			fatal++
			r.wrong(what, text, f.Mend)
		} else {
			r.advise(what, text, f.Mend)
		}
	}
	if complete && fatal == 0 {
		r.ok("topics", fmt.Sprintf("%d exist, and nothing about them is fatal (callfold topics check shows all)", topics))
	}
}
