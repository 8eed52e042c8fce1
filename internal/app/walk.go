package app

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/reconcile"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

// walk makes the loop of sink.reconcile: it looks at the calls of the sink's own
// partitions, so several processes look at different ones.
func (a *App) walk(sink *sfsink.Sink, engine *stream.Engine[schemas.Outcome]) (func(context.Context) error, error) {
	logger := a.Logger.With("stage", "sink")
	opts, err := kafka.Options(a.Settings.Kafka, "callfold-sink-reconcile", logger, nil)
	if err != nil {
		return nil, err
	}
	policy := reconcile.Policy(a.Settings.Sink.Reconcile)
	var readers func(context.Context, *kadm.Client) error
	if policy != reconcile.Report {
		readers = a.LogReaders("sink").check
	}
	w := reconcile.NewWalk(reconcile.WalkOptions{
		Policy: policy,
		Log: &reconcile.Share{
			// The options of a producer are for one client: each filters the codecs in place.
			Kafka: func() (*kgo.Client, error) {
				return kgo.NewClient(slices.Concat(opts, kafka.ProducerOptions(), command.ProducerOptions())...)
			},
			Readers: readers,
			Calls:   a.topic(kafka.Calls),
			Events:  a.topic(kafka.Events),
			States:  engine,
		},
		Tasks:      sink,
		Dir:        a.Settings.Sink.StateDir,
		Every:      a.ReconcileEvery,
		Logger:     logger,
		Registerer: a.Registry,
	})
	return func(ctx context.Context) error {
		w.Run(ctx)
		return nil
	}, nil
}
