package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/callfold/callfold/internal/settings"
)

// The exit codes that scripts rely on.
const (
	exitDone   = 0
	exitFailed = 1 // something failed, also if only one item did
	exitUsage  = 2 // wrong usage or settings
)

// usageError is a command line that cannot be understood or does not make sense.
type usageError struct {
	command string // as typed: callfold topics create
	err     error
}

func (e *usageError) Error() string {
	return fmt.Sprintf("%v\nSee '%s --help'.", e.err, e.command)
}

func (e *usageError) Unwrap() error { return e.err }

// usagef is a usageError of the command.
func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{command: cmd.CommandPath(), err: fmt.Errorf(format, args...)}
}

// exitCode is the exit code for an error.
func exitCode(err error) int {
	var usage *usageError
	var wrong *settings.Error
	if errors.As(err, &usage) || errors.As(err, &wrong) {
		return exitUsage
	}
	return exitFailed
}

// interrupted replaces an error that only comes of a signal by plain words.
func interrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errors.New("stopped by a signal before it was done")
	}
	return err
}
