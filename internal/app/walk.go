package app

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/reconcile"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

// walk makes the loop of sink.reconcile: it looks at the outcomes in the sink's own
// tables, so several processes look at different calls.
func (a *App) walk(sink *sfsink.Sink, engine *stream.Engine[schemas.Outcome]) (func(context.Context) error, error) {
	logger := a.Logger.With("stage", "sink")
	opts, err := kafka.Options(a.Settings.Kafka, "callfold-sink-reconcile", logger, nil)
	if err != nil {
		return nil, err
	}
	w := reconcile.NewWalk(reconcile.WalkOptions{
		Policy:     reconcile.Policy(a.Settings.Sink.Reconcile),
		Outcomes:   engine.Walk,
		Deviations: sink.Deviations,
		Send: func(ctx context.Context, commands []command.Command, order command.Order) error {
			// It is seldom, so no connection is kept for it.
			client, err := kgo.NewClient(slices.Concat(opts, kafka.ProducerOptions(), command.ProducerOptions())...)
			if err != nil {
				return err
			}
			defer client.Close()
			_, err = command.Send(ctx, client, a.topic(kafka.Events), commands, order, time.Now)
			return err
		},
		File:       filepath.Join(a.Settings.Sink.StateDir, "reconcile.json"),
		Every:      a.ReconcileEvery,
		Logger:     logger,
		Registerer: a.Registry,
	})
	return func(ctx context.Context) error {
		w.Run(ctx)
		return nil
	}, nil
}
