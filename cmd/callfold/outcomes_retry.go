package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/outcomes"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/settings"
)

// outcomesRetry are the flags of the command.
type outcomesRetry struct {
	outcome, code []string
	order         command.Order
	yes, dryRun   bool
	timeout       time.Duration
	format        *output
}

// retried is what the command prints as JSON.
type retried struct {
	Selected int         `json:"selected"` // calls that are to be tried again
	Sent     int         `json:"sent"`     // commands that Kafka has acknowledged
	DryRun   bool        `json:"dry_run"`
	Who      string      `json:"who"`
	Why      string      `json:"why"`
	Refused  []unretried `json:"refused"` // calls that were named and not selected, or have no state
}

// unretried is a call that is not tried again, and why.
type unretried struct {
	CallID int64  `json:"call_id"`
	Why    string `json:"why"`
}

func newOutcomesRetryCommand(g *globals) *cobra.Command {
	var o outcomesRetry
	cmd := &cobra.Command{
		Use:   "retry [CALL...]",
		Short: "Make the sink try calls again",
		Long: `Make the sink try calls again, once the cause is mended: those that are named by their
Aircall ids, or all with an outcome or an error code. A rejected call is written again
as it is now, a retrying one without waiting for its time, and a Task that somebody
deleted is made anew. For other calls a retry does nothing, so they are refused; and so
are those of which 'callfold verify --repair' took the state away.

The number of calls is shown and a question asked; --yes answers it, and is needed where
nobody can be asked. For each call a command goes into the topic events, with who asked
and why; the processor folds it, and the sink obeys it once. So to send it twice does no
harm, and 'callfold call show' tells of it. A signal stops the sending in order.

The user needs the rights DESCRIBE and READ on the topics calls and tasks, DESCRIBE and
WRITE on events, DESCRIBE on the processor's group, and IDEMPOTENT_WRITE on the cluster of
a Kafka before 2.8.`,
		Example: `  callfold outcomes retry 910400155 --reason "the agent is active again"
  callfold outcomes retry --outcome rejected --reason "the field is longer now" --dry-run
  callfold outcomes retry --code STRING_TOO_LONG --reason "the field is longer now" --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := o.filter(args)
			if err == nil {
				err = completeOrder(&o.order)
			}
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			if err := askable(cmd, o.yes || o.dryRun, "look at what will be done with --dry-run"); err != nil {
				return err
			}
			return o.run(cmd, g, filter)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.outcome, "outcome", nil, "all calls with these `outcomes`: rejected, retrying or deleted")
	flags.StringSliceVar(&o.code, "code", nil, "all calls whose error has one of these `codes`, separated by commas")
	orderFlags(cmd, &o.order)
	flags.BoolVar(&o.yes, "yes", false, "do not ask")
	flags.BoolVar(&o.dryRun, "dry-run", false, "show the calls, send nothing")
	timeoutFlag(cmd, &o.timeout)
	o.format = outputFlag(cmd)
	return cmd
}

// filter is what the arguments and flags choose.
func (o *outcomesRetry) filter(args []string) (outcomes.Filter, error) {
	var f outcomes.Filter
	switch chosen := len(o.outcome)+len(o.code) > 0; {
	case len(args) == 0 && !chosen:
		return f, errors.New("say which calls: name them by their Aircall ids, or give --outcome or --code")
	case len(args) > 0 && chosen:
		return f, errors.New("name calls, or choose them by --outcome and --code, not both")
	case len(args) == 0:
		results, err := outcomes.ParseRetriable(o.outcome)
		if err != nil {
			return f, fmt.Errorf("--outcome: %w", err)
		}
		f.Results, f.Codes = results, o.code
		return f, nil
	}
	f.IDs = map[int64]bool{}
	for _, arg := range args {
		id, err := callID(arg)
		if err != nil {
			return f, err
		}
		f.IDs[id] = true
	}
	return f, nil
}

func (o *outcomesRetry) run(cmd *cobra.Command, g *globals, filter outcomes.Filter) error {
	return sendCommands(cmd, g, o.timeout, "callfold-outcomes-retry", o.dryRun, func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
		if err := refuseDryRun(cmd, s); err != nil {
			return err
		}
		topics := historyTopics(s)
		listing, err := readOutcomes(ctx, cmd, client, topics.Tasks, filter, 0)
		if err != nil {
			return err
		}
		done := retried{DryRun: o.dryRun, Who: o.order.Who, Why: o.order.Why}
		kept, otherwise, err := keptStates(ctx, cmd, client, topics.Calls, listing.Calls)
		if err != nil {
			return err
		}
		calls, summary := choose(listing, filter, kept, otherwise, &done)
		for _, r := range done.Refused {
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "call %d: %s\n", r.CallID, r.Why)
		}
		if o.dryRun && *o.format == textOutput {
			err = printListing(cmd.OutOrStdout(), outcomes.Listing{Calls: calls, Summary: summary})
		} else if len(calls) > 0 && !o.dryRun {
			err = o.send(ctx, cmd, client, topics.Events, calls, summary, &done)
		}
		err = cmp.Or(err, o.print(cmd, done))
		if err == nil && len(done.Refused) > 0 {
			err = fmt.Errorf("%d of %d calls cannot be tried again", len(done.Refused), done.Selected+len(done.Refused))
		}
		return err
	})
}

// keptStates tells of which calls there is a state; otherwise is what to say of the others.
func keptStates(ctx context.Context, cmd *cobra.Command, client *kgo.Client, topic string, calls []outcomes.Call) (kept map[string]bool, otherwise string, err error) {
	keys := make([]string, len(calls))
	for i, c := range calls {
		keys[i] = strconv.FormatInt(c.ID, 10)
	}
	progress, done := reportReading(ctx, cmd, topic)
	kept, hidden, err := partition.Kept(ctx, client, topic, keys, progress)
	done()
	otherwise = "the log has no event of it, and the topic calls no state ('callfold verify --repair' takes those away): fetch the call with 'callfold backfill' first, if Aircall knows it"
	if len(hidden) > 0 {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "a transaction that stays open hides the newest states in these partitions of %s: %v\n", topic, hidden)
		otherwise = "no state of it is seen; one may be hidden by the transaction that stays open: try again once it has ended"
	}
	return kept, otherwise, err
}

// choose takes the calls that a retry does something about, and notes the others as
// refused: those that were named, and those without a state, of which otherwise is why. The
// log has no event of such a call any more, and would have the command alone.
func choose(listing outcomes.Listing, filter outcomes.Filter, kept map[string]bool, otherwise string, done *retried) ([]outcomes.Call, outcomes.Summary) {
	missing := maps.Clone(filter.IDs)
	calls, summary := listing.Calls[:0], outcomes.Summary{}
	for _, c := range listing.Calls {
		delete(missing, c.ID)
		switch {
		case c.Retriable() && !kept[strconv.FormatInt(c.ID, 10)]:
			done.Refused = append(done.Refused, unretried{c.ID, otherwise})
		case c.Retriable():
			calls = append(calls, c)
			summary.Add(c)
		case len(filter.IDs) > 0:
			done.Refused = append(done.Refused, unretried{c.ID, fmt.Sprintf("its outcome is %s, about which a retry does nothing", c.Result)})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		done.Refused = append(done.Refused, unretried{id, "it has no outcome: the sink has not looked at it, or there is no such call"})
	}
	done.Selected = len(calls)
	return calls, summary
}

// send asks, and publishes the commands.
func (o *outcomesRetry) send(ctx context.Context, cmd *cobra.Command, client *kgo.Client, topic string, calls []outcomes.Call, summary outcomes.Summary, done *retried) error {
	_, _ = fmt.Fprintln(cmd.ErrOrStderr(), summary)
	if err := confirm(ctx, cmd, o.yes, fmt.Sprintf("Try %s again?", callCount(len(calls)))); err != nil {
		return err
	}
	retries := make([]command.Command, len(calls))
	for i, c := range calls {
		retries[i] = c.Retry()
	}
	var err error
	done.Sent, err = command.Send(ctx, client, topic, retries, o.order, time.Now)
	return err
}

func (o *outcomesRetry) print(cmd *cobra.Command, done retried) error {
	if *o.format == jsonOutput {
		return printJSON(cmd.OutOrStdout(), done)
	}
	text := fmt.Sprintf("%d of %d commands sent", done.Sent, done.Selected)
	switch {
	case done.DryRun:
		text = "nothing was sent (--dry-run)"
	case done.Selected == 0:
		text = "no calls to try again"
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), text)
	return err
}
