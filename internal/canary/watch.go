package canary

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// watch looks at what is new of the call in the topics calls and tasks.
type watch struct {
	client       *kgo.Client
	calls, tasks string
	id           int64
	// event is the key of the run's event.
	event schemas.Key
	// next are the offsets to go on at, by topic.
	next map[string]int64

	// states are the hashes of the states that have folded the event.
	states map[string]bool
	// erased says that the call was erased: no state will ever have the event.
	erased bool
	// outcomes are all that came, in order: one may be seen before its state is.
	outcomes []schemas.Outcome
}

// newWatch looks from the ends of the topics on, as they are now.
func (c *Canary) newWatch(ctx context.Context, event schemas.Key) (*watch, error) {
	w := &watch{
		client: c.o.Client, calls: c.o.Calls, tasks: c.o.Tasks, id: c.o.CallID, event: event,
		next: map[string]int64{}, states: map[string]bool{},
	}
	err := w.each(ctx, func(topic string, p *partition.Partition) error {
		w.next[topic] = p.End()
		return nil
	})
	return w, err
}

// each calls f with the call's partition of both topics.
func (w *watch) each(ctx context.Context, f func(topic string, p *partition.Partition) error) error {
	found, err := partition.Lookup(ctx, w.client, w.calls, w.tasks)
	if err != nil {
		return err
	}
	number, err := found.NumberOf(w.calls, w.key())
	if err != nil {
		return err
	}
	for _, topic := range []string{w.calls, w.tasks} {
		p, err := found.Partition(topic, number)
		if err != nil {
			return err
		}
		if err := f(topic, p); err != nil {
			return err
		}
	}
	return nil
}

func (w *watch) key() string { return strconv.FormatInt(w.id, 10) }

// look reads what is new.
func (w *watch) look(ctx context.Context) error {
	return w.each(ctx, func(topic string, p *partition.Partition) error {
		_, err := p.From(w.next[topic]).Read(ctx, func(records []*kgo.Record, offsets int64) error {
			for _, r := range records {
				if string(r.Key) != w.key() || r.Value == nil || stream.IsMarker(r) {
					continue
				}
				if err := w.note(topic, r); err != nil {
					return fmt.Errorf("reading %s, partition %d, offset %d: %w", topic, r.Partition, r.Offset, err)
				}
			}
			w.next[topic] += offsets // what cannot be read is met again, and told at the end
			return nil
		})
		return err
	})
}

// note takes account of a record of the call.
func (w *watch) note(topic string, r *kgo.Record) error {
	schema := stream.Header(r, schemas.HeaderSchema)
	if topic == w.tasks {
		o, err := schemas.Outcomes.Decode(schema, r.Value)
		if err == nil {
			w.outcomes = append(w.outcomes, o)
		}
		return err
	}
	call, err := schemas.Calls.Decode(schema, r.Value)
	if err != nil {
		return err
	}
	w.erased = w.erased || call.State.Erased.Known()
	if slices.ContainsFunc(call.Trace.Events, func(e schemas.TraceEvent) bool { return e.At == w.event }) {
		w.states[call.State.Hash()] = true
	}
	return nil
}

// folded says whether a state has the event.
func (w *watch) folded() bool { return len(w.states) > 0 }

// decided is the first outcome about the event that is the sink's last word, and
// whether there is one; else the newest about it, nil where there is none.
func (w *watch) decided() (o *schemas.Outcome, final bool) {
	for i := range w.outcomes {
		if !w.states[w.outcomes[i].StateHash] {
			continue
		}
		o = &w.outcomes[i]
		if _, final := results[o.Result]; final {
			return o, true
		}
	}
	return o, false
}
