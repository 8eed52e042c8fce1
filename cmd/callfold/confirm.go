package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// errDeclined means that somebody was asked and did not say yes.
var errDeclined = errors.New("not confirmed: nothing was done")

// isTerminal reports whether somebody may sit at the other end. A device that is
// no terminal, such as /dev/null, counts as one; nobody answers there, and confirm
// says so.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// askable is an error where a question will have to be asked and nobody can be. look says
// how one sees first what will be done.
func askable(cmd *cobra.Command, yes bool, look string) error {
	if yes || isTerminal(cmd.InOrStdin()) {
		return nil
	}
	return usagef(cmd, "nobody can be asked here: %s, then give --yes", look)
}

// confirm asks a question, on stderr, and returns nil only for yes. What --yes says is
// not asked.
func confirm(ctx context.Context, cmd *cobra.Command, yes bool, question string) error {
	if yes {
		return nil
	}
	if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question); err != nil {
		return err
	}
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() { // a read from a terminal cannot be called off
		text, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		answered <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case a := <-answered:
		switch text := strings.ToLower(strings.TrimSpace(a.text)); {
		case text == "y" || text == "yes":
			return nil
		case a.err != nil && text == "":
			return usagef(cmd, "nobody answers here: look first at what would be done, then give --yes")
		}
		return errDeclined
	}
}
