package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/callfold/callfold/internal/bodies"
	"github.com/callfold/callfold/schemas"
)

// inputHelp is what the help of fold and project says about their FILEs.
const inputHelp = `The files hold webhook bodies as Aircall posts them, or call objects of its REST
API (their time is the latest inside): one JSON value a line, pretty-printed over
several, or in arrays; - is standard input. Order and repetition change nothing.
What is no call event is told on stderr with its file and line, and makes the exit
code 1; the rest is still done.`

// atLeastOneFile is the check of the arguments of fold and project.
func atLeastOneFile(_ *cobra.Command, files []string) error {
	if len(files) == 0 {
		return errors.New("name at least one file of webhook bodies, or - for standard input")
	}
	return nil
}

// printFolded folds the bodies in the files and prints a line for each call,
// ordered by call id. What cannot be used is told on stderr as it is met; the
// error then says how much it was.
func printFolded(cmd *cobra.Command, files []string, line func(schemas.CallRecord) ([]byte, error)) error {
	done := make(chan error, 1)
	// Beside, because reading a terminal or a pipe cannot be broken off.
	go func() { done <- foldAndPrint(cmd, files, line) }()
	select {
	case err := <-done:
		return err
	case <-cmd.Context().Done():
		return interrupted(cmd.Context(), cmd.Context().Err())
	}
}

func foldAndPrint(cmd *cobra.Command, files []string, line func(schemas.CallRecord) ([]byte, error)) error {
	f := folding{ctx: cmd.Context(), stdin: cmd.InOrStdin(), stderr: cmd.ErrOrStderr()}
	for _, file := range files {
		f.file(file)
	}
	if err := f.ctx.Err(); err != nil {
		return err
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	for _, record := range f.calls.Sorted() {
		b, err := line(record)
		if err != nil {
			return err
		}
		_, _ = out.Write(append(b, '\n')) // Flush tells
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("printing the calls: %w", err)
	}
	switch f.problems {
	case 0:
		return nil
	case 1:
		return errors.New("one problem in the input, told above; the rest is done")
	}
	return fmt.Errorf("%d problems in the input, told above; the rest is done", f.problems)
}

// folding is the folding of some files.
type folding struct {
	ctx      context.Context
	stdin    io.Reader
	stderr   io.Writer
	calls    bodies.Calls
	problems int
}

func (f *folding) problem(where string, err error) {
	f.problems++
	// Nobody is left to tell if this cannot be written.
	_, _ = fmt.Fprintf(f.stderr, "%s: %v\n", where, err)
}

// file folds one file.
func (f *folding) file(path string) {
	if path == "-" {
		f.bodies("stdin", f.stdin)
		return
	}
	file, err := os.Open(path)
	if err != nil {
		f.problem(path, fmt.Errorf("cannot be read: %w", withoutPath(err)))
		return
	}
	defer file.Close() // only read: nothing can be lost
	f.bodies(path, file)
}

func (f *folding) bodies(name string, r io.Reader) {
	for body, err := range bodies.Split(r) {
		if f.ctx.Err() != nil {
			return
		}
		line := body.Line
		if syntax := (*bodies.SyntaxError)(nil); errors.As(err, &syntax) {
			line = syntax.Line
		} else if err != nil {
			f.problem(name, fmt.Errorf("cannot be read to its end: %w", withoutPath(err)))
			return
		}
		if err == nil {
			err = f.calls.Fold(body.Value)
		}
		if err != nil {
			f.problem(fmt.Sprintf("%s:%d", name, line), err)
		}
	}
}

// withoutPath is what the system said, without the path, which is told anyway.
func withoutPath(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}
