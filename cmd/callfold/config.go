package main

import "github.com/spf13/cobra"

func newConfigCommand(g *globals) *cobra.Command {
	return newGroup("config", "Check or print the settings",
		`  callfold config check --config callfold.yaml
  callfold config print --config callfold.yaml`,
		newConfigCheckCommand(g), newConfigPrintCommand(g))
}
