package backfill

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/schemas"
)

const (
	// mostListed is how many calls a list of Aircall's has at the most.
	mostListed = 10_000
	// mostReadings is how often a list is read that gives fewer calls than it says.
	mostReadings = 3
)

// span is a part of the range: from one UNIX second up to another.
type span struct{ from, to int64 }

func (s span) middle() int64 { return s.from + (s.to-s.from)/2 }

// run is one reading of a range.
type run struct {
	*Backfill
	log map[int64]known
	// found is of the span that is being read.
	found Report
	// seen are the ids of the span before: the two meet in a second.
	seen map[int64]bool
}

// readSpan reads the calls of a span and publishes them. whole is false where the
// list is as long as one can be: the span must be halved. What was published of it
// will only be found to be published again.
func (r *run) readSpan(ctx context.Context, s span) (whole bool, err error) {
	before, seen := r.seen, map[int64]bool{}
	listed, total := map[int64]bool{}, 0
	for range mostReadings {
		for page := 1; ; page++ {
			r.pulse.Beat()
			// A second more on both sides: whether the two bounds count is not documented.
			list, err := r.o.Aircall.Calls(ctx, s.from-1, s.to, page)
			if err != nil {
				return false, err
			}
			if total = list.Total; total >= mostListed && s.to-s.from > 1 {
				r.read.Add(-r.found.Read)
				return false, nil
			}
			if err := r.take(ctx, list.Calls, listed, seen, before); err != nil {
				return false, err
			}
			if list.Last || len(list.Calls) == 0 {
				break
			}
		}
		if len(listed) >= total {
			break
		}
	}
	if len(listed) < total || total >= mostListed {
		r.found.Short = append(r.found.Short, Short{s.from, s.to, total, len(listed)})
		r.o.Logger.Warn("Aircall gave fewer calls than it says it has, or as many as it can", "from", s.from, "to", s.to, "total", total, "got", len(listed))
	}
	r.seen = seen
	return true, nil
}

// take publishes the calls of a page that are new to the run.
func (r *run) take(ctx context.Context, calls [][]byte, listed, seen, before map[int64]bool) error {
	var records []*kgo.Record
	for _, call := range calls {
		event, rejected := schemas.ParseEvent(call)
		listed[event.CallID] = true
		if event.CallID != 0 && (seen[event.CallID] || before[event.CallID]) {
			continue
		}
		seen[event.CallID] = true
		r.found.Read++
		r.read.Add(1)
		if rejected != nil {
			r.found.Published++
			records = append(records, r.record(event.CallID, call))
			continue
		}
		record, err := r.judge(event.CallID, call)
		if err != nil {
			return err
		}
		if record != nil {
			records = append(records, record)
		}
	}
	if r.o.DryRun {
		return nil
	}
	return r.publish(ctx, records)
}

// judge compares a call with what the log knows of it. The record is nil where
// there is nothing to publish.
func (r *run) judge(id int64, call []byte) (*kgo.Record, error) {
	k, there := r.log[id]
	if k.erased {
		r.found.Erased++
		return nil, nil
	}
	text, event, err := shaped(call, k.authors)
	if err != nil {
		return nil, fmt.Errorf("reading call %d: %w", id, err)
	}
	state := schemas.Of(event)
	switch ended := hasEnded(&state); {
	case !there:
		r.found.Missing = append(r.found.Missing, id)
	case ended && !k.ended:
		r.found.Closed = append(r.found.Closed, id)
	}
	if !hasEnded(&state) && r.o.Now().Unix()-state.StartedAt > int64(stillOpen.Seconds()) {
		r.found.Open = append(r.found.Open, id)
	}
	if k.rest == event.Key {
		r.found.Unchanged++
		return nil, nil
	}
	r.found.Published++
	return r.record(id, text), nil
}
