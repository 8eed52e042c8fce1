package sfsink

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/schemas"
)

// TestRemovedState: 'callfold verify --repair' has taken away a state that no event
// makes. There is nothing to reject, and nothing new to tell of the call.
func TestRemovedState(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	want := b.outcome(1, schemas.Created)
	b.pending = append(b.pending, &kgo.Record{Key: []byte("1"), Offset: b.offset, Timestamp: b.clock})
	b.offset++
	b.turn()
	if len(b.table.rejected) > 0 {
		t.Errorf("rejected: %v", b.table.rejected)
	}
	if got := b.outcome(1, schemas.Created); got.StateHash != want.StateHash {
		t.Errorf("outcome %+v", got)
	}
	b.task(1)
}
