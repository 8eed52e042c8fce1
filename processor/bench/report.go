//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// result is what one run gave. CPU times are per event.
type result struct {
	perSecond     float64
	stage, broker time.Duration
	states        float64 // written per event
	batch         float64 // events per transaction
}

func (r result) String() string {
	return fmt.Sprintf("%6.0f events/s, CPU per event %.1f µs + broker %.1f µs, %.2f states per event, %.0f events per transaction",
		r.perSecond, micros(r.stage), micros(r.broker), r.states, r.batch)
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// between is what was done between two samples.
func between(first, last sample, log *eventLog) (r result, err error) {
	n := last.counts.in - first.counts.in
	switch {
	case first.at.IsZero() || n < 0.4*float64(log.events):
		return r, fmt.Errorf("%.0f of %d events were handled before all lanes worked: use more -events", first.counts.in, log.events)
	case last.counts.rejected > 0:
		return r, errors.New("events were rejected")
	}
	return result{
		perSecond: n / last.at.Sub(first.at).Seconds(),
		stage:     time.Duration(float64(last.stage-first.stage) / n),
		broker:    time.Duration(float64(last.broker-first.broker) / n),
		states:    (last.counts.out - first.counts.out) / n,
		batch:     n / (last.counts.committed - first.counts.committed),
	}, nil
}

func resultKey(lanes int, loop string) string { return fmt.Sprint(lanes, loop) }

// report prints the medians.
func report(w io.Writer, o options, c *cluster, log *eventLog, results map[string][]result) error {
	_, err := fmt.Fprintf(w, "%d events of %d bytes, %d calls, %d partitions; %s; batches of up to %d; medians of %d rounds; %d cores\n\n",
		log.events, log.bytes/int64(log.events), log.calls, o.partitions, c.name, o.batch, o.rounds, runtime.GOMAXPROCS(0))
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "lanes\tloop\tevents/s\tof the limit\tCPU/event, stage\tbroker\tstates/event\tevents/transaction\t")
	for _, lanes := range o.lanes {
		folds, limits := results[resultKey(lanes, fold)], results[resultKey(lanes, limit)]
		ratios := make([]float64, len(folds))
		for i := range folds {
			ratios[i] = folds[i].perSecond / limits[i].perSecond
		}
		slices.Sort(ratios)
		row := func(loop, ratio string, rs []result) {
			m := medians(rs)
			_, _ = fmt.Fprintf(t, "%d\t%s\t%.0f\t%s\t%.1f µs\t%.1f µs\t%.2f\t%.0f\t\n", lanes, loop, m.perSecond, ratio, micros(m.stage), micros(m.broker), m.states, m.batch)
		}
		row(fold, fmt.Sprintf("%.0f %%", 100*ratios[len(ratios)/2]), folds)
		row(limit, "", limits)
	}
	return t.Flush() // has the errors of the lines
}

// medians are each figure's median.
func medians(rs []result) result {
	of := func(get func(result) float64) float64 {
		all := make([]float64, len(rs))
		for i, r := range rs {
			all[i] = get(r)
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return result{
		perSecond: of(func(r result) float64 { return r.perSecond }),
		stage:     time.Duration(of(func(r result) float64 { return float64(r.stage) })),
		broker:    time.Duration(of(func(r result) float64 { return float64(r.broker) })),
		states:    of(func(r result) float64 { return r.states }),
		batch:     of(func(r result) float64 { return r.batch }),
	}
}
