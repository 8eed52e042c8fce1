package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/reconcile"
	"github.com/callfold/callfold/internal/replay"
	"github.com/callfold/callfold/internal/settings"
)

// reconcileCommand are the flags of the command.
type reconcileCommand struct {
	filter  replayFilter
	policy  string
	file    string
	order   command.Order
	yes     bool
	dir     string
	timeout time.Duration
	format  *output
}

// reconciled is what the command prints as JSON.
type reconciled struct {
	Calls  int64 `json:"calls"`  // that were looked at
	Moving int64 `json:"moving"` // that live traffic is writing: left out
	Kept   int64 `json:"kept"`   // in which people changed what tasks.preserve_edits keeps
	*reconcile.Findings
	File    string        `json:"file,omitzero"` // the plan of what is mended
	Applied *replay.State `json:"applied,omitempty"`
	Hidden  []int32       `json:"hidden_partitions,omitempty"`
}

func newReconcileCommand(g *globals) *cobra.Command {
	var r reconcileCommand
	cmd := &cobra.Command{
		Use:   "reconcile [CALL...]",
		Short: "Find Tasks that are missing, deleted, edited, duplicated or orphaned, and mend them",
		Long: `Compare what Salesforce holds with what the log wants, and mend it by a policy:

  report     say what is wrong, and mend nothing
  fill       make the Tasks that are missing or were deleted, and fill the fields that are
             empty. Nothing is overwritten: a Task is only filled where every field that
             differs is empty
  overwrite  also write what people changed, but for the fields of tasks.preserve_edits

What is mended becomes a plan, which is kept, and is carried out as by 'callfold replay
apply': callfold.rewrite commands, a canary, behind live traffic. If that is stopped,
'callfold replay apply PLAN' goes on.

Several Tasks of one call, Tasks of another integration that has the same call (its id is
in CallObject), and Tasks whose call the log does not know are told with their Ids and how
to mend it, and left alone. The last are looked for only where no calls are chosen.

All calls are looked at, or those that are named or chosen by flags. Exit code 1 when
something is wrong and was not mended.

The user needs the rights of 'replay plan', and to mend those of 'replay apply', too.`,
		Example: `  callfold reconcile
  callfold reconcile --policy fill --yes
  callfold reconcile --policy overwrite --from 2026-11-01T00:00:00Z --reason "a flow wrote over the subjects"`,
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd, g, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&r.policy, "policy", string(reconcile.Report), "what to mend: report, fill or overwrite")
	r.filter.flags(cmd)
	flags.StringVar(&r.file, "file", "", "`file` for the plan of what is mended (default: callfold-TIME.plan in this folder)")
	orderFlags(cmd, &r.order)
	flags.BoolVar(&r.yes, "yes", false, "do not ask")
	flags.StringVar(&r.dir, "dir", "", "`folder` for files meanwhile, about as large as calls and tasks (default: the system's)")
	timeoutFlag(cmd, &r.timeout)
	r.format = outputFlag(cmd)
	return cmd
}

// options are what the arguments and flags ask for.
func (r *reconcileCommand) options(cmd *cobra.Command, args []string) (filter replay.Filter, policy reconcile.Policy, err error) {
	if filter, err = r.filter.filter(args); err != nil {
		return filter, "", usagef(cmd, "%w", err)
	}
	if policy, err = reconcile.ParsePolicy(r.policy); err != nil {
		return filter, "", usagef(cmd, "--policy: %w", err)
	}
	if policy == reconcile.Report {
		return filter, policy, nil
	}
	r.order.Why = cmp.Or(r.order.Why, "callfold reconcile --policy "+r.policy)
	if err := completeOrder(&r.order); err != nil {
		return filter, "", usagef(cmd, "%w", err)
	}
	return filter, policy, askable(cmd, r.yes, "look at what --policy report says")
}

func (r *reconcileCommand) run(cmd *cobra.Command, g *globals, args []string) error {
	filter, policy, err := r.options(cmd, args)
	if err != nil {
		return err
	}
	s, err := g.load(settings.ForSink)
	if err != nil {
		return err
	}
	if policy != reconcile.Report {
		if err := refuseDryRun(cmd, s); err != nil {
			return err
		}
	}
	return sendCommands(cmd, g, r.timeout, "callfold-reconcile", policy == reconcile.Report, func(ctx context.Context, client *kgo.Client, _ settings.Settings) error {
		plans, remove, err := newPlanner(ctx, s, client, r.dir)
		if err != nil {
			return err
		}
		defer remove()
		plans.options.Filter = filter
		done := reconciled{Findings: reconcile.NewFindings(policy)}
		if err := r.find(ctx, cmd, plans, &done); err != nil {
			return err
		}
		if *r.format == textOutput {
			if err := printReconciled(cmd.OutOrStdout(), &done); err != nil {
				return err
			}
		}
		err = r.mend(ctx, cmd, plans, client, &done)
		if *r.format == jsonOutput {
			err = errors.Join(err, printJSON(cmd.OutOrStdout(), done))
		}
		if err == nil {
			err = done.problem()
		}
		return errors.Join(err, unknownProblem(filter, done.Calls))
	})
}

