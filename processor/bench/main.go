//go:build unix

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

// options are what the flags say.
type options struct {
	events, rounds, batch, hot, partitions, replication int
	lanes                                               []int
	brokers                                             string
	dir                                                 string
	profile, brokerProfile                              string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == serveBroker {
		exit(runBroker(os.Args[2:]))
		return
	}
	o, err := parse(os.Args[1:])
	if err == nil {
		err = run(ctx, o, os.Stdout, os.Stderr)
	}
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&o.events, "events", 100_000, "how many events to fold in each run")
	f.IntVar(&o.rounds, "rounds", 5, "how often to run everything")
	f.IntVar(&o.batch, "batch", 1000, "the most records of a transaction")
	f.IntVar(&o.hot, "hot", 50_000, "decoded states that are kept in memory")
	f.IntVar(&o.partitions, "partitions", 12, "partitions of the topics")
	f.IntVar(&o.replication, "replication", 1, "replicas of the topics")
	f.StringVar(&o.brokers, "brokers", "", "HOST:PORT of running brokers, by commas; empty: the embedded broker")
	f.StringVar(&o.dir, "dir", "", "where tables and the embedded broker's data are kept meanwhile; empty: the system's temporary directory")
	f.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the last run that folds to this file")
	f.StringVar(&o.brokerProfile, "brokerprofile", "", "write a CPU profile of the embedded broker to this file")
	lanes := f.String("lanes", "1,2", "numbers of lanes, by commas")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	for s := range strings.SplitSeq(*lanes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return o, fmt.Errorf("-lanes %s: %q is no number of lanes", *lanes, s)
		}
		o.lanes = append(o.lanes, n)
	}
	return o, nil
}

// run measures everything and prints the result.
func run(ctx context.Context, o options, out, progress io.Writer) (err error) {
	dir, err := os.MkdirTemp(o.dir, "callfold-bench-")
	if err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c, err := connect(o, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()

	_, _ = fmt.Fprintf(progress, "writing %d events\n", o.events)
	log, err := preload(ctx, c, o, dir)
	if err != nil {
		return err
	}
	results := map[string][]result{}
	for round := range o.rounds {
		for _, lanes := range o.lanes {
			for _, loop := range []string{fold, limit} {
				r, err := measure(ctx, c, o, log, lanes, loop, dir, round == o.rounds-1)
				if err != nil {
					return fmt.Errorf("round %d, %s with %d lanes: %w", round+1, loop, lanes, err)
				}
				_, _ = fmt.Fprintf(progress, "round %d, %d lanes, %-5s %s\n", round+1, lanes, loop, r)
				key := resultKey(lanes, loop)
				results[key] = append(results[key], r)
			}
		}
	}
	return report(out, o, c, log, results)
}
