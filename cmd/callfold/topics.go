package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
)

func newTopicsCommand(g *globals) *cobra.Command {
	return newGroup("topics", "Create or check the Kafka topics",
		`  callfold topics create --config callfold.yaml
  callfold topics check --config callfold.yaml`,
		newTopicsCreateCommand(g), newTopicsCheckCommand(g))
}

// topicsFlags are those that both commands on topics have.
type topicsFlags struct {
	timeout time.Duration
	dryRun  bool
	format  *output
}

func addTopicsFlags(cmd *cobra.Command) *topicsFlags {
	f := &topicsFlags{format: outputFlag(cmd)}
	timeoutFlag(cmd, &f.timeout)
	cmd.Flags().BoolVar(&f.dryRun, "with-tasks-dryrun", false, "include the topic of the sink's dry runs (always when sink.dry_run is set)")
	return f
}

// withTopics connects to the cluster and does the work there within the timeout.
func (f *topicsFlags) withTopics(cmd *cobra.Command, g *globals, work func(context.Context, *kgo.Client, []kafka.Topic) error) error {
	return withKafka(cmd, g, f.timeout, "callfold-topics", func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
		return work(ctx, client, kafka.Topics(s.Kafka, f.dryRun || s.Sink.DryRun))
	})
}
