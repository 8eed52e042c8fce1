package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/callfold/callfold/internal/replay"
)

func newReplayStatusCommand() *cobra.Command {
	var format *output
	cmd := &cobra.Command{
		Use:   "status PLAN",
		Short: "Say how far a plan was carried out",
		Long: `Say how far 'callfold replay apply' has come with a plan, from the file PLAN.progress
beside it: what was sent, what became of it, how fast it goes and how long the rest takes.
One that was killed is said to be stopped.`,
		Example: `  callfold replay status november.plan
  callfold replay status november.plan --output json`,
		Args: cobra.ExactArgs(1),
	}
	format = outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		plan, err := replay.Open(args[0])
		if err != nil {
			return err
		}
		state, begun, err := replay.ReadState(args[0])
		if err != nil {
			return err
		}
		if !begun || state.Plan != plan.Digest {
			return fmt.Errorf("nobody has begun to apply %s", args[0])
		}
		if state.Phase == replay.Running {
			applying, err := replay.Applying(args[0])
			if err == nil && !applying {
				state, _, err = replay.ReadState(args[0]) // it may have ended in between
			}
			if err != nil {
				return err
			}
			if state.Phase == replay.Running && !applying {
				state.Phase, state.Problem = replay.Stopped, "it was killed; apply goes on"
			}
		}
		if *format == jsonOutput {
			return printJSON(cmd.OutOrStdout(), state)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\nbegun %s by %s: %s\nas of %s\n", stateText(state),
			state.StartedAt.Format("2006-01-02 15:04:05Z"), state.Order.Who, state.Order.Why, state.SavedAt.Format("2006-01-02 15:04:05Z"))
		if wish, wanted := replay.Wanted(args[0]); wanted == nil && wish != replay.Go && !over(state.Phase) {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "wanted: %s; callfold replay resume takes it back\n", wish)
		}
		return err
	}
	return cmd
}

func newReplayPauseCommand() *cobra.Command {
	return newReplayWishCommand("pause", replay.Pause, "Have an apply pause",
		`Have the 'callfold replay apply' that carries out the plan stop in order, wherever it runs
with the same folder. What it has sent is carried out. 'callfold replay resume' takes the
wish back; then apply goes on.`, "apply stops within seconds",
		"nobody applies the plan now; whoever begins to is stopped, until callfold replay resume")
}

func newReplayResumeCommand() *cobra.Command {
	return newReplayWishCommand("resume", replay.Go, "Take back a pause or an abort",
		`Take back what 'callfold replay pause' or 'callfold replay abort' asked for. An apply that
has stopped meanwhile goes on when it is started again: callfold replay apply PLAN. One that
has ended as aborted does not.`, "apply goes on", "start apply again")
}

func newReplayAbortCommand() *cobra.Command {
	return newReplayWishCommand("abort", replay.Abort, "Have an apply end for good",
		`Have the 'callfold replay apply' that carries out the plan end, for good. No more commands
are sent; those that were are carried out by the sink. What is left over another plan finds.`, "apply ends within seconds, and the plan cannot be applied any more",
		"nobody applies the plan now, and it cannot be applied any more")
}

// newReplayWishCommand is a command that notes a wish beside the plan, and says what comes
// of it where an apply is at work, and where none is.
func newReplayWishCommand(name string, wish replay.Wish, short, long, then, otherwise string) *cobra.Command {
	return &cobra.Command{
		Use:     name + " PLAN",
		Short:   short,
		Long:    long,
		Example: "  callfold replay " + name + " november.plan",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := replay.Open(args[0])
			if err != nil {
				return err
			}
			state, begun, err := replay.ReadState(args[0])
			if err != nil {
				return err
			}
			if begun && state.Plan == plan.Digest && over(state.Phase) {
				return fmt.Errorf("the plan is %s: there is nothing to %s; make a new one", state.Phase, name)
			}
			if err := replay.Want(args[0], wish); err != nil {
				return err
			}
			applying, err := replay.Applying(args[0])
			if err != nil {
				return err
			}
			if !applying {
				then = otherwise
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "noted: %s\n", then)
			return err
		},
	}
}

// over tells that a plan in this phase is not applied any more.
func over(p replay.Phase) bool { return p == replay.Done || p == replay.Aborted }
