package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// probeEvery is how often Run asks for the broker.
	probeEvery = 5 * time.Second
	// failureCounts is how long a record that was not taken makes the stage
	// unready, unless another one is taken before. It passes, because a stage
	// that is not ready gets no webhooks and could not prove itself otherwise.
	failureCounts = 10 * time.Second
	// remindEvery is how often a lasting trouble is logged.
	remindEvery = time.Minute
)

var errNotAsked = errors.New("the broker has not been asked yet")

// brokerState is what is known about the broker: from records, and from asking.
type brokerState struct {
	log    *slog.Logger
	health func(component string, problem error)

	mu       sync.Mutex
	reminder occasionally
	troubled bool  // and it was logged
	probed   error // outcome of the last probe
	failed   error // why the last record was not taken, nil if it was
	failedAt time.Time
}

// troubleLocked is why events are not taken at present; nil if they are.
func (b *brokerState) troubleLocked() error {
	if b.failed != nil && time.Since(b.failedAt) < failureCounts {
		return fmt.Errorf("the last record was not taken: %w", b.failed)
	}
	return b.probed
}

// produced notes whether a record was taken.
func (b *brokerState) produced(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed, b.failedAt = err, time.Now()
	if err == nil {
		b.probed = nil // there is no better probe
	}
	b.reportLocked()
}

// asked notes whether a probe was answered.
func (b *brokerState) asked(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probed = err
	b.reportLocked()
}

// reportLocked tells health, and logs when trouble begins, once in a while as
// long as it lasts, and when it ends.
func (b *brokerState) reportLocked() {
	err := b.troubleLocked()
	b.health("ingest", err)
	switch {
	case err == nil && b.troubled:
		b.troubled, b.reminder = false, occasionally{}
		b.log.Info("Kafka takes events again")
	case err != nil && b.reminder.now():
		b.troubled = true
		b.log.Warn("Kafka takes no events: webhooks are answered with 503 and Aircall repeats them", "err", err)
	}
}

// occasionally lets something happen once in remindEvery, such as a line in the log.
type occasionally struct {
	mu   sync.Mutex
	last time.Time
}

func (o *occasionally) now() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.last.IsZero() && time.Since(o.last) < remindEvery {
		return false
	}
	o.last = time.Now()
	return true
}

// Run asks for the broker every five seconds until ctx ends, so that the stage
// knows without traffic too whether it can work. It returns nil when ctx ends.
func (s *Server) Run(ctx context.Context) error {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		probe, cancel := context.WithTimeout(ctx, s.o.AckTimeout)
		err := s.o.Probe(probe)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		s.broker.asked(err)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
