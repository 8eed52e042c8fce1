//go:build synctests

package stream

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// TestRepeatsAreSaid: a handler is told which records a turn that did not commit may
// have handled before: its own, or that of an owner who died.
func TestRepeatsAreSaid(t *testing.T) {
	inWorld(t, func(w *world) {
		var fail atomic.Bool
		var records, repeats atomic.Int64
		count := handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
			for _, p := range b.Partitions {
				records.Add(int64(len(p.Records)))
				repeats.Add(int64(p.Repeats))
			}
			if fail.Load() {
				return errors.New("not now")
			}
			return addUp(ctx, b)
		})
		seen := func() (r, again int64) { return records.Swap(0), repeats.Swap(0) }

		w.send(200)
		w.start("a", func(o *Options[tally]) { o.Handler = count })
		w.expect()
		// Whoever was there before had 20 records in hand, of any of the partitions.
		if r, again := seen(); r != 200 || again < 20 || again > 20*partitions {
			t.Errorf("%d of %d records may be repeats after a start, want 20 to %d of 200", again, r, 20*partitions)
		}

		w.send(100)
		w.expect()
		if r, again := seen(); r != 100 || again != 0 {
			t.Errorf("%d of %d records may be repeats that came after the start", again, r)
		}

		fail.Store(true)
		w.send(10)
		w.wait("a turn fails", func() bool { return records.Load() > 0 })
		seen()
		fail.Store(false)
		w.expect()
		if r, again := seen(); r == 0 || again != r {
			t.Errorf("%d of %d records are said to be repeats after a turn that failed", again, r)
		}
	})
}

// TestSuspendedOwnerIsTold: a turn that stood still for longer than a session is told
// that its partitions may have a new owner.
func TestSuspendedOwnerIsTold(t *testing.T) {
	inWorld(t, func(w *world) {
		var early, late error
		var done atomic.Bool
		var s *stage
		s = w.start("a", func(o *Options[tally]) {
			o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
				if !done.Load() {
					time.Sleep(3 * time.Second) // virtual: some heartbeats
					early = b.StillOwned()
					s.plug.Pull()
					time.Sleep(2 * o.Timeouts.Session) // virtual
					late = b.StillOwned()
					s.plug.PutBack()
					done.Store(true)
				}
				return addUp(ctx, b)
			})
		})
		w.send(10)
		w.expect()
		if early != nil || late == nil {
			t.Errorf("told %v while the group was there, %v after it was not heard of for two sessions", early, late)
		}
	})
}

// TestSuspendedBeginnerIsTold: the same in the first turn, before the group has answered
// any heartbeats.
func TestSuspendedBeginnerIsTold(t *testing.T) {
	for _, protocol := range []string{"", ConsumerProtocol} {
		t.Run(protocol, func(t *testing.T) {
			inWorld(t, func(w *world) {
				var early, late error
				var done atomic.Bool
				var s *stage
				s = w.start("a", func(o *Options[tally]) {
					o.GroupProtocol = protocol
					o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
						if done.CompareAndSwap(false, true) {
							early = b.StillOwned()
							s.plug.Pull()
							time.Sleep(2 * o.Timeouts.Session) // virtual
							late = b.StillOwned()
							s.plug.PutBack()
						}
						return addUp(ctx, b)
					})
				})
				w.send(10)
				w.expect()
				if early != nil || late == nil {
					t.Errorf("told %v at once, %v after it was not heard of for two sessions", early, late)
				}
			})
		})
	}
}

// TestEndDoesNotWaitForARebalance: the group's coordinator is away for a while in the
// midst of a turn. The client gives up its membership, rejoins only when it may
// rebalance, and until then the transaction cannot end.
func TestEndDoesNotWaitForARebalance(t *testing.T) {
	inWorld(t, func(w *world) {
		var s *stage
		var back time.Time
		var done atomic.Bool
		s = w.start("a", func(o *Options[tally]) {
			o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
				if done.CompareAndSwap(false, true) {
					s.plug.Pull()
					time.Sleep(2 * time.Second) // virtual
					s.plug.PutBack()
					back = time.Now()
				}
				return addUp(ctx, b)
			})
		})
		w.send(10)
		w.wait("the input is committed", w.drained)
		if took := time.Since(back); took >= QuickTimeouts.Transaction {
			t.Errorf("it took %s, as long as a transaction may", took)
		}
		if n := s.counter("callfold_transactions_total", "unknown"); n != 0 {
			t.Errorf("%v transactions ended in the unknown", n)
		}
		w.expect()
	})
}
