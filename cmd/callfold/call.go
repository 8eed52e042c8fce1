package main

import "github.com/spf13/cobra"

func newCallCommand(g *globals) *cobra.Command {
	return newGroup("call", "Look at one call, or at those that never ended",
		`  callfold call show 910400155 --config callfold.yaml
  callfold call stuck --config callfold.yaml`,
		newCallShowCommand(g), newCallStuckCommand(g))
}
