package rebuild

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/refold"
	"github.com/callfold/callfold/internal/standin"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/schemas"
)

// Switched is what a switch did.
type Switched struct {
	Report
	// Pending is how many calls have a state that the sink has not seen, so that it looks
	// at them when it starts.
	Pending int64 `json:"pending"`
}

// Switch takes the stages over to the topic that was built. It builds first, so that
// nothing is missing. A [*standin.BusyError] says that a stage is running, or has begun to
// meanwhile: then it is to be called again once it was stopped. tasks is the topic with
// the sink's outcomes.
func Switch(ctx context.Context, o Options, tasks string) (Switched, error) {
	join := func(group, topic string) (*standin.Member, error) {
		return standin.Join(ctx, standin.Options{Client: o.Client, Open: o.Open, Group: group, Topic: topic, ID: group + "-switch"})
	}
	// As long as this is in both groups no stage can do anything.
	processor, err := join(o.Processor, o.Events)
	if err != nil {
		return Switched{}, err
	}
	defer processor.Close()
	sink, err := join(o.Sink, o.Calls)
	if err != nil {
		return Switched{}, err
	}
	defer sink.Close()
	if o.Own {
		if err := claimOwn(ctx, o); err != nil {
			return Switched{}, err
		}
	}
	s := &switching{building: newBuilding(o), tasks: tasks, processor: processor, sink: sink, turn: make(chan struct{}, 1)}
	s.stays, s.after = true, s.partition
	err = s.run(ctx)
	return Switched{Report: s.report, Pending: s.pending.Load()}, err
}

// switching is a switch at work.
type switching struct {
	*building
	tasks           string
	processor, sink *standin.Member
	// turn is held by who writes in the place of a stage: a transaction at a time.
	turn    chan struct{}
	pending atomic.Int64
}

// partition takes the stages over to a partition that was built.
func (s *switching) partition(ctx context.Context, w *work) error {
	next := stream.NextInputMarker(w.until)
	next.Topic, next.Partition = s.Calls, w.number
	if err := s.write(ctx, s.processor, next, w.number, w.until); err != nil {
		return fmt.Errorf("switching the processor: %w", err)
	}
	p, err := w.look(ctx, s.Calls)
	if err != nil {
		return err
	}
	seen := p.End() // by the sink, but for what follows
	if err := s.appendPending(ctx, w); err != nil {
		return err
	}
	next = stream.NextInputMarker(seen)
	next.Topic, next.Partition = s.tasks, w.number
	if err := s.write(ctx, s.sink, next, w.number, seen); err != nil {
		return fmt.Errorf("switching the sink: %w", err)
	}
	return nil
}

func (s *switching) write(ctx context.Context, as *standin.Member, next *kgo.Record, number int32, offset int64) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return as.Write(ctx, []*kgo.Record{next}, number, offset)
}

// appendPending writes the states again that the sink has not seen.
func (s *switching) appendPending(ctx context.Context, w *work) error {
	outcomes, err := s.store.Acquire(ctx, w.number+outcomeTables)
	if err != nil {
		return err
	}
	defer outcomes.Release()
	if err := s.readOutcomes(ctx, w, outcomes); err != nil {
		return err
	}
	err = refold.Beside(w.folded, outcomes, func(key string, value, hash []byte) error {
		if value == nil {
			return nil // an outcome of a call that no event makes
		}
		record, err := schemas.Calls.Decode(schemas.Calls.Schema(), value)
		if err != nil {
			return fmt.Errorf("reading what was folded of %s: %w", key, err)
		}
		if record.State.Hash() == string(hash) {
			return nil
		}
		s.pending.Add(1)
		return w.add(ctx, state(key, value))
	})
	if err != nil {
		return err
	}
	return w.flush(ctx)
}

// readOutcomes puts the hashes of the states that the outcomes are about into a table.
func (s *switching) readOutcomes(ctx context.Context, w *work, hashes *table.Table) error {
	p, err := w.look(ctx, s.tasks)
	if err != nil {
		return err
	}
	s.Progress.Total.Add(p.Len())
	var changes []table.Change
	err = w.read(ctx, s.tasks, p, func(r *kgo.Record) error {
		if stream.IsMarker(r) {
			return nil
		}
		change := table.Change{Key: string(r.Key)}
		if r.Value != nil {
			outcome, err := schemas.Outcomes.Decode(stream.Header(r, schemas.HeaderSchema), r.Value)
			if err != nil {
				return fmt.Errorf("reading an outcome (%s, offset %d): %w", s.tasks, r.Offset, err)
			}
			change.Value = []byte(outcome.StateHash)
		}
		if changes = append(changes, change); len(changes) < mostRecords {
			return nil
		}
		err := hashes.Apply(changes, table.Checkpoint{})
		changes = changes[:0]
		return err
	})
	if err != nil {
		return err
	}
	return hashes.Apply(changes, table.Checkpoint{})
}
