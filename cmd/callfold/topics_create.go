package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
)

func newTopicsCreateCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create the topics that do not exist",
		Long: `Create the topics that do not exist, with the partitions and replication of the
settings and the cleanup that each needs. A topic that exists is left as it is, so
this can be repeated; 'callfold topics check' compares those with what is wanted.`,
		Example: `  callfold topics create --config callfold.yaml
  CALLFOLD_KAFKA_BROKERS=localhost:9092 CALLFOLD_KAFKA_REPLICATION_FACTOR=1 callfold topics create
  callfold topics create --config callfold.yaml --with-tasks-dryrun --output json`,
		Args: cobra.NoArgs,
	}
	flags := addTopicsFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return flags.withTopics(cmd, g, func(ctx context.Context, client *kgo.Client, topics []kafka.Topic) error {
			created, err := kafka.Create(ctx, client, topics)
			if printed := printCreated(cmd, *flags.format, created); printed != nil {
				return printed
			}
			return err
		})
	}
	return cmd
}

func printCreated(cmd *cobra.Command, format output, created []kafka.Created) error {
	if format == jsonOutput {
		return printJSON(cmd.OutOrStdout(), created)
	}
	for _, c := range created {
		state := "exists "
		if c.New {
			state = "created"
		}
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", state, c.Topic); err != nil {
			return err
		}
	}
	return nil
}
