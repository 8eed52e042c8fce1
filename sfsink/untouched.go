package sfsink

import (
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/salesforce"
)

// untouched remembers turns that were given up before they changed any Task, as all
// are while the sink is paused. The engine, which knows of Kafka only, takes their
// calls for such that may have been written; without them it says what it said before.
// It is safe for concurrent use.
type untouched struct {
	mu    sync.Mutex
	turns map[int32]untouchedTurn // by partition, the newest
}

type untouchedTurn struct {
	// at is when it began: for the engine that is from when on no timer was handled.
	at time.Time
	// before and since are the same for the turns before it: records from that
	// offset on, and timers from that time on, were not handled by any.
	before int64
	since  time.Time
}

// narrow corrects what may have been handled before.
func (u *untouched) narrow(inputs []input) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range inputs {
		in := &inputs[i]
		if last, ok := u.turns[in.partition]; ok && last.at.Equal(in.since) {
			in.since = last.since
			in.repeats = min(in.repeats, recordsBefore(in.records, last.before))
		}
	}
}

// note takes how a turn with narrowed inputs ended, which is nil if it did not begin.
func (u *untouched) note(now time.Time, inputs []input, t *turn, err error) {
	if err == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, in := range inputs {
		if t != nil && t.wrote.Load() {
			delete(u.turns, in.partition)
			continue
		}
		turn := untouchedTurn{at: now, before: math.MaxInt64, since: in.since}
		if in.repeats < len(in.records) {
			turn.before = in.records[in.repeats].Offset
		}
		u.turns[in.partition] = turn
	}
}

func recordsBefore(records []*kgo.Record, offset int64) int {
	if i := slices.IndexFunc(records, func(r *kgo.Record) bool { return r.Offset >= offset }); i >= 0 {
		return i
	}
	return len(records)
}

// sent notes that a request to write Tasks ended so. Only Salesforce's own refusal
// says for sure that it changed nothing.
func (t *turn) sent(err error) {
	var refusal *salesforce.Error
	if err != nil && errors.As(err, &refusal) && (refusal.SignIn || refusal.Status < 500) {
		return
	}
	t.wrote.Store(true)
}
