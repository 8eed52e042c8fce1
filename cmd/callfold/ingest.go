package main

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/ingest"
	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/internal/settings"
)

func newIngestCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "ingest",
		Short: "Run the stage that receives Aircall's webhooks",
		Long: `Run the stage that receives Aircall's webhooks on ingest.listen, path ` + ingest.Path + `,
and writes them to the topic events. Health and metrics are on admin.listen.

A webhook is answered once all in-sync replicas have its event. While no broker
can be reached events wait in ingest.journal_dir, and are published when one can.
Without that setting, or when it is full, the answer is 503 meanwhile, and the
stage is not ready; Aircall repeats what was answered with 503. Any number of
these can run side by side, each with a journal of its own.`,
		Example: `  callfold ingest --config callfold.yaml
  CALLFOLD_INGEST_TOKENS_FILE=token.txt CALLFOLD_KAFKA_BROKERS=localhost:9092 callfold ingest`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := newApp(g, cmd, settings.ForIngest, "ingest")
			if err != nil {
				return err
			}
			return runIngest(cmd.Context(), a)
		},
	}
}

// runIngest serves webhooks until ctx ends. Then it takes no more of them,
// answers those under way and closes the Kafka client and the journal, in this
// order.
func runIngest(ctx context.Context, a *app.App) error {
	stage, err := a.Ingest()
	if err != nil {
		return err
	}
	defer stage.Close()
	listener, err := observe.Listen(ctx, a.Settings.Ingest.Listen, "ingest.listen in the settings")
	if err != nil {
		return err
	}
	a.Logger.Info("receiving webhooks", "address", listener.Addr().String(), "path", ingest.Path)
	mux := http.NewServeMux()
	mux.Handle(ingest.Path, stage)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return observe.Serve(ctx, app.WebServer(mux, a.Logger), listener) })
	group.Go(func() error { return runStage(ctx, a, stage) })
	return group.Wait()
}
