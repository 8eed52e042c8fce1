package replay

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// follower reads the topic tasks and knows what became of the calls of a plan.
type follower struct {
	mu    sync.Mutex
	calls map[int64]*followed
	err   error // why it has ended
}

// followed is one call of the plan.
type followed struct {
	// after is the time of the newest rewrite before the plan's.
	after int64
	// counts is true once the command was sent.
	counts bool
	// result is that of the plan's rewrite, or of one that came later; empty while it
	// is not known.
	result schemas.Result
	// refused is true while Salesforce refuses the call for the moment.
	refused bool
}

// catchUp reads the topic from the offsets to its end as it is now, and gives those to
// follow it from.
func (f *follower) catchUp(ctx context.Context, client *kgo.Client, topic string, from map[int32]int64) (map[int32]kgo.Offset, error) {
	found, err := partition.Lookup(ctx, client, topic)
	if err != nil {
		return nil, err
	}
	next := map[int32]kgo.Offset{}
	for number, offset := range from {
		p, err := found.Partition(topic, number)
		if err != nil {
			return nil, err
		}
		part := p.From(offset)
		at := part.Start()
		_, err = part.Read(ctx, func(records []*kgo.Record, offsets int64) error {
			for _, r := range records {
				f.note(r)
			}
			at += offsets
			return nil
		})
		if err != nil {
			return nil, err
		}
		next[number] = kgo.NewOffset().At(at)
	}
	return next, nil
}

// follow reads the topic from the offsets on, until ctx is done.
func (f *follower) follow(ctx context.Context, client *kgo.Client) {
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		for _, e := range fetches.Errors() {
			if ctx.Err() == nil {
				f.end(fmt.Errorf("reading what became of the calls: %w", e.Err))
				return
			}
		}
		fetches.EachRecord(f.note)
	}
}

func (f *follower) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// note takes one outcome.
func (f *follower) note(r *kgo.Record) {
	if stream.IsMarker(r) {
		return
	}
	id, err := strconv.ParseInt(string(r.Key), 10, 64)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.calls[id]
	if c == nil {
		return
	}
	result := schemas.Result(gjson.GetBytes(r.Value, "result").Str)
	// A call that is parked obeys nothing before its time has come.
	if c.refused = result == schemas.Retrying; c.refused {
		return
	}
	var at schemas.Key
	if k := gjson.GetBytes(r.Value, "obeyed.rewrite").Str; k != "" && at.UnmarshalText([]byte(k)) == nil && at.Time > c.after {
		c.result = result
	}
}

// plannedAnew takes a row that is to be sent. A rewrite that was obeyed since the plan is
// not the plan's.
func (f *follower) plannedAnew(r Row) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.calls[r.CallID]
	if c.after < r.Rewritten {
		c.after, c.result = r.Rewritten, ""
	}
}

// sent notes that commands are on their way.
func (f *follower) sent(rows []planned) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range rows {
		f.calls[r.callID].counts = true
	}
}

// tell counts the results of those that were sent.
func (f *follower) tell(s *State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Results, s.Refused = map[schemas.Result]int64{}, 0
	for _, c := range f.calls {
		switch {
		case !c.counts:
		case c.result != "":
			s.Results[c.result]++
		case c.refused:
			s.Refused++
		}
	}
	return f.err
}
