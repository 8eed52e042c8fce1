//go:build unix

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/callfold/callfold/test/bench"
)

// options are what the flags say.
type options struct {
	events, rounds, batch, hot, partitions, replication int
	lanes                                               bench.Numbers
	brokers                                             string
	dir                                                 string
	profile, brokerProfile                              string
}

func main() {
	bench.Main("bench", run, map[string]bench.Role{bench.Broker: bench.ServeBroker})
}

func parse(args []string) (o options, err error) {
	o = options{lanes: bench.Numbers{1, 2}}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&o.events, "events", 100_000, "how many events to fold in each run")
	f.IntVar(&o.rounds, "rounds", 5, "how often to run everything")
	f.Var(&o.lanes, "lanes", "numbers of lanes, by commas")
	f.IntVar(&o.batch, "batch", 1000, "the most records of a transaction")
	f.IntVar(&o.hot, "hot", 50_000, "decoded states that are kept in memory")
	f.IntVar(&o.partitions, "partitions", 12, "partitions of the topics")
	f.IntVar(&o.replication, "replication", 1, "replicas of the topics")
	f.StringVar(&o.brokers, "brokers", "", "HOST:PORT of running brokers, by commas; empty: the embedded broker")
	f.StringVar(&o.dir, "dir", "", "where tables and the embedded broker's data are kept meanwhile; empty: the system's temporary directory")
	f.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the last run that folds to this file")
	f.StringVar(&o.brokerProfile, "brokerprofile", "", "write a CPU profile of the embedded broker to this file")
	err = f.Parse(args)
	return o, err
}

// run measures everything and prints the result.
func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "callfold-bench-")
	if err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c, err := connect(ctx, o, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()

	fmt.Fprintf(os.Stderr, "writing %d events\n", o.events)
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
				fmt.Fprintf(os.Stderr, "round %d, %d lanes, %-5s %s\n", round+1, lanes, loop, r)
				key := resultKey(lanes, loop)
				results[key] = append(results[key], r)
			}
		}
	}
	return report(os.Stdout, o, c, log, results)
}
