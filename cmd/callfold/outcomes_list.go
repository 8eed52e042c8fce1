package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/outcomes"
	"github.com/callfold/callfold/internal/settings"
)

// outcomesList are the flags of the command.
type outcomesList struct {
	outcome, code []string
	since         time.Duration
	limit         int
	timeout       time.Duration
	format        *output
}

func newOutcomesListCommand(g *globals) *cobra.Command {
	var o outcomesList
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List calls by what came of them",
		Long: `List the newest outcome of each call, the newest decision first: what came of it and
why, how often it was tried, when it is tried again, the Task, and what to mend.
Without flags all calls are listed; the summary at the end counts all that were asked
for, also where --limit shows fewer. Times are UTC. Nothing of the calls' contents is
shown; 'callfold call show' has all of one call, with Salesforce's message.

With sink.dry_run the outcomes are those of the dry run. It only reads: the user needs
the rights DESCRIBE and READ on the topic tasks.`,
		Example: `  callfold outcomes list --outcome rejected,retrying
  callfold outcomes list --code STRING_TOO_LONG --since 24h
  callfold outcomes list --outcome rejected --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd, g) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.outcome, "outcome", nil, "only calls with these `outcomes`, separated by commas")
	flags.StringSliceVar(&o.code, "code", nil, "only calls whose error has one of these `codes`, separated by commas")
	flags.DurationVar(&o.since, "since", 0, "only what was decided in this `time` up to now, such as 24h")
	flags.IntVar(&o.limit, "limit", 0, "show only the newest `number` of calls; 0: all")
	timeoutFlag(cmd, &o.timeout)
	o.format = outputFlag(cmd)
	return cmd
}

func (o *outcomesList) run(cmd *cobra.Command, g *globals) error {
	results, err := outcomes.ParseResults(o.outcome)
	switch {
	case err != nil:
		return usagef(cmd, "--outcome: %w", err)
	case o.since < 0:
		return usagef(cmd, "--since is %v; give a time above 0, such as 24h", o.since)
	case o.limit < 0:
		return usagef(cmd, "--limit is %d; give a number of calls, or 0 for all", o.limit)
	}
	filter := outcomes.Filter{Results: results, Codes: o.code}
	if o.since > 0 {
		filter.Since = time.Now().Add(-o.since)
	}
	return reachKafka(cmd, g, o.timeout, "callfold-outcomes-list", nil, func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
		listing, err := readOutcomes(ctx, cmd, client, historyTopics(s).Tasks, filter, o.limit)
		if err != nil {
			return err
		}
		if *o.format == jsonOutput {
			return printJSONLines(cmd.OutOrStdout(), listing.Calls)
		}
		return printListing(cmd.OutOrStdout(), listing)
	})
}

// printJSONLines writes the calls as JSON, one a line.
func printJSONLines(w io.Writer, calls []outcomes.Call) error {
	out := bufio.NewWriter(w)
	for _, c := range calls {
		if err := json.MarshalWrite(out, c); err != nil {
			return fmt.Errorf("printing JSON: %w", err)
		}
		_ = out.WriteByte('\n') // Flush tells
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	return nil
}
