//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/test/bench"
)

type options struct {
	calls   bench.Numbers
	load    time.Duration
	rate    int
	svg     string
	profile string
}

func main() {
	bench.Main("restore", run, map[string]bench.Role{bench.Broker: bench.ServeBroker, stageRole: runStage})
}

func run(ctx context.Context, args []string) error {
	o := options{calls: bench.Numbers{100_000, 300_000, 1_000_000}}
	flags := flag.NewFlagSet("restore", flag.ContinueOnError)
	flags.Var(&o.calls, "calls", "numbers of calls, by commas")
	flags.DurationVar(&o.load, "load", 20*time.Second, "how long the stage works for the measure of its memory")
	flags.IntVar(&o.rate, "rate", 2000, "events a second of that work")
	flags.StringVar(&o.svg, "svg", "", "file for the curve of memory")
	flags.StringVar(&o.profile, "cpuprofile", "", "file for a profile of the last restore from nothing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return measureAll(ctx, o)
}

// measureAll prints a row for each number of calls.
func measureAll(ctx context.Context, o options) error {
	var rows []row
	fmt.Println(head)
	for _, n := range o.calls {
		r, err := measure(ctx, o, n)
		if err != nil {
			return fmt.Errorf("with %d calls: %w", n, err)
		}
		fmt.Println(r)
		rows = append(rows, r)
	}
	if o.svg == "" {
		return nil
	}
	return os.WriteFile(o.svg, []byte(curve(rows)), 0o644)
}

// measure is all measures of one number of calls.
func measure(ctx context.Context, o options, calls int) (r row, err error) {
	dir, err := os.MkdirTemp("", "callfold-restore-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, addr, err := bench.StartBroker(ctx, filepath.Join(dir, "broker"), "")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.End(syscall.SIGTERM)) }()
	f, err := newFiller(ctx, addr)
	if err != nil {
		return r, err
	}
	defer f.client.Close()
	r.calls = calls
	if r.stateBytes, err = f.fill(ctx, calls); err != nil {
		return r, err
	}

	store := filepath.Join(dir, "state")
	s, err := startStage(ctx, addr, store, plain, o.profile)
	if err != nil {
		return r, err
	}
	r.restore, r.restoreCPU = s.took, s.cpu
	note("%d calls: restored from nothing in %s, %s of CPU", calls, s.took, s.cpu)
	if err := f.load(ctx, o, calls); err != nil {
		return r, errors.Join(err, s.End(syscall.SIGKILL))
	}
	r.memory, r.peak, err = s.Memory()
	if err = errors.Join(err, s.End(syscall.SIGKILL)); err != nil {
		return r, err
	}
	note("%d calls: %d MB under load, %d MB at the most", calls, r.memory>>20, r.peak>>20)
	for _, took := range []*time.Duration{&r.afterKill, &r.afterStop} {
		if s, err = startStage(ctx, addr, store, plain, ""); err != nil {
			return r, err
		}
		*took = s.took
		note("%d calls: restarted in %s", calls, s.took)
		if err := s.End(syscall.SIGTERM); err != nil {
			return r, err
		}
	}
	r.storeBytes, err = diskUse(store)
	if err != nil {
		return r, err
	}
	if s, err = startStage(ctx, addr, filepath.Join(dir, "timers"), withTimers, ""); err != nil {
		return r, err
	}
	r.timers, r.timersCPU = s.took, s.cpu
	return r, s.End(syscall.SIGTERM)
}

// note says what was measured so far: a run takes minutes.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// diskUse adds up the files of a folder.
func diskUse(dir string) (total int64, err error) {
	err = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			total += info.Size()
		}
		return err
	})
	return total, err
}

// topicPrefix is that of all topics here.
const topicPrefix = "restore."

var (
	events = topicPrefix + kafka.Events
	callsT = topicPrefix + kafka.Calls
)
