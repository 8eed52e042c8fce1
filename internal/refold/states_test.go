package refold

import (
	"bytes"
	"log/slog"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/eventlog"
	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

func newTable(t *testing.T, store *table.Store, number int32) *table.Table {
	t.Helper()
	made, err := store.Acquire(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Release)
	return made
}

func newStore(t *testing.T) *table.Store {
	t.Helper()
	store, err := table.Open(table.Options{Schema: "test/1", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// TestStatesLeaveTheMemory: states that leave the memory and come back are the same.
func TestStatesLeaveTheMemory(t *testing.T) {
	defer func(n int) { mostHot = n }(mostHot)
	mostHot = 2
	folded := newTable(t, newStore(t), 0)
	states := NewStates(folded)
	want := map[int64]schemas.CallRecord{}
	generator := traffic.New(traffic.Options{Seed: 1})
	offset := int64(0)
	var all []traffic.Delivery
	for range 20 {
		all = append(all, generator.Deliver(generator.Call())...)
	}
	for i := range all {
		d := all[i*7%len(all)] // calls in turn; some events twice, some never
		e, err := schemas.ParseEvent(d.Body)
		if err != nil {
			t.Fatal(err)
		}
		want[d.CallID] = schemas.Fold(want[d.CallID], e, offset)
		record := eventlog.Record("events", d.Body, d.Event, d.CallID, schemas.Webhook, d.At)
		record.Offset = offset
		if err := states.Fold(record); err != nil {
			t.Fatalf("event %d: %v", offset, err)
		}
		offset++
	}
	if err := states.Fold(&kgo.Record{Key: []byte("7"), Value: []byte("no event")}); err != nil {
		t.Errorf("no event: %v", err)
	}
	if states.Folded != offset || states.Unfoldable != 1 {
		t.Errorf("%d were folded and %d not, want %d and 1", states.Folded, states.Unfoldable, offset)
	}
	if err := states.Flush(); err != nil {
		t.Fatal(err)
	}
	for id, record := range want {
		value, err := schemas.Calls.Encode(record)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := folded.Get(strconv.FormatInt(id, 10)); err != nil || !bytes.Equal(got, value) {
			t.Errorf("call %d, error %v:\n got %s\nwant %s", id, err, got, value)
		}
	}
}
