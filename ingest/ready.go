package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/ingest/journal"
	"github.com/callfold/callfold/internal/observe"
)

const (
	// probeEvery is how often Run asks for the broker.
	probeEvery = 5 * time.Second
	// probeAwayEvery is how often while the broker is away and a journal takes
	// the webhooks, so that it is noticed soon when the broker is back.
	probeAwayEvery = time.Second
	// failureCounts is how long a record that was not taken makes the stage
	// unready, unless another one is taken before. It passes, because a stage
	// that is not ready gets no webhooks and could not prove itself otherwise.
	failureCounts = 10 * time.Second
)

var errNotAsked = errors.New("the broker has not been asked yet")

// Degraded is what Options.Health is told when webhooks can be stored, but not
// as they should be.
type Degraded struct{ Reason string }

func (d *Degraded) Error() string { return d.Reason }

// brokerState is what is known about the broker: from records, and from asking.
type brokerState struct {
	log     *slog.Logger
	health  func(component string, problem error)
	journal *journal.Journal // nil without one
	ask     chan struct{}    // has one when the broker is to be asked at once

	mu       sync.Mutex
	reminder observe.Seldom
	troubled bool  // and it was logged
	probed   error // outcome of the last probe
	failed   error // why the last record was not taken, nil if it was
	failedAt time.Time
	takenAt  time.Time // when a record was taken last
	away     bool      // with a journal: no record was taken since one that was not
	triedAt  time.Time // when a record was tried although away
}

// troubleLocked is why events are not taken at present; nil if they are.
func (b *brokerState) troubleLocked() error {
	if b.failed != nil && time.Since(b.failedAt) < failureCounts {
		return fmt.Errorf("the last record was not taken: %w", b.failed)
	}
	return b.probed
}

// produced notes whether a record was taken that was handed over at the time started.
func (b *brokerState) produced(started time.Time, err error) {
	if err != nil && refusedForGood(err) && b.journal != nil {
		return // it says nothing about the broker
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.failed, b.failedAt = err, now
	switch {
	case err == nil:
		b.probed, b.takenAt, b.away = nil, now, false // there is no better probe
	case errors.Is(err, kgo.ErrMaxBuffered), errors.Is(err, context.Canceled), errors.Is(err, errGivenUp):
		// It was not even tried, or not for its time.
	case b.takenAt.Before(started):
		// As long as others are taken, it is a partition that is away.
		b.awayLocked(err)
	}
	b.reportLocked()
}

// asked notes whether a probe was answered.
func (b *brokerState) asked(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probed = err
	if err != nil && time.Since(b.takenAt) >= failureCounts {
		b.awayLocked(err)
	}
	b.reportLocked()
}

// awayLocked notes that the broker takes nothing. With a journal it is asked at
// once, and no record is tried before it has answered.
func (b *brokerState) awayLocked(err error) {
	if b.away || b.journal == nil {
		return
	}
	b.away, b.probed = true, err
	select {
	case b.ask <- struct{}{}:
	default:
	}
}

// worthTrying reports whether a record should be handed to the broker. While it
// is away that is so for one in a second, once the broker answers again.
func (b *brokerState) worthTrying() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.away:
		return true
	case b.probed != nil || time.Since(b.triedAt) < probeAwayEvery:
		return false
	}
	b.triedAt = time.Now()
	return true
}

// nextProbe is when the broker is to be asked again.
func (b *brokerState) nextProbe() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return probeAwayEvery
	}
	return probeEvery
}

// reportLocked tells health, and logs when trouble begins, once in a while as
// long as it lasts, and when it ends.
func (b *brokerState) reportLocked() {
	err := b.troubleLocked()
	b.health("ingest", b.readiness(err))
	switch {
	case err == nil && b.troubled:
		b.troubled = false
		b.reminder.Reset()
		b.log.Info("Kafka takes events again")
	case err == nil || !b.reminder.Now():
	case b.journal == nil:
		b.troubled = true
		b.log.Warn("Kafka takes no events: webhooks are answered with 503 and Aircall repeats them", "err", err)
	default:
		b.troubled = true
		held := b.journal.Stats()
		b.log.Warn("Kafka takes no events: they wait in the journal", "err", err, "events", held.Events, "bytes", held.Bytes, "limit", held.Limit)
	}
}

// readiness is what health is told when Kafka has the trouble: with a journal
// that works, webhooks can be taken all the same.
func (b *brokerState) readiness(trouble error) error {
	if b.journal == nil {
		return trouble
	}
	held := b.journal.Stats()
	switch {
	case trouble == nil && held.Problem == nil:
		return nil
	case trouble == nil:
		return &Degraded{fmt.Sprintf("should Kafka go away, nothing would take the webhooks: %v", held.Problem)}
	case held.Problem != nil:
		return fmt.Errorf("events are not taken by Kafka (%w), nor by the journal: %w", trouble, held.Problem)
	}
	return &Degraded{fmt.Sprintf("Kafka takes no events, they wait in the journal (%d events, %d of %d bytes): %v", held.Events, held.Bytes, held.Limit, trouble)}
}

// stillFor is how long Run may take from one look at the broker to the next, which is
// a few seconds, whether it is there or not.
const stillFor = 5 * time.Minute

// Alive returns an error when Run hangs, so that only a new start can help. A broker
// that is away is none.
func (s *Server) Alive() error {
	if still := s.pulse.Still(); still > stillFor {
		return fmt.Errorf("the broker was not looked at for %s", still.Round(time.Second))
	}
	return nil
}

// Run asks for the broker every five seconds until ctx ends, so that the stage
// knows without traffic too whether it can work, and publishes what is in the
// journal. It returns nil when ctx ends.
func (s *Server) Run(ctx context.Context) error {
	var publishing sync.WaitGroup
	defer publishing.Wait()
	if s.replay != nil {
		publishing.Go(func() { s.replay.run(ctx) })
	}
	defer s.pulse.Stop()
	for {
		s.pulse.Beat()
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
		case <-s.broker.ask:
		case <-time.After(s.broker.nextProbe()):
		}
	}
}
