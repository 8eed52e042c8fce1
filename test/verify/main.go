//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/callfold/callfold/test/bench"
)

type options struct {
	calls, partitions int
	dir               string
	profile           string
}

func main() {
	bench.Main("verify", run, map[string]bench.Role{bench.Broker: bench.ServeBroker, verification: work(verifyAll), limit: work(read)})
}

func run(ctx context.Context, args []string) error {
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
	b, addr, err := bench.StartBroker(ctx, filepath.Join(dir, "broker"), "")
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
	for _, p := range []struct{ role, profile string }{{limit, ""}, {verification, o.profile}} {
		r, err := measure(ctx, p.role, addr, dir, p.profile)
		if err != nil {
			return fmt.Errorf("%s: %w", p.role, err)
		}
		fmt.Println(r.line(p.role, filled.events))
	}
	return nil
}
