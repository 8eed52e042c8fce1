package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callfold/callfold/internal/settings"
)

// needs are the values of config check --for.
var needs = map[string]settings.Need{
	"all":     settings.ForAll,
	"ingest":  settings.ForIngest,
	"process": settings.ForProcessor,
	"sink":    settings.ForSink,
	"topics":  settings.ForKafka,
	"offline": settings.Offline,
}

func newConfigCheckCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the settings and tell all problems at once",
		Long: `Check the settings file and the environment, and tell everything that is wrong
at once: each problem with where it is, the key, the value, what is wrong and how
to mend it. The exit code is 2 when anything is.

By default every stage must find what it needs, secrets included. Where one file
serves several stages and the secrets are not all here, --for narrows that.`,
		Example: `  callfold config check --config callfold.yaml
  callfold config check --config callfold.yaml --for ingest,process
  callfold config check --config callfold.yaml --for offline --output json`,
		Args: cobra.NoArgs,
	}
	names := slices.Sorted(maps.Keys(needs))
	var stages []string
	cmd.Flags().StringSliceVar(&stages, "for", []string{"all"}, "`stages` that must find what they need: "+strings.Join(names, ", "))
	must(cmd.RegisterFlagCompletionFunc("for", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp)))
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var need settings.Need
		for _, stage := range stages {
			n, ok := needs[stage]
			if !ok {
				return usagef(cmd, "--for knows no stage %q; use %s", stage, strings.Join(names, ", "))
			}
			need |= n
		}
		_, err := g.load(need)
		if *format == jsonOutput {
			return checkedJSON(cmd, err)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "the settings are right (for %s)\n", strings.Join(stages, ", "))
		return err
	}
	return cmd
}

// checkedJSON prints the problems as data, and gives the error on for the exit code.
func checkedJSON(cmd *cobra.Command, err error) error {
	result := struct {
		OK       bool               `json:"ok"`
		Problems []settings.Problem `json:"problems"`
	}{OK: err == nil}
	var wrong *settings.Error
	if errors.As(err, &wrong) {
		result.Problems = wrong.Problems
	}
	if printed := printJSON(cmd.OutOrStdout(), result); printed != nil {
		return printed
	}
	return err
}
