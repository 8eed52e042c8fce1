package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/callfold/callfold/internal/kafka"
)

func newTopicsCheckCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Compare the topics with what is wanted",
		Long: `Compare the topics of the cluster with what callfold needs: that they exist, their
partitions, replication, cleanup, retention and record limit. Each line says ok
or wrong, and how to mend what is wrong. The exit code is 1 when anything is.`,
		Example: `  callfold topics check --config callfold.yaml
  callfold topics check --config callfold.yaml --output json
  callfold topics check --config callfold.yaml --timeout 5s`,
		Args: cobra.NoArgs,
	}
	flags := addTopicsFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return flags.withTopics(cmd, g, func(ctx context.Context, adm *kadm.Client, topics []kafka.Topic) error {
			findings, err := kafka.Check(ctx, adm, topics)
			if err != nil {
				return err
			}
			if err := printFindings(cmd, *flags.format, findings); err != nil {
				return err
			}
			wrong := 0
			for _, f := range findings {
				if !f.OK {
					wrong++
				}
			}
			if wrong > 0 {
				return fmt.Errorf("%d of %d checks are wrong", wrong, len(findings))
			}
			return nil
		})
	}
	return cmd
}

func printFindings(cmd *cobra.Command, format output, findings []kafka.Finding) error {
	if format == jsonOutput {
		return printJSON(cmd.OutOrStdout(), findings)
	}
	for _, f := range findings {
		line := fmt.Sprintf("ok     %s  %s: %s", f.Topic, f.What, f.Found)
		if !f.OK {
			line = fmt.Sprintf("wrong  %s  %s: %s, wanted %s; %s", f.Topic, f.What, f.Found, f.Wanted, f.Mend)
		}
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), line); err != nil {
			return err
		}
	}
	return nil
}
