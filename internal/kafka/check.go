package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Finding is one thing about one topic, right or wrong.
type Finding struct {
	// Topic is the full name; empty when it is about the cluster.
	Topic string `json:"topic"`
	// What is "exists", "partitions", "replication", "configuration" (all of it)
	// or the name of a configuration or a feature.
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Wanted string `json:"wanted"`
	Found  string `json:"found"`
	// Severity is how bad it is, Why what follows from it, and Mend how to mend
	// it; all are empty when OK.
	Severity Severity `json:"severity,omitempty"`
	Why      string   `json:"why,omitempty"`
	Mend     string   `json:"mend,omitempty"`
}

// String is the finding in one line.
func (f Finding) String() string {
	subject := f.Topic
	if subject == "" {
		subject = "the cluster"
	}
	if f.OK {
		return fmt.Sprintf("%s  %s: %s", subject, f.What, f.Found)
	}
	why := ""
	if f.Why != "" {
		why = " (" + f.Why + ")"
	}
	return fmt.Sprintf("%s  %s: %s, wanted %s%s; %s", subject, f.What, f.Found, f.Wanted, why, f.Mend)
}

// Refusal is why a stage must not start on topics with such findings, with the
// mends; empty when none is fatal.
func Refusal(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		if f.Severity == Fatal {
			b.WriteString("\n  " + f.String())
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "the topics are not as they must be:" + b.String() + "\nsee all with: callfold topics check"
}

// Check compares the topics that exist with those wanted. The findings are in
// the order of the topics; the error is only for when the cluster could not be
// asked. A configuration that this user may not read is an advice.
func Check(ctx context.Context, adm *kadm.Client, topics []Topic) ([]Finding, error) {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	// Asking for the authorized operations too is what makes kadm ask the
	// cluster: otherwise it answers from a cache that is up to 5 s old.
	details, err := adm.ListTopics(kadm.WithAuthorizedOps(ctx), names...)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	configs, err := adm.DescribeTopicConfigs(ctx, existing(details, names)...)
	if err != nil && !errors.As(err, new(*kadm.AuthError)) {
		return nil, fmt.Errorf("describing topics: %w", err)
	}
	var findings []Finding
	first := aligned(details, topics)
	for _, t := range topics {
		detail, ok := details[t.Name]
		if !ok || errors.Is(detail.Err, kerr.UnknownTopicOrPartition) {
			findings = append(findings, Finding{Topic: t.Name, What: "exists", Wanted: "yes", Found: "no", Severity: Fatal, Mend: "run callfold topics create"})
			continue
		}
		if errors.Is(detail.Err, kerr.TopicAuthorizationFailed) {
			return nil, fmt.Errorf("looking at topic %s (give this user the right DESCRIBE on it): %w", t.Name, detail.Err)
		}
		if detail.Err != nil {
			return nil, fmt.Errorf("looking at topic %s: %w", t.Name, detail.Err)
		}
		findings = append(findings, Finding{Topic: t.Name, What: "exists", OK: true, Wanted: "yes", Found: "yes"},
			partitions(t, detail, first), replication(t, detail))
		found, err := t.configuration(configs, detail)
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
	}
	return findings, nil
}

// existing are the names of the topics that are there.
func existing(details kadm.TopicDetails, names []string) []string {
	var there []string
	for _, name := range names {
		if d, ok := details[name]; ok && d.Err == nil {
			there = append(there, name)
		}
	}
	return there
}

// aligned is the partition count of the first aligned topic that exists: the
// others must have the same.
func aligned(details kadm.TopicDetails, topics []Topic) int {
	for _, t := range topics {
		if d, ok := details[t.Name]; ok && d.Err == nil && t.Aligned {
			return len(d.Partitions)
		}
	}
	return 0
}

// partitions compares the partition count. Where the aligned topics agree it is
// the setting that is wrong, since Kafka would put the calls into other
// partitions after a change.
func partitions(t Topic, detail kadm.TopicDetail, first int) Finding {
	found := len(detail.Partitions)
	f := Finding{Topic: t.Name, What: "partitions", Wanted: strconv.Itoa(int(t.Partitions)), Found: strconv.Itoa(found)}
	switch {
	case t.Aligned && found != first:
		f.Wanted, f.Severity = strconv.Itoa(first), Fatal
		f.Why = "the topics of calls differ, so calls would be looked for in partitions where they are not"
		f.Mend = fmt.Sprintf("set kafka.partitions to %d, stop all stages, delete the topic and run callfold topics create (calls and tasks are made again from events; never delete events)", first)
	case t.Aligned && found != int(t.Partitions):
		f.Severity, f.Why = Advice, "adding partitions would move calls away from their state"
		f.Mend = fmt.Sprintf("set kafka.partitions to %d, as the topic has", found)
	default:
		f.OK, f.Wanted = true, f.Found // any number does for a topic that is not aligned
	}
	return f
}

// replicas are those of the partition with the fewest.
func replicas(detail kadm.TopicDetail) int {
	found := -1
	for _, p := range detail.Partitions {
		if found < 0 || len(p.Replicas) < found {
			found = len(p.Replicas)
		}
	}
	return found
}

// replication compares the replication factor.
func replication(t Topic, detail kadm.TopicDetail) Finding {
	found := replicas(detail)
	f := Finding{Topic: t.Name, What: "replication", OK: found >= int(t.ReplicationFactor),
		Wanted: strconv.Itoa(int(t.ReplicationFactor)), Found: strconv.Itoa(found)}
	if !f.OK {
		f.Severity, f.Why = Advice, "fewer brokers may be lost than the settings say"
		f.Mend = fmt.Sprintf("add replicas with kafka-reassign-partitions, or set kafka.replication_factor to %d", found)
	}
	return f
}
