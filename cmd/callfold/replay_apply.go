package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/outcomes"
	"github.com/callfold/callfold/internal/replay"
	"github.com/callfold/callfold/internal/settings"
)

// replayApply are the flags of the command.
type replayApply struct {
	order   command.Order
	yes     bool
	dir     string
	timeout time.Duration
	format  *output
}

func newReplayApplyCommand(g *globals) *cobra.Command {
	var a replayApply
	cmd := &cobra.Command{
		Use:   "apply PLAN",
		Short: "Carry out a plan",
		Long: `Carry out a plan of 'callfold replay plan', or go on with one that was stopped, paused or
killed. For each call of the plan a callfold.rewrite command goes into the topic events;
the sink, which must be running, writes what is right then. So a call that has changed
meanwhile is never overwritten with something older.

First the plan is made again for its calls: those about which it would say something else
now are left out and counted. Then a hundred calls go ahead; where more than five of them
are rejected nothing else is sent. The others follow as fast as the sink can take them
behind live traffic, and what became of each is read from the topic tasks. How far it is
stands in PLAN.progress; see 'callfold replay status'. Ctrl-C stops in order, and the same
command goes on from there.

The number of calls is shown and a question asked; --yes answers it. The reason stays in
the history of each call.

The user needs the rights of 'replay plan', WRITE on events, and DESCRIBE on the
processor's and the sink's groups.`,
		Example: `  callfold replay apply november.plan --reason "the subjects are French now"
  callfold replay apply november.plan --yes    # goes on after Ctrl-C`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd, g, args[0]) },
	}
	flags := cmd.Flags()
	orderFlags(cmd, &a.order)
	flags.BoolVar(&a.yes, "yes", false, "do not ask")
	flags.StringVar(&a.dir, "dir", "", "`folder` for files meanwhile (default: the system's)")
	timeoutFlag(cmd, &a.timeout)
	a.format = outputFlag(cmd)
	return cmd
}

// begin reads the plan and what is known of an earlier apply.
func (a *replayApply) begin(cmd *cobra.Command, path string) (*replay.Plan, replay.State, error) {
	state, begun, err := replay.ReadState(path)
	if err != nil {
		return nil, state, err
	}
	if !begun {
		if err := completeOrder(&a.order); err != nil {
			return nil, state, usagef(cmd, "%w", err)
		}
	}
	if err := askable(cmd, a.yes, "look at the plan"); err != nil {
		return nil, state, err
	}
	plan, err := replay.Open(path)
	return plan, state, err
}

func (a *replayApply) run(cmd *cobra.Command, g *globals, path string) error {
	plan, state, err := a.begin(cmd, path)
	if err != nil {
		return err
	}
	s, err := g.load(settings.ForSink)
	if err != nil {
		return err
	}
	if err := refuseDryRun(cmd, s); err != nil {
		return err
	}
	return sendCommands(cmd, g, a.timeout, "callfold-replay-apply", false, func(ctx context.Context, client *kgo.Client, _ settings.Settings) error {
		plans, remove, err := newPlanner(ctx, s, client, a.dir)
		if err != nil {
			return err
		}
		defer remove()
		if err := fits(ctx, plans, plan.Header); err != nil {
			return err
		}
		if rest := int64(plan.Len()) - state.Sent; rest > 0 {
			if err := confirm(ctx, cmd, a.yes, fmt.Sprintf("Have %s rewritten in Salesforce?", callCount(int(rest)))); err != nil {
				return err
			}
		}
		done, err := applyPlan(ctx, cmd, plan, plans, client, a.order)
		if done.Phase == "" { // it did not begin
			return err
		}
		if *a.format == jsonOutput {
			return errors.Join(err, printJSON(cmd.OutOrStdout(), done))
		}
		_, printed := fmt.Fprintln(cmd.OutOrStdout(), stateText(done))
		return errors.Join(err, printed)
	})
}

