package verify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/eventlog"
	"github.com/callfold/callfold/internal/jsondiff"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/schemas"
)

// work is one partition at work.
type work struct {
	*Verification
	number int32
	only   map[string]bool // the keys to look at; nil for all
	calls  *partition.Partition

	// folded has the states that the events make, by key; held, for each state in
	// calls, its digest and where it is.
	folded, held *table.Table
	// nextInput is how much of events calls accounts for.
	nextInput int64
	// eventsID is the incarnation of the topic events.
	eventsID kadm.TopicID

	report Report
	wrong  []string // keys of calls that are not as they should be
}

// release gives the tables back.
func (w *work) release() {
	for _, t := range []*table.Table{w.folded, w.held} {
		if t != nil {
			t.Release()
		}
	}
}

// accounted is the offset of events up to which calls accounts, or should.
func (w *work) accounted() int64 { return max(w.nextInput, w.reached[w.number]) }

// wants tells whether a call is to be looked at.
func (w *work) wants(key []byte) bool { return w.only == nil || w.only[string(key)] }

// choose finds the calls that have an event which was received in the time asked
// for.
func (w *work) choose(ctx context.Context, events *partition.Partition) error {
	if w.options.From.IsZero() && w.options.To.IsZero() {
		return nil
	}
	chosen := map[string]bool{}
	w.options.Progress.Total.Add(events.Len())
	err := w.read(ctx, events, func(r *kgo.Record) error {
		at := eventlog.ReceivedAt(r)
		if !at.Before(w.options.From) && (w.options.To.IsZero() || at.Before(w.options.To)) && w.wants(r.Key) {
			chosen[string(r.Key)] = true
		}
		return nil
	})
	w.only = chosen
	return err
}

// read reads a partition, and notes what an open transaction hides.
func (w *work) read(ctx context.Context, p *partition.Partition, each func(*kgo.Record) error) error {
	complete, err := p.Read(ctx, func(records []*kgo.Record, offsets int64) error {
		w.options.Progress.Done.Add(offsets)
		for _, r := range records {
			if err := each(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && !complete {
		w.report.Hidden = append(w.report.Hidden, w.number)
	}
	return err
}

// together is how many changes go into a table at once.
const together = 1000

// readCalls remembers what calls holds, and how much of events that accounts for.
func (w *work) readCalls(ctx context.Context) error {
	var changes []table.Change
	flush := func() error {
		err := w.held.Apply(changes, table.Checkpoint{})
		changes = changes[:0]
		return err
	}
	err := w.read(ctx, w.calls, func(r *kgo.Record) error {
		w.nextInput = max(w.nextInput, stream.NextInput(r))
		if stream.IsMarker(r) || !w.wants(r.Key) {
			return nil
		}
		change := table.Change{Key: string(r.Key)}
		if r.Value != nil {
			change.Value = placed(digest(r.Value), r.Offset)
		}
		if changes = append(changes, change); len(changes) < together {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

const digestBytes = 16

// digest tells values apart.
func digest(value []byte) []byte {
	sum := sha256.Sum256(value)
	return sum[:digestBytes]
}

// placed is a digest with the offset of the record.
func placed(digest []byte, offset int64) []byte {
	return binary.BigEndian.AppendUint64(digest, uint64(offset))
}

// fold folds the events into the table.
func (w *work) fold(ctx context.Context, events *partition.Partition) error {
	states := newStates(w.folded)
	err := w.read(ctx, events, func(r *kgo.Record) error {
		if !w.wants(r.Key) || r.Offset >= events.End() {
			return nil
		}
		event, err := eventlog.Read(r)
		if rejection := (*schemas.Rejection)(nil); errors.As(err, &rejection) {
			w.report.Unfoldable++
			return nil
		}
		if err != nil {
			return fmt.Errorf("partition %d, offset %d: %w", r.Partition, r.Offset, err)
		}
		w.report.Events++
		return states.fold(event, r.Offset)
	})
	if err != nil {
		return err
	}
	return states.flush()
}

// compare looks for the differences between the two tables. Both are in the order of
// their keys, and gone through side by side.
func (w *work) compare(ctx context.Context) error {
	held := startWalk(w.held)
	err := w.folded.Each(func(key string, value []byte) error {
		w.report.Calls++
		for held.ok && held.key < key {
			if err := w.extra(ctx, held); err != nil {
				return err
			}
		}
		if !held.ok || held.key > key {
			w.report.Missing++
			return w.note(Missing, key, value, nil)
		}
		defer held.next()
		if string(held.value[:digestBytes]) == string(digest(value)) {
			return nil
		}
		w.report.Different++
		there, err := w.at(ctx, held.value)
		if err != nil {
			return err
		}
		return w.note(Different, key, value, there)
	})
	for err == nil && held.ok {
		err = w.extra(ctx, held)
	}
	return errors.Join(err, held.end())
}

// extra notes a state in calls that no event makes, and goes on to the next.
func (w *work) extra(ctx context.Context, held *walk) error {
	w.report.Extra++
	there, err := w.at(ctx, held.value)
	if err != nil {
		return err
	}
	err = w.note(Extra, held.key, nil, there)
	held.next()
	return err
}

// at reads the state that calls holds; nil where compaction has removed it: then a
// newer one is there.
func (w *work) at(ctx context.Context, placed []byte) ([]byte, error) {
	record, err := w.calls.At(ctx, int64(binary.BigEndian.Uint64(placed[digestBytes:])))
	if err != nil || record == nil {
		return nil, err
	}
	return record.Value, nil
}

// note remembers a difference.
func (w *work) note(kind Kind, key string, folded, held []byte) error {
	w.wrong = append(w.wrong, key)
	if len(w.report.Differences) >= mostDifferences {
		return nil
	}
	id, _ := strconv.ParseInt(key, 10, 64) // an extra one may have any key
	d := Difference{CallID: id, Kind: kind, Partition: w.number}
	if kind == Different {
		switch path, differ, err := jsondiff.First(folded, held); {
		case err != nil:
			d.Field = "the record is not JSON"
		case differ:
			d.Field = path
		default:
			d.Field = "only the form of the JSON"
		}
	}
	value := folded
	if value == nil {
		value = held
	}
	// A state in calls that cannot be read is a difference like any other.
	if record, err := schemas.Calls.Decode(schemas.Calls.Schema(), value); err == nil {
		for _, e := range record.Trace.Events {
			d.Events = append(d.Events, Event{Name: e.Event, Time: time.Unix(e.At.Time, 0).UTC(), Offset: e.Offset})
		}
	} else if folded != nil {
		return fmt.Errorf("reading what was folded: %w", err)
	}
	w.report.Differences = append(w.report.Differences, d)
	return nil
}
