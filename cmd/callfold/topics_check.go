package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
)

func newTopicsCheckCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Compare the topics with what is wanted",
		Long: `Compare the topics of the cluster with what callfold needs: that they exist, their
partitions, replication, cleanup, retention and record limit, and the version of
the cluster's transactions. Each line says ok, fatal or advice, and how to mend
what is not ok.

Fatal would lose data or break exactly-once: the stages refuse to start on it, and
the exit code is 1. Advice is a trade-off that is yours; stages only log it.`,
		Example: `  callfold topics check --config callfold.yaml
  callfold topics check --config callfold.yaml --output json
  callfold topics check --config callfold.yaml --timeout 5s`,
		Args: cobra.NoArgs,
	}
	flags := addTopicsFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return flags.withTopics(cmd, g, func(ctx context.Context, client *kgo.Client, topics []kafka.Topic) error {
			findings, err := findings(ctx, kadm.NewClient(client), topics)
			if err != nil {
				return err
			}
			if err := printFindings(cmd, *flags.format, findings); err != nil {
				return err
			}
			fatal := 0
			for _, f := range findings {
				if f.Severity == kafka.Fatal {
					fatal++
				}
			}
			if fatal > 0 {
				return fmt.Errorf("%d of %d checks are fatal", fatal, len(findings))
			}
			return nil
		})
	}
	return cmd
}

// findings are about the topics, and then about the cluster.
func findings(ctx context.Context, adm *kadm.Client, topics []kafka.Topic) ([]kafka.Finding, error) {
	findings, err := kafka.Check(ctx, adm, topics)
	if err != nil {
		return nil, err
	}
	version, err := kafka.CheckTransactions(ctx, adm)
	return append(findings, version), err
}

func printFindings(cmd *cobra.Command, format output, findings []kafka.Finding) error {
	if format == jsonOutput {
		return printJSON(cmd.OutOrStdout(), findings)
	}
	for _, f := range findings {
		level := "ok"
		if !f.OK {
			level = string(f.Severity)
		}
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%-6s  %s\n", level, f); err != nil {
			return err
		}
	}
	return nil
}