// applyPlan has a plan carried out, tells on stderr how far it is, and gives how far it
// came. That a call was rejected is an error.
func applyPlan(ctx context.Context, cmd *cobra.Command, plan *replay.Plan, plans *planner, client *kgo.Client, order command.Order) (replay.State, error) {
	tell := teller{to: cmd.ErrOrStderr()}
	err := replay.Apply(ctx, applyOptions(cmd, plan, plans, client, order, &tell))
	if failed := tell.state.Failed(); err == nil && failed > 0 {
		err = fmt.Errorf("%s rejected; callfold outcomes list --outcome rejected says why", callCount(int(failed)))
	}
	return tell.state, err
}

// fits says why a plan is not for these settings.
func fits(ctx context.Context, plans *planner, h replay.Header) error {
	now, err := plans.header(ctx, h.MadeAt)
	switch {
	case err != nil:
		return err
	case now.Calls != h.Calls || now.Org != h.Org:
		return fmt.Errorf("the plan is for %s and %s, the settings name %s and %s", h.Calls, h.Org, now.Calls, now.Org)
	case now.Settings != h.Settings:
		return errors.New("the rules in tasks, match or owner are not those that the plan was made with: make a new plan")
	}
	return nil
}

func applyOptions(cmd *cobra.Command, plan *replay.Plan, plans *planner, client *kgo.Client, order command.Order, tell *teller) replay.ApplyOptions {
	s := plans.settings
	return replay.ApplyOptions{
		Plan: plan, Order: order, Kafka: client,
		Reader: func(more ...kgo.Opt) (*kgo.Client, error) {
			opts, err := kafka.Options(s.Kafka, "callfold-replay-apply", slog.New(slog.DiscardHandler), nil)
			if err != nil {
				return nil, err
			}
			return kgo.NewClient(append(opts, more...)...)
		},
		Events: kafka.TopicName(s.Kafka, kafka.Events), Calls: plans.options.Calls, Tasks: plans.options.Tasks,
		Group: kafka.GroupName(s.Kafka, kafka.SinkGroup),
		Again: func(ctx context.Context, ids map[int64]bool, each func(replay.Row) error) error {
			plans.options.Filter, plans.options.Rematch = replay.Filter{IDs: ids}, plan.Header.Rematch
			_, err := plans.make(ctx, cmd, each)
			return err
		},
		Bulk: app.BulkRewrites(s.Sink),
		Requests: func(ctx context.Context) (int64, error) {
			if _, err := plans.client.Limits(ctx); err != nil {
				return 0, fmt.Errorf("asking Salesforce for its API requests: %w", err)
			}
			usage, _ := plans.client.Usage()
			return int64(usage.Used), nil
		},
		Tell: tell.tell, Now: time.Now,
	}
}

// teller tells on stderr how far an apply is, now and then.
type teller struct {
	to    io.Writer
	mu    sync.Mutex
	state replay.State
	told  time.Time
}

func (t *teller) tell(s replay.State) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = s
	if s.SavedAt.Sub(t.told) >= progressEvery {
		t.told = s.SavedAt
		_, _ = fmt.Fprintln(t.to, stateText(s)) // nobody is left to tell if this fails
	}
}

// stateText says how far an apply is, on one line.
func stateText(s replay.State) string {
	parts := []string{fmt.Sprintf("%s: %d of %d calls sent", s.Phase, s.Sent-int64(len(s.LeftOut)), s.Rows)}
	if n := len(s.LeftOut); n > 0 {
		parts = append(parts, fmt.Sprintf("%d left out, since they have changed since the plan", n))
	}
	summary := outcomes.Summary{}
	for result, n := range s.Results {
		summary[result] = map[string]int{"": int(n)}
	}
	if len(summary) > 0 {
		parts = append(parts, summary.String())
	}
	if s.Refused > 0 {
		parts = append(parts, fmt.Sprintf("%d are tried again", s.Refused))
	}
	if s.Requests > 0 {
		parts = append(parts, fmt.Sprintf("%d API requests in the org meanwhile", s.Requests))
	}
	if s.Phase == replay.Running && s.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%.0f a second, about %v left", s.Rate, s.Left()))
	}
	if s.Problem != "" {
		parts = append(parts, s.Problem)
	}
	return strings.Join(parts, "; ")
}
