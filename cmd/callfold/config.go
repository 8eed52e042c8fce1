package main

import "github.com/spf13/cobra"

func newConfigCommand(g *globals) *cobra.Command {
	return newGroup("config", "Check, print or try the settings",
		`  callfold config check --config callfold.yaml
  callfold config print --config callfold.yaml
  callfold config test --config new.yaml`,
		newConfigCheckCommand(g), newConfigPrintCommand(g), newConfigTestCommand(g))
}
