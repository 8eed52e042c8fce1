package main

import (
	"context"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/internal/settings"
)

func newProcessCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "process",
		Short: "Run the stage that folds events into call states",
		Long: `Run the stage that folds the topic events into the topic calls, exactly once.
Health and metrics are on admin.listen.

Its table is kept in processor.state_dir and restored from the topic calls where
it is missing or old. Any number of these can run side by side, up to the number
of partitions; each needs a kafka.instance of its own (by default the host name).`,
		Example: `  callfold process --config callfold.yaml
  CALLFOLD_PROCESSOR_STATE_DIR=/tmp/state CALLFOLD_KAFKA_BROKERS=localhost:9092 callfold process`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := newApp(g, cmd, settings.ForProcessor, "processor")
			if err != nil {
				return err
			}
			stage, err := a.Processor()
			if err != nil {
				return err
			}
			return runStage(cmd.Context(), a, stage)
		},
	}
}

// newApp loads the settings for a stage and makes its logger.
func newApp(g *globals, cmd *cobra.Command, need settings.Need, components ...string) (*app.App, error) {
	s, err := g.load(need)
	if err != nil {
		return nil, err
	}
	logger, err := observe.NewLogger(s.Log, cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	return app.New(s, logger, components...), nil
}

// runStage runs a stage beside the server of health and metrics until ctx is
// done, or one of them fails.
func runStage(ctx context.Context, a *app.App, stage interface{ Run(context.Context) error }) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return observe.ServeAdmin(ctx, a.Settings.Admin.Listen, a.Health, a.Registry, a.Logger)
	})
	group.Go(func() error { return stage.Run(ctx) })
	return group.Wait()
}
