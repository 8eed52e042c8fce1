// Command callfold turns Aircall call webhooks into Salesforce Tasks through Kafka.
//
// Each command has a file of its own with newXCommand, which only wires: flags
// and settings go in, a package does the work. Adding a command: write that
// file, add it in newRootCommand, add a section to docs/commands.md (a test
// asks for it) and a script to testdata/script.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

// run is main with its exit code as a result.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks to stop in order; from then on signals have their
	// usual effect again, so that a second one kills.
	context.AfterFunc(ctx, stop)
	return execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}
