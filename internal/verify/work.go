package verify

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/eventlog"
	"github.com/callfold/callfold/internal/jsondiff"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/refold"
	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/schemas"
)

// work is one partition at work.
type work struct {
	*Verification
	number int32
	only   map[string]bool // the keys to look at; nil for all
	met    map[string]bool // of these the keys that have an event or a state
	calls  *partition.Partition

	// folded has the states that the events make, by key; held, for each state in
	// calls, its digest and where it is.
	folded, held *table.Table
	// nextInput is how much of events calls accounts for.
	nextInput int64

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

// meet notes that there is something of a call that was named.
func (w *work) meet(key []byte) {
	if len(w.options.IDs) > 0 {
		w.met[string(key)] = true
	}
}

// unknown notes of which of the calls that were named there is nothing.
func (w *work) unknown(named map[string]bool) {
	for key := range named {
		if !w.met[key] {
			id, _ := strconv.ParseInt(key, 10, 64) // it was made of one
			w.report.Unknown = append(w.report.Unknown, id)
		}
	}
}

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

// readCalls remembers what calls holds, and how much of events that accounts for.
func (w *work) readCalls(ctx context.Context) error {
	held := refold.NewHeld(w.held)
	err := w.read(ctx, w.calls, func(r *kgo.Record) error {
		wanted := w.wants(r.Key)
		if wanted && r.Value != nil {
			w.meet(r.Key)
		}
		return held.Note(r, wanted)
	})
	if err != nil {
		return err
	}
	w.nextInput = held.NextInput
	return held.Flush()
}

// fold folds the events into the table.
func (w *work) fold(ctx context.Context, events *partition.Partition) error {
	states := refold.NewStates(w.folded)
	err := w.read(ctx, events, func(r *kgo.Record) error {
		if !w.wants(r.Key) || r.Offset >= events.End() {
			return nil
		}
		w.meet(r.Key)
		return states.Fold(r)
	})
	if err != nil {
		return err
	}
	w.report.Events, w.report.Unfoldable = states.Folded, states.Unfoldable
	return states.Flush()
}

// compare looks for the differences between the two tables.
func (w *work) compare(ctx context.Context) error {
	return refold.Compare(w.folded, w.held, func(p refold.Pair) error {
		if p.Folded != nil {
			w.report.Calls++
		}
		kind := Different
		switch {
		case p.Same:
			return nil
		case !p.Held:
			kind = Missing
			w.report.Missing++
		case p.Folded == nil:
			kind = Extra
			w.report.Extra++
		default:
			w.report.Different++
		}
		var there []byte
		if p.Held {
			var err error
			if there, err = w.at(ctx, p.Offset); err != nil {
				return err
			}
		}
		return w.note(kind, p.Key, p.Folded, there)
	})
}

// at reads the state that calls holds; nil where compaction has removed it: then a
// newer one is there.
func (w *work) at(ctx context.Context, offset int64) ([]byte, error) {
	record, err := w.calls.At(ctx, offset)
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
