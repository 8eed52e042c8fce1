package dev

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// mostCalls bounds what the board remembers.
const mostCalls = 1000

// board knows the newest calls. It reads the topics calls and tasks as any
// consumer would, from the start and without a group.
type board struct {
	app          *app.App
	calls, tasks string // the topics

	mu   sync.Mutex
	seen map[string]*entry // by call id
}

// entry is one call as the page shows it.
type entry struct {
	Call    schemas.Call
	Outcome schemas.Outcome
}

func newBoard(a *app.App) *board {
	return &board{
		app:   a,
		calls: kafka.TopicName(a.Settings.Kafka, kafka.Calls),
		tasks: kafka.TopicName(a.Settings.Kafka, kafka.Tasks),
		seen:  map[string]*entry{},
	}
}

// run reads until ctx is done.
func (b *board) run(ctx context.Context) error {
	opts, err := kafka.Options(b.app.Settings.Kafka, "callfold-page", b.app.Logger, nil)
	if err != nil {
		return err
	}
	start := kgo.NewOffset().AtStart()
	cl, err := kgo.NewClient(append(opts,
		kgo.ConsumeTopics(b.calls, b.tasks), kgo.ConsumeStartOffset(start), kgo.ConsumeResetOffset(start),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for _, f := range fetches.Errors() {
			b.app.Logger.Warn("reading for the page", "topic", f.Topic, "cause", f.Err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if err := b.note(r); err != nil {
				b.app.Logger.Warn("the page cannot show a record", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "cause", err)
			}
		})
		b.prune()
	}
}

func (b *board) note(r *kgo.Record) error {
	if stream.IsMarker(r) {
		return nil
	}
	schema := stream.Header(r, schemas.HeaderSchema)
	call, errCall := schemas.CallRecord{}, error(nil)
	outcome, errTask := schemas.Outcome{}, error(nil)
	if r.Topic == b.calls {
		call, errCall = schemas.Calls.Decode(schema, r.Value)
	} else {
		outcome, errTask = schemas.Outcomes.Decode(schema, r.Value)
	}
	if err := errors.Join(errCall, errTask); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	key := string(r.Key)
	e := b.seen[key]
	if e == nil {
		e = &entry{}
		b.seen[key] = e
	}
	if r.Topic == b.calls {
		e.Call = call.State
	} else {
		e.Outcome = outcome
	}
	return nil
}

// prune forgets all but the newest calls.
func (b *board) prune() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.seen) <= mostCalls {
		return
	}
	keys := make([]string, 0, len(b.seen))
	for key := range b.seen {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(x, y string) int { return b.seen[y].Call.Newest.Compare(b.seen[x].Call.Newest) })
	for _, key := range keys[mostCalls/2:] {
		delete(b.seen, key)
	}
}

// newest returns the n calls that something was heard of last.
func (b *board) newest(n int) []entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []entry
	for _, e := range b.seen {
		if e.Call.ID != 0 {
			all = append(all, *e)
		}
	}
	slices.SortFunc(all, func(x, y entry) int {
		return cmp.Or(y.Call.Newest.Compare(x.Call.Newest), cmp.Compare(y.Call.ID, x.Call.ID))
	})
	return all[:min(n, len(all))]
}
