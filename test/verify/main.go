//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/callfold/callfold/test/roles"
)

type options struct {
	calls, partitions int
	dir               string
	profile           string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case roles.Broker:
			return roles.ServeBroker(ctx, args[1])
		case verification, limit:
			return work(ctx, args)
		}
	}
	var o options
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.IntVar(&o.calls, "calls", 1_000_000, "how many calls there are")
	flags.IntVar(&o.partitions, "partitions", 12, "partitions of the topics")
	flags.StringVar(&o.dir, "dir", "", "where tables and the broker's data are kept meanwhile; empty: the system's temporary directory")
	flags.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the verification to this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return measureAll(ctx, o)
}

// measureAll fills the topics, and prints a line for the verification and one for the
// limit.
func measureAll(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp(o.dir, "callfold-bench-verify-")
	if err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, addr, err := roles.StartBroker(ctx, filepath.Join(dir, "broker"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.End(syscall.SIGTERM)) }()
	filled, err := fill(ctx, o, addr)
	if err != nil {
		return err
	}
	fmt.Printf("%d calls, %d events of %d bytes on average, states of %d bytes; %d cores, shared with the broker\n",
		o.calls, filled.events, filled.eventBytes/filled.events, filled.stateBytes/int64(o.calls), runtime.NumCPU())
	for _, role := range []string{limit, verification} {
		r, err := measure(ctx, role, addr, dir, o.profile)
		if err != nil {
			return fmt.Errorf("%s: %w", role, err)
		}
		fmt.Println(r.line(role, filled.events))
	}
	return nil
}
