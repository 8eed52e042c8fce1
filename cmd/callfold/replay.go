package main

import "github.com/spf13/cobra"

func newReplayCommand(g *globals) *cobra.Command {
	_ = g
	return newGroup("replay", "Make states, Tasks and the log itself again from events",
		`  callfold replay --help`)
}
