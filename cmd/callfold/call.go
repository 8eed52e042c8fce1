package main

import "github.com/spf13/cobra"

func newCallCommand(g *globals) *cobra.Command {
	return newGroup("call", "Look at one call",
		`  callfold call show 910400155 --config callfold.yaml`,
		newCallShowCommand(g))
}
