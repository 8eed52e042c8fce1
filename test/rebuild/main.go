//go:build unix

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type options struct {
	calls, rate    int
	alone, latency time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	flag.IntVar(&o.calls, "calls", 10_000, "calls whose Tasks are deleted")
	flag.IntVar(&o.rate, "rate", 50, "live calls a second")
	flag.DurationVar(&o.alone, "alone", 30*time.Second, "how long live calls come before the rebuild")
	flag.DurationVar(&o.latency, "latency", 150*time.Millisecond, "what the simulator takes for a request")
	flag.Parse()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "rebuild:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
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
	if err := sleep(ctx, o.alone); err != nil {
		return err
	}
	alone := live.take()
	fmt.Println("live calls alone:      ", alone)

	cpu := cpuTime()
	began := time.Now()
	plan, err := w.plan(ctx)
	if err != nil {
		return err
	}
	planned := time.Since(began)
	if err := w.apply(ctx, plan); err != nil {
		return err
	}
	took := time.Since(began) - planned
	during := live.take()
	fmt.Println("while a rebuild goes on:", during)
	rows := plan.Len()
	fmt.Printf("planned in %s; %d calls applied in %s: %.0f a second; CPU of everything %s\n",
		planned.Round(time.Millisecond), rows, took.Round(time.Millisecond), float64(rows)/took.Seconds(), (cpuTime() - cpu).Round(time.Millisecond))

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

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // it is always there on the systems that this builds on
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
