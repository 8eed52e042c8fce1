package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callfold/callfold/internal/settings"
)

// globals are the flags that every command has.
type globals struct {
	// config is the settings file; empty = none.
	config string
}

// load is the effective settings, checked for what they are needed for. All
// problems come in one error, which makes the exit code 2.
func (g *globals) load(need settings.Need) (settings.Settings, error) {
	return settings.LoadAndCheck(g.config, os.Environ(), need)
}

// newRootCommand is callfold with all its commands. wired is called once the
// command line has been understood, before the command runs.
func newRootCommand(wired func()) *cobra.Command {
	g := &globals{}
	root := &cobra.Command{
		Use:   "callfold",
		Short: "Turns Aircall calls into Salesforce Tasks through Kafka",
		Long: `callfold turns Aircall's call webhooks into Salesforce Tasks through Kafka.

Settings come from one YAML file (--config) and from environment variables that
start with CALLFOLD_; docs/settings.md lists them all.

Exit codes: 0 done, 1 something failed, 2 wrong usage or settings.`,
		Example: `  callfold config check --config callfold.yaml
  callfold topics create --config callfold.yaml
  callfold topics create --help`,
		SilenceErrors: true,
		SilenceUsage:  true,
		// A command must not have a PersistentPreRunE of its own: it would
		// take the place of this one.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.ValidateRequiredFlags(); err != nil {
				return err
			}
			if err := cmd.ValidateFlagGroups(); err != nil {
				return err
			}
			wired()
			return nil
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagProblem(err) })
	root.PersistentFlags().StringVar(&g.config, "config", "", "settings `file` (YAML)")
	must(root.MarkPersistentFlagFilename("config", "yaml", "yml"))
	root.AddCommand(
		newBackfillCommand(g),
		newCallCommand(g),
		newCanaryCommand(g),
		newCapacityCommand(),
		newConfigCommand(g),
		newDevCommand(g),
		newDoctorCommand(g),
		newEraseCommand(g),
		newExplainCommand(g),
		newFoldCommand(),
		newIngestCommand(g),
		newOutcomesCommand(g),
		newProcessCommand(g),
		newProjectCommand(g),
		newReconcileCommand(g),
		newReplayCommand(g),
		newRejectedCommand(g),
		newSimulateCommand(),
		newSinkCommand(g),
		newTopicsCommand(g),
		newVerifyCommand(g),
		newVersionCommand(),
	)
	return root
}

// flagProblem is an error of the command line's parser, in plain words where those of the
// parser are none.
func flagProblem(err error) error {
	var unknown *pflag.NotExistError
	var value *pflag.InvalidValueError
	var number *strconv.NumError
	switch {
	case errors.As(err, &unknown) && strings.ContainsAny(unknown.GetSpecifiedShortnames(), "0123456789"):
		return fmt.Errorf("\"-%s\" is neither a flag nor an id: that is a whole number above 0, such as 910400155", unknown.GetSpecifiedShortnames())
	case errors.As(err, &value) && errors.As(err, &number):
		what := "whole number"
		if value.GetFlag().Value.Type() == "float64" {
			what = "number"
		}
		return fmt.Errorf("--%s %q is no %s", value.GetFlag().Name, number.Num, what)
	}
	return err
}

// execute runs the command line and gives the exit code. An error is told once,
// in plain words, on stderr.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	understood := false
	root := newRootCommand(func() { understood = true })
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if !understood {
		err = &usageError{command: cmd.CommandPath(), err: err}
	}
	// Nobody is left to tell if this cannot be written.
	_, _ = fmt.Fprintf(stderr, "callfold: %s\n", strings.TrimRight(err.Error(), "\n"))
	return exitCode(err)
}

// newGroup is a command that only holds others, such as callfold topics. Without
// one of these it is wrong usage.
func newGroup(use, short, example string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use:     use,
		Short:   short,
		Example: example,
		RunE: func(cmd *cobra.Command, args []string) error {
			var names []string
			for _, c := range cmd.Commands() {
				names = append(names, c.Name())
			}
			problem := "one of these commands must follow"
			if len(args) > 0 {
				problem = fmt.Sprintf("unknown command %q; one of these must follow", args[0])
			}
			return usagef(cmd, "%s: %s", problem, strings.Join(names, ", "))
		},
	}
	group.AddCommand(commands...)
	return group
}

// must stops the program on a mistake that can only be in its source.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
