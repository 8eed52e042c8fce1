//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/callfold/callfold/test/bench"
)

// options are what the flags say.
type options struct {
	calls, batch, lanes, partitions int
	inFlight                        bench.Numbers
	bulkAbove                       int
	latency, linger                 time.Duration
	dir, profile                    string
}

func main() {
	bench.Main("bench", run, map[string]bench.Role{worldRole: runWorld})
}

func parse(args []string) (o options, err error) {
	o = options{inFlight: bench.Numbers{1, 2, 4}}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&o.calls, "calls", 40_000, "how many calls wait")
	f.Var(&o.inFlight, "inflight", "numbers of write requests in flight, by commas")
	f.IntVar(&o.batch, "batch", 4000, "the most records of a turn")
	f.IntVar(&o.lanes, "lanes", 2, "lanes of the sink")
	f.IntVar(&o.partitions, "partitions", 12, "partitions of the topics")
	f.DurationVar(&o.latency, "latency", 150*time.Millisecond, "how long Salesforce takes for 200 rows")
	f.DurationVar(&o.linger, "linger", time.Minute, "sink.max_linger")
	f.IntVar(&o.bulkAbove, "bulk", 2000, "sink.bulk_above; 0 = do not measure rewrites")
	f.StringVar(&o.dir, "dir", "", "where everything is kept meanwhile; empty: the system's temporary directory")
	f.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the last run to this file")
	err = f.Parse(args)
	return o, err
}

// run measures everything and prints the result.
func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "making %d calls\n", o.calls)
	records, err := backlog(o.calls)
	if err != nil {
		return err
	}
	var results []result
	for _, n := range o.inFlight {
		r, err := drain(ctx, o, records, n)
		if err != nil {
			return fmt.Errorf("draining with %d requests in flight: %w", n, err)
		}
		fmt.Fprintf(os.Stderr, "%d in flight: %.0f rows/s of %.0f\n", n, r.perSecond, r.most)
		results = append(results, r)
	}
	if err := report(os.Stdout, o, results); err != nil || o.bulkAbove == 0 {
		return err
	}
	return reportBulk(ctx, o, records)
}

func report(out io.Writer, o options, results []result) error {
	cores := runtime.GOMAXPROCS(0)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(t, "%d calls, %d lanes, batches of up to %d, %s for 200 rows, %d cores\n\n", o.calls, o.lanes, o.batch, o.latency, cores)
	_, _ = fmt.Fprintln(t, "in flight\trows/s\tat most\tof that\trequests/1000 rows\tCPU/row, sink\tbroker and simulator\tof the cores\t")
	for _, r := range results {
		used := (r.sink + r.world).Seconds() * r.perSecond / float64(cores)
		_, _ = fmt.Fprintf(t, "%d\t%.0f\t%.0f\t%.0f %%\t%.1f\t%d µs\t%d µs\t%.0f %%\t\n",
			r.inFlight, r.perSecond, r.most, 100*r.perSecond/r.most, r.requests, r.sink.Microseconds(), r.world.Microseconds(), 100*used)
	}
	return t.Flush() // has the errors of the lines
}
