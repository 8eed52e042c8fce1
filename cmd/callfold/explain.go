package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/history"
	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

func newExplainCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Explain why the Task of a call is as it is",
		Long: `Explain the Task of a call: whether and why it is logged, the records that have the
external number and why one of them won, the ladder of owners, each field with its
value, the rule and the events that it is from, and what Salesforce holds now where
that is something else. ID is Aircall's call id. Times are UTC. Phone numbers and
notes are shown in full.

Values are computed by the present settings. It only reads: nothing is written to
Salesforce or Kafka. Without a sign-in in the settings, or with --offline, it tells
what can be known without Salesforce.`,
		Example: `  callfold explain 910400155 --config callfold.yaml
  callfold explain 910400155 --config callfold.yaml --output json
  callfold explain 910400155 --offline`,
		Args: oneCallID,
	}
	format := outputFlag(cmd)
	var timeout time.Duration
	timeoutFlag(cmd, &timeout)
	var offline bool
	cmd.Flags().BoolVar(&offline, "offline", false, "do not ask Salesforce")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		call, s, err := readCall(cmd, g, timeout, args[0])
		if err != nil {
			return err
		}
		explained, err := explain(cmd.Context(), call, s, timeout, offline)
		if err := interrupted(cmd.Context(), errors.Join(err, cmd.Context().Err())); err != nil {
			return err
		}
		if *format == jsonOutput {
			return printJSON(cmd.OutOrStdout(), struct {
				history.Call       `json:",inline"`
				sfsink.Explanation `json:"explanation"`
			}{call, explained})
		}
		return printExplanation(cmd.OutOrStdout(), call, explained)
	}
	return cmd
}

// explain asks the sink's rules, and Salesforce where it may and can be asked.
func explain(ctx context.Context, call history.Call, s settings.Settings, timeout time.Duration, offline bool) (sfsink.Explanation, error) {
	var client *salesforce.Client
	unasked := "--offline"
	if !offline {
		// What the sink would need is missing for Salesforce alone: the rest is told.
		if s.Salesforce.Auth.ClientID == "" {
			unasked = "salesforce.auth.client_id is not set"
		} else if c, err := app.Salesforce(s.Salesforce, nil); err != nil {
			unasked = err.Error()
		} else {
			client, unasked = c, ""
		}
	}
	sink, err := sfsink.New(sfsink.Options{Client: client, Settings: s.Settings, DryRun: s.Sink.DryRun})
	if err != nil {
		return sfsink.Explanation{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var prev schemas.Outcome
	if call.Outcome != nil {
		prev = *call.Outcome
	}
	e := sink.Explain(ctx, call.Record(), prev)
	if unasked != "" {
		e.Unasked = unasked
	}
	return e, nil
}
