package main

import "github.com/spf13/cobra"

func newReplayCommand(g *globals) *cobra.Command {
	return newGroup("replay", "Make states, Tasks and the log itself again from events",
		`  callfold replay plan --config callfold.yaml
  callfold replay apply callfold-20261128T120000Z.plan --reason "the subjects are French now"`,
		newReplayPlanCommand(g), newReplayApplyCommand(g), newReplayStatusCommand(), newReplayPauseCommand(),
		newReplayResumeCommand(), newReplayAbortCommand(), newReplayEventsCommand(g), newReplayStateCommand(g))
}
