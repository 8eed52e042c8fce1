//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/processor"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/test/bench"
)

// The two loops.
const (
	fold  = "fold"  // the processor
	limit = "limit" // the same, but that it puts bytes that are there already
)

// putter is the limit's handler. It puts what the processor would have put.
type putter struct{ log *eventLog }

func (h putter) Handle(ctx context.Context, b *stream.Batch[[]byte]) error {
	return b.Each(ctx, func(_ context.Context, p *stream.Partition[[]byte]) error {
		for _, r := range p.Records {
			p.Put(string(r.Key), h.log.record(r.Partition, r.Offset))
		}
		return nil
	})
}

// asTheyAre is the limit's codec.
type asTheyAre struct{}

func (asTheyAre) Schema() string                            { return schemas.Calls.Schema() }
func (asTheyAre) Encode(v []byte) ([]byte, error)           { return v, nil }
func (asTheyAre) Decode(_ string, v []byte) ([]byte, error) { return v, nil }

// measure runs one of the loops until it has handled the whole log.
func measure(ctx context.Context, c *cluster, o options, log *eventLog, lanes int, loop, dir string, profile bool) (r result, err error) {
	client, err := c.client()
	if err != nil {
		return r, err
	}
	defer client.Close()
	prefix := fmt.Sprintf("%s%s-%d.", log.prefix, loop, time.Now().UnixNano())
	if err := createTopics(ctx, client, c, o, prefix, kafka.Calls, kafka.Rejected); err != nil {
		return r, err
	}
	defer func() {
		_, gone := kadm.NewClient(client).DeleteTopics(context.WithoutCancel(ctx), prefix+kafka.Calls, prefix+kafka.Rejected)
		err = errors.Join(err, gone)
	}()
	s := &stage{cluster: c, registry: prometheus.NewRegistry(), waiting: map[string]bool{}, lanes: lanes}
	store := filepath.Join(dir, "state")
	defer func() { err = errors.Join(err, os.RemoveAll(store)) }()
	var run func(context.Context) error
	if loop == fold {
		run, err = engine(s, o, log, prefix, store, schemas.Calls, processor.Processor{})
	} else {
		run, err = engine[[]byte](s, o, log, prefix, store, asTheyAre{}, putter{log})
	}
	if err != nil {
		return r, err
	}
	if loop == fold && profile {
		stop, err := bench.Profile(o.profile)
		if err != nil {
			return r, err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	return s.watch(ctx, run, log)
}

// engine makes the stage as `callfold process` does.
func engine[V any](s *stage, o options, log *eventLog, prefix, dir string, codec stream.Codec[V], h stream.Handler[V]) (func(context.Context) error, error) {
	e, err := stream.New(stream.Options[V]{
		Name:         "processor",
		Client:       s.cluster.options,
		Group:        prefix + kafka.ProcessorGroup,
		Instance:     "bench",
		Input:        log.topic,
		Changelog:    prefix + kafka.Calls,
		Rejected:     prefix + kafka.Rejected,
		Codec:        codec,
		Handler:      h,
		StateDir:     dir,
		Lanes:        s.lanes,
		BatchRecords: o.batch,
		HotStates:    o.hot,
		Timeouts:     stream.QuickTimeouts,
		Grace:        5 * time.Second,
		Health:       s.health,
		Now:          time.Now,
		Logger:       quiet(),
		Registerer:   s.registry,
	})
	if err != nil {
		return nil, err
	}
	return e.Run, nil
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// stage is a running stage, watched from outside.
type stage struct {
	cluster  *cluster
	registry *prometheus.Registry
	lanes    int

	mu      sync.Mutex
	waiting map[string]bool // by lane, and for the stage itself
}

func (s *stage) health(component string, problem error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[component] = problem != nil
}

// working reports whether all lanes work.
func (s *stage) working() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, waits := range s.waiting {
		if !waits {
			n++
		}
	}
	return n == s.lanes+1
}

// counts are those of the stage's metrics.
type counts struct{ in, out, committed, rejected float64 }

func (s *stage) counts() (c counts, err error) {
	families, err := s.registry.Gather()
	if err != nil {
		return c, fmt.Errorf("reading the metrics: %w", err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			v := m.GetCounter().GetValue()
			switch f.GetName() {
			case "callfold_records_in_total":
				c.in = v
			case "callfold_states_written_total":
				c.out = v
			case "callfold_rejected_records_total":
				c.rejected += v
			case "callfold_transactions_total":
				for _, l := range m.Label {
					if l.GetValue() == "committed" {
						c.committed = v
					}
				}
			}
		}
	}
	return c, nil
}

// sample is what was counted and used up at a moment.
type sample struct {
	at            time.Time
	counts        counts
	stage, broker time.Duration // CPU
}

func (s *stage) sample(ctx context.Context) (m sample, err error) {
	if m.counts, err = s.counts(); err != nil {
		return m, err
	}
	m.at, m.stage = time.Now(), bench.CPUTime()
	m.broker, err = s.cluster.cpu(ctx)
	return m, err
}

// watch runs the stage until it has handled all events, and measures the part
// between all lanes working and nine tenths done.
func (s *stage) watch(ctx context.Context, run func(context.Context) error, log *eventLog) (r result, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-ended)
	}()
	var first, last sample
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return r, fmt.Errorf("waiting for all events to be handled: %w", ctx.Err())
		case err := <-ended:
			ended <- nil
			return r, fmt.Errorf("the stage ended: %w", err)
		case <-ticker.C:
		}
		c, err := s.counts()
		if err != nil {
			return r, err
		}
		switch {
		case first.at.IsZero() && s.working():
			if first, err = s.sample(ctx); err != nil {
				return r, err
			}
		case last.at.IsZero() && c.in >= 0.9*float64(log.events):
			if last, err = s.sample(ctx); err != nil {
				return r, err
			}
		}
		if int(c.in) >= log.events {
			return between(first, last, log)
		}
	}
}

// client is a client that produces as every stage does.
func (c *cluster) client() (*kgo.Client, error) {
	client, err := kgo.NewClient(c.options()...)
	if err != nil {
		return nil, fmt.Errorf("making a Kafka client: %w", err)
	}
	return client, nil
}

func (c *cluster) settings() settings.Kafka { return settings.Kafka{Brokers: c.brokers} }

// options are those of the stages' clients.
func (c *cluster) options() []kgo.Opt {
	opts, err := kafka.Options(c.settings(), "callfold-bench", quiet(), nil)
	if err != nil { // only TLS and SASL can be wrong, and there is none
		panic(err)
	}
	return append(opts, kafka.ProducerOptions()...)
}
