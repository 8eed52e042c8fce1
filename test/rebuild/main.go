//go:build unix

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/callfold/callfold/internal/clock"
	"github.com/callfold/callfold/test/bench"
)

type options struct {
	calls, rate    int
	alone, latency time.Duration
}

func main() {
	bench.Main("rebuild", run, nil)
}

func run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("rebuild", flag.ContinueOnError)
	flags.IntVar(&o.calls, "calls", 10_000, "calls whose Tasks are deleted")
	flags.IntVar(&o.rate, "rate", 50, "live calls a second")
	flags.DurationVar(&o.alone, "alone", 30*time.Second, "how long live calls come before the rebuild")
	flags.DurationVar(&o.latency, "latency", 150*time.Millisecond, "what the simulator takes for a request")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return measure(ctx, o)
}

// measure prints what it finds as it goes on.
func measure(ctx context.Context, o options) (err error) {
	w, err := newWorld(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.history(ctx); err != nil {
		return err
	}
	gone, err := w.deleteTasks()
	if err != nil {
		return err
	}
	fmt.Printf("%d Tasks deleted; %d live calls a second, %s a request\n", gone, o.rate, o.latency)

	live := w.startLive(ctx)
	if err := clock.Sleep(ctx, o.alone); err != nil {
		return err
	}
	alone := live.take()
	fmt.Println("live calls alone:      ", alone)

	cpu := bench.CPUTime()
	began, asked := time.Now(), w.requests.Load()
	plan, err := w.plan(ctx)
	if err != nil {
		return err
	}
	planned, reading := time.Since(began), w.requests.Load()-asked
	if err := w.apply(ctx, plan, func() { fmt.Println("while it is planned:   ", live.take()) }); err != nil {
		return err
	}
	took := time.Since(began) - planned
	during := live.take()
	fmt.Println("while a rebuild goes on:", during)
	rows := plan.Len()
	bulk, err := w.byBulk()
	if err != nil {
		return err
	}
	fmt.Printf("planned in %s with %d requests; %d calls applied, %.0f of them by bulk jobs, in %s with %d, those of live calls among them: %.0f a second; CPU of everything %s\n",
		planned.Round(time.Millisecond), reading, rows, bulk, took.Round(time.Millisecond), w.requests.Load()-asked-reading, float64(rows)/took.Seconds(), (bench.CPUTime() - cpu).Round(time.Millisecond))

	if err := live.stop(); err != nil {
		return err
	}
	again, err := w.plan(ctx)
	if err != nil {
		return err
	}
	if n := again.Header.Summary.Changes(); n != 0 {
		return fmt.Errorf("after the rebuild a second plan has %d changes", n)
	}
	fmt.Println("a second plan has no changes")
	return nil
}