// find compares, and writes the plan of what the policy mends.
func (r *reconcileCommand) find(ctx context.Context, cmd *cobra.Command, plans *planner, done *reconciled) (err error) {
	if done.Policy == reconcile.Report {
		_, err := compare(ctx, cmd, plans, done, nil)
		return err
	}
	now := time.Now()
	header, err := plans.header(ctx, now)
	if err != nil {
		return err
	}
	path := cmp.Or(r.file, now.UTC().Format("callfold-20060102T150405Z.plan"))
	plan, err := replay.NewWriter(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	if header.Summary, err = compare(ctx, cmd, plans, done, plan.Add); err != nil || header.Summary.Changes() == 0 {
		return err
	}
	done.File = path
	return plan.Finish(&header)
}

// compare fills in what was found, and gives the rows that the policy mends.
func compare(ctx context.Context, cmd *cobra.Command, plans *planner, done *reconciled, mends func(replay.Row) error) (replay.Summary, error) {
	plans.options.Stray = done.Stray
	defer func() { plans.options.Stray = nil }() // to apply looks at single calls again
	all, err := plans.make(ctx, cmd, func(row replay.Row) error {
		if done.Row(row) {
			return mends(row)
		}
		return nil
	})
	done.Calls, done.Moving, done.Kept, done.Hidden = all.Calls, all.Moving, all.Kept, all.Hidden
	return done.Plan(all), err
}

// mend asks, and has the plan carried out.
func (r *reconcileCommand) mend(ctx context.Context, cmd *cobra.Command, plans *planner, client *kgo.Client, done *reconciled) error {
	if done.File == "" {
		return nil
	}
	plan, err := replay.Open(done.File)
	if err != nil {
		return err
	}
	if err := confirm(ctx, cmd, r.yes, fmt.Sprintf("Have %s rewritten in Salesforce?", callCount(plan.Len()))); err != nil {
		return unapplied(err, done.File)
	}
	state, err := applyPlan(ctx, cmd, plan, plans, client, r.order)
	if state.Phase == "" { // it did not begin
		return unapplied(err, done.File)
	}
	done.Applied = &state
	done.Sent(plan.Sent(state))
	if *r.format == textOutput {
		_, printed := fmt.Fprintf(cmd.OutOrStdout(), "\n%s\nThe plan is in %s.\n", stateText(state), done.File)
		err = errors.Join(err, printed)
	}
	return err
}

// unapplied is an error that kept a plan from being carried out, with what may be done
// about it.
func unapplied(err error, plan string) error {
	return fmt.Errorf("%w\nThe plan is kept in %s; carry it out with: callfold replay apply %s --reason …", err, plan, plan)
}

// problem is the error of what is wrong and was not mended.
func (r *reconciled) problem() error {
	left := r.Total()
	if r.Applied != nil {
		left -= r.Applied.Sent - int64(len(r.Applied.LeftOut))
	}
	var err error
	if left > 0 {
		err = fmt.Errorf("in %s Salesforce is not as the log wants it, and it was not mended", caseCount(left))
	}
	return errors.Join(err, hiddenProblem(r.Hidden))
}

func caseCount(n int64) string {
	if n == 1 {
		return "1 case"
	}
	return fmt.Sprintf("%d cases", n)
}

// whatIs says what the kinds are.
var whatIs = map[reconcile.Kind]string{
	reconcile.Missing:    "calls without a Task",
	reconcile.Deleted:    "calls whose Task was deleted",
	reconcile.Edited:     "Tasks in which people changed something",
	reconcile.Outdated:   "Tasks that are to hold something else now",
	reconcile.Duplicated: "calls with several Tasks",
	reconcile.Foreign:    "calls that another integration has logged, too",
	reconcile.Orphaned:   "external ids without a call",
}

// mostShown is how many findings of a kind the text names.
const mostShown = 10

func printReconciled(w io.Writer, r *reconciled) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var errs []error
	line := func(format string, args ...any) {
		_, err := fmt.Fprintf(out, format, args...)
		errs = append(errs, err)
	}
	line("FOUND\tFILL MENDS\tOVERWRITE MENDS\t\n")
	for _, k := range reconcile.Kinds {
		t := r.Tally[k]
		line("%d\t%d\t%d\t%s: %s\n", t.Found, t.Fill, t.Overwrite, k, whatIs[k])
	}
	errs = append(errs, out.Flush())
	for _, k := range reconcile.Kinds {
		list := r.Of(k)
		if len(list) == 0 {
			continue
		}
		line("\n%s\n", strings.ToUpper(string(k)))
		for _, f := range list[:min(mostShown, len(list))] {
			line("%s\t%s\t%s\n", f.Call, strings.Join(f.TaskIDs, ", "), strings.Join(f.Fields, ", "))
		}
		if rest := r.Tally[k].Found - mostShown; rest > 0 {
			line("and %d more (--output json)\n", rest)
		}
		if mend := k.Mend(); mend != "" {
			line("%s.\n", mend)
		}
		errs = append(errs, out.Flush())
	}
	line("\n%s looked at", callCount(int(r.Calls)))
	if r.Moving > 0 {
		line("; %d are being written by live traffic, and were left out", r.Moving)
	}
	if r.Kept > 0 {
		line("; %d keep what people changed (tasks.preserve_edits)", r.Kept)
	}
	line(".\n")
	return errors.Join(append(errs, out.Flush())...)
}
