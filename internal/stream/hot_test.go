//go:build synctests

package stream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestHotStatesKeepTheLastUsed(t *testing.T) {
	h := newHotStates[int](2, newMetrics(prometheus.NewRegistry()))
	has := func(ownership uint64, key string, want int, wantOK bool) {
		t.Helper()
		if v, ok := h.get(ownership, key); v != want || ok != wantOK {
			t.Errorf("%s of %d: %d, %v; want %d, %v", key, ownership, v, ok, want, wantOK)
		}
	}
	put := func(ownership uint64, key string, state, bytes int) { h.put(ownership, key, &state, bytes) }
	put(1, "a", 1, 10)
	put(1, "b", 2, 10)
	has(1, "a", 1, true)
	put(1, "c", 3, 10) // "b" was used longest ago
	has(1, "b", 0, false)
	has(1, "a", 1, true)
	has(1, "c", 3, true)
	has(2, "a", 0, false) // another ownership of the partition

	put(1, "a", 4, mostHotBytes+1) // too large: neither it nor what was before
	has(1, "a", 0, false)
	put(2, "a", 5, 10)
	h.drop(1)
	has(1, "c", 0, false)
	has(2, "a", 5, true)
	if n := h.order.Len(); n != 1 || len(h.tasks) != 1 || len(h.tasks[2]) != 1 {
		t.Errorf("%d states are kept, want one: %v", n, h.tasks)
	}
}

// countingCodec counts how often a state is decoded.
type countingCodec struct {
	tallyCodec
	decoded *atomic.Int64
}

func (c countingCodec) Decode(schema string, b []byte) (tally, error) {
	c.decoded.Add(1)
	return c.tallyCodec.Decode(schema, b)
}

// TestHotStatesAreNotDecoded: a state that was committed by this process is not
// read from the table again, and a few that are kept do as little harm as none.
func TestHotStatesAreNotDecoded(t *testing.T) {
	for _, c := range []struct {
		hot     int
		decodes bool
	}{{0, true}, {5, true}, {1000, false}} {
		t.Run(fmt.Sprint(c.hot, " states"), func(t *testing.T) {
			inWorld(t, func(w *world) {
				var decoded atomic.Int64
				s := w.start("a", func(o *Options[tally]) { o.HotStates, o.Codec = c.hot, countingCodec{decoded: &decoded} })
				for range 3 {
					w.send(100)
					w.expect()
				}
				// A batch that comes again has dropped what was kept.
				again := s.counter("callfold_transactions_total", "aborted") > 0
				if n := decoded.Load(); (n > 0) != c.decodes && !again {
					t.Errorf("%d states were decoded", n)
				}
				if hits := s.counter("callfold_hot_state_hits_total"); (hits > 0) != (c.hot > 0) {
					t.Errorf("%v states were found in memory", hits)
				}
				if n := s.gauge("callfold_hot_states"); n > float64(c.hot) || c.hot > 0 && n == 0 {
					t.Errorf("%v states are kept", n)
				}
				s.stop()
				if n := s.gauge("callfold_hot_states"); n != 0 {
					t.Errorf("%v states are kept after the end", n)
				}
			})
		})
	}
}

// TestHotStatesOfALostPartition: what was kept of a partition must not be seen
// again when it comes back, since somebody else changed it.
func TestHotStatesOfALostPartition(t *testing.T) {
	inWorld(t, func(w *world) {
		hot := func(o *Options[tally]) { o.HotStates = 1000 }
		w.start("a", hot)
		w.send(100)
		w.expect()
		for range 3 {
			b := w.start("b", hot)
			w.wait("the second has a partition", func() bool { return w.assigned()["g-b-0"] == 1 })
			w.send(100)
			w.expect()
			if b.counter("callfold_records_in_total") == 0 {
				t.Error("the second did nothing: the test shows nothing")
			}
			b.stop()
			w.wait("the first has all again", func() bool { return w.assigned()["g-a-0"] == partitions })
			w.send(100)
			w.expect()
		}
	})
}

// TestHotStatesOfAnAbandonedBatch: what a failing batch put is not kept.
func TestHotStatesOfAnAbandonedBatch(t *testing.T) {
	inWorld(t, func(w *world) {
		tries := 0
		w.start("a", func(o *Options[tally]) {
			o.HotStates = 1000
			o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
				if err := addUp(ctx, b); err != nil {
					return err
				}
				if tries++; tries%2 == 1 {
					return errors.New("not now")
				}
				return nil
			})
		})
		for range 3 {
			w.send(100)
			w.expect()
		}
	})
}
