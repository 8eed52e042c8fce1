//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
	"github.com/callfold/callfold/test/bench"
)

// result is what one drain gave. CPU times are per row.
type result struct {
	inFlight    int
	perSecond   float64
	most        float64 // rows a second that the simulator allows
	requests    float64 // to write them, per 1,000 rows
	sink, world time.Duration
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// drain has the sink write a backlog.
func drain(ctx context.Context, o options, records []*kgo.Record, inFlight int) (r result, err error) {
	err = inWorld(ctx, o, func(w *world, dir string) (err error) {
		if err := preload(ctx, []string{w.broker}, o.partitions, records); err != nil {
			return err
		}
		registry := prometheus.NewRegistry()
		engine, err := newEngine(w, o, inFlight, dir, registry)
		if err != nil {
			return err
		}
		stop, err := bench.Profile(o.profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
		ended := make(chan error, 1)
		go func() { ended <- engine.Run(ctx) }()
		defer func() { cancel(); err = errors.Join(err, <-ended) }()
		r, err = watch(ctx, w, registry, len(records))
		return err
	})
	r.inFlight, r.most = inFlight, salesforce.MaxRows*float64(inFlight)/o.latency.Seconds()
	return r, err
}

// newEngine makes the stage as `callfold sink` does.
func newEngine(w *world, o options, inFlight int, dir string, registry *prometheus.Registry) (*stream.Engine[schemas.Outcome], error) {
	client, err := w.client(registry)
	if err != nil {
		return nil, err
	}
	sink, err := sfsink.New(sfsink.Options{
		Client: client, Settings: projector.DefaultSettings(), APIReserve: 0.2, InFlight: inFlight, MaxLinger: o.linger,
		BulkAbove: o.bulkAbove,
		Logger:    quiet(), Registerer: registry,
	})
	if err != nil {
		return nil, err
	}
	return stream.New(stream.Options[schemas.Outcome]{
		Name:         "sink",
		Client:       func() []kgo.Opt { return clientOptions([]string{w.broker}) },
		Group:        prefix + kafka.SinkGroup,
		Instance:     "bench",
		Input:        prefix + kafka.Calls,
		Changelog:    prefix + kafka.Tasks,
		Rejected:     prefix + kafka.Rejected,
		Codec:        schemas.Outcomes,
		Timer:        sfsink.Timer,
		Handler:      sink,
		Linger:       sink.Linger,
		StateDir:     filepath.Join(dir, "state"),
		Lanes:        o.lanes,
		BatchRecords: o.batch,
		HotStates:    20_000,
		Timeouts:     stream.PatientTimeouts,
		Grace:        20 * time.Second,
		Health:       func(string, error) {},
		Now:          time.Now,
		Logger:       quiet(),
		Registerer:   registry,
	})
}

// sample is what was done and used up at a moment.
type sample struct {
	at             time.Time
	rows, requests float64
	sink, world    time.Duration // CPU
}

// watch measures the part between a tenth and nine tenths of the rows.
func watch(ctx context.Context, w *world, registry *prometheus.Registry, rows int) (r result, err error) {
	var first, last sample
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	newest := 0.0
	for {
		select {
		case <-ctx.Done():
			return r, fmt.Errorf("waiting for the backlog to be written: %w", ctx.Err())
		case <-ticker.C:
		}
		at := time.Now()
		count, err := counters(registry)
		if err != nil {
			return r, err
		}
		if count["rows"] == newest {
			continue
		}
		// Rows are counted by the turn, so it is turns that are measured from and to.
		newest = count["rows"]
		s := sample{at: at, rows: newest, requests: count["requests"], sink: bench.CPUTime()}
		if s.world, err = w.CPU(ctx); err != nil {
			return r, err
		}
		if first.at.IsZero() && s.rows >= 0.1*float64(rows) {
			first = s
		}
		if s.rows <= 0.9*float64(rows) {
			last = s
		}
		if s.rows >= float64(rows) {
			break
		}
	}
	n := last.rows - first.rows
	if n < 0.5*float64(rows) {
		return r, errors.New("too few turns to measure: use more -calls or a smaller -batch")
	}
	return result{
		perSecond: n / last.at.Sub(first.at).Seconds(),
		requests:  1000 * (last.requests - first.requests) / n,
		sink:      time.Duration(float64(last.sink-first.sink) / n),
		world:     time.Duration(float64(last.world-first.world) / n),
	}, nil
}
