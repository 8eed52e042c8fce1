package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/clock"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/stream"
)

// Readers looks whether those who read read what a stage writes. Where the settings of the
// stages differ in a prefix, as when only one of them was started anew after a switch, they
// read another topic: nothing is lost then, and nobody misses what waits there for ever.
type Readers struct {
	app           *App
	group, output string
	setting       string // by which the two can differ
	astray        prometheus.Gauge
	logger        *slog.Logger
	told          sync.Once // that it cannot be known
}

// LogReaders are those of the log, for a stage that writes to it.
func (a *App) LogReaders(stage string) *Readers {
	return a.newReaders(stage, kafka.ProcessorGroup, kafka.Events, "kafka.events_prefix")
}

func (a *App) newReaders(stage, group, output, setting string) *Readers {
	r := &Readers{
		app: a, group: a.group(group), output: a.topic(output), setting: setting, logger: a.Logger.With("stage", stage),
		astray: prometheus.NewGauge(prometheus.GaugeOpts{
			Name:        "callfold_output_astray",
			Help:        "Must stay 0: 1 while the stage that should read what this one writes reads another topic, since their settings differ; see the log.",
			ConstLabels: prometheus.Labels{"stage": stage},
		}),
	}
	a.Registry.MustRegister(r.astray)
	return r
}

// check returns a *stream.TopicError when the group has members and none of them reads
// the output. Without the right to know it says so once in the log.
func (r *Readers) check(ctx context.Context, adm *kadm.Client) error {
	elsewhere, err := kafka.ReadElsewhere(ctx, adm, r.group, r.output)
	if errors.Is(err, kerr.GroupAuthorizationFailed) {
		r.told.Do(func() {
			r.logger.Warn("whether anybody reads what this stage writes could not be checked: give this user DESCRIBE on the group", "group", r.group)
		})
		return nil
	}
	if err != nil {
		return err
	}
	if elsewhere == "" {
		r.astray.Set(0)
		return nil
	}
	r.astray.Set(1)
	return &stream.TopicError{Problem: fmt.Sprintf("this stage writes to %s, and the group %s reads %s: nobody handles what is written. "+
		"%s must be the same in the settings of all stages; see docs/rebuilding.md, half a switch. "+
		"Members that died count until brokers miss them, after timeouts.session of that stage, or 45 s for a switch that was killed: then this is over", r.output, r.group, elsewhere, r.setting)}
}

// after is a check of topics, and then this one.
func (r *Readers) after(check func(context.Context, *kadm.Client) error) func(context.Context, *kadm.Client) error {
	return func(ctx context.Context, adm *kadm.Client) error {
		if err := check(ctx, adm); err != nil {
			return err
		}
		return r.check(ctx, adm)
	}
}

const (
	// readersAgain is how often Watch looks, readersWithin bounds a look.
	readersAgain  = time.Minute
	readersWithin = 10 * time.Second
)

// Watch looks until ctx is done. While nobody reads the log it says so, again and again,
// and in readiness: the stage goes on, since what it writes is safe there.
func (r *Readers) Watch(ctx context.Context, client *kgo.Client) {
	const component = kafka.Events
	adm := kadm.NewClient(client)
	wait := backoff.NewExponentialBackOff(backoff.WithMaxInterval(15*time.Second), backoff.WithMaxElapsedTime(0))
	for {
		next := readersAgain
		looking, cancel := context.WithTimeout(ctx, readersWithin)
		err := r.check(looking, adm)
		cancel()
		switch {
		case err == nil:
			r.app.Health.Ready(component)
		case errors.As(err, new(*stream.TopicError)):
			r.app.Health.ReadyBut(component, err.Error())
			r.logger.Error("what this stage writes is not handled", "cause", err)
		default:
			r.logger.Debug("who reads what this stage writes cannot be checked yet", "cause", err)
			next = wait.NextBackOff()
		}
		if clock.Sleep(ctx, next) != nil {
			return
		}
	}
}
