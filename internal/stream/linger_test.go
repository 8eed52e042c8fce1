//go:build synctests

// Run with -tags synctests: franz-go then uses locks that a bubble of virtual time
// understands; with its usual ones time may stand still for ever.

package stream

import (
	"bytes"
	"context"
	"fmt"
	"github.com/twmb/franz-go/pkg/kgo"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// turns are when a stage's turns began.
type turns struct {
	mu sync.Mutex
	at []time.Time
}

func (t *turns) began() []time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.at)
}

// lingering is a stage that rests so long after each turn.
func lingering(d time.Duration, t *turns) func(*Options[tally]) {
	return func(o *Options[tally]) {
		o.Linger = func() time.Duration { return d }
		o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
			t.mu.Lock()
			t.at = append(t.at, time.Now())
			t.mu.Unlock()
			return addUp(ctx, b)
		})
	}
}

// TestLinger: what comes in during a rest is one batch, all of it.
func TestLinger(t *testing.T) {
	inWorld(t, func(w *world) {
		var turns turns
		a := w.start("a", lingering(20*time.Second, &turns))
		w.wait("a lane that may rest", a.ready)
		time.Sleep(2 * wakeFor) // virtual
		w.send(1)
		w.wait("the first turn", w.drained)
		if n := len(turns.began()); n != 1 {
			t.Fatalf("%d turns for one record", n)
		}
		for range 15 {
			time.Sleep(time.Second) // virtual
			w.send(1)
		}
		if n := len(turns.began()); n != 1 {
			t.Fatalf("%d turns during the rest after the first", n)
		}
		w.wait("the second turn", w.drained)
		if n := len(turns.began()); n != 2 {
			t.Fatalf("%d turns, want one for all that came in during the rest", n)
		}
		if rest := turns.began()[1].Sub(turns.began()[0]); rest < 20*time.Second || rest > 23*time.Second {
			t.Errorf("the lane rested for %s, want 20 s", rest)
		}
		// Who has rested does not wait for input that comes later.
		time.Sleep(time.Minute) // virtual
		began := time.Now()
		w.send(1)
		w.wait("the third turn", w.drained)
		if late := turns.began()[2].Sub(began); late > 2*time.Second {
			t.Errorf("a record that comes when all is quiet is handled after %s", late)
		}
		w.expect()
	})
}

// TestNoLingerBehind: a lane that cannot take all that is there goes on at once.
func TestNoLingerBehind(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(500)
		var turns turns
		w.start("a", lingering(time.Hour, &turns)) // batches of 20
		began := time.Now()
		w.expect()
		if took := time.Since(began); len(turns.began()) < 25 || took > time.Minute {
			t.Errorf("%d turns in %s", len(turns.began()), took)
		}
	})
}

// TestLingerHoldsUpNobody: a lane that rests takes over what the group gives it, and
// ends when it is told to.
func TestLingerHoldsUpNobody(t *testing.T) {
	inWorld(t, func(w *world) {
		var turns turns
		a, b := w.start("a", lingering(time.Hour, &turns)), w.start("b")
		w.wait("both lanes", func() bool { return a.ready() && b.ready() })
		time.Sleep(2 * wakeFor) // virtual
		for len(turns.began()) == 0 {
			w.send(1)
			time.Sleep(time.Second) // virtual
		}
		b.kill()
		w.send(30)
		w.expect()
		time.Sleep(2 * wakeFor) // virtual
		for range 5 {
			w.send(1)
			time.Sleep(10 * time.Second) // virtual
		}
		if w.drained() {
			t.Fatal("the lane does not rest: the test shows nothing")
		}
		began := time.Now()
		a.stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("a lane that rests took %s to end", took)
		}
	})
}

// TestNobodyRestsWhereOneNeedNot: a lane that began to rest goes on when another one is
// told that it need not rest.
func TestNobodyRestsWhereOneNeedNot(t *testing.T) {
	inWorld(t, func(w *world) {
		var asked atomic.Int64
		a := w.start("a", func(o *Options[tally]) {
			o.Lanes = 2
			o.Linger = func() time.Duration {
				if asked.Add(1) == 1 {
					return time.Hour
				}
				return 0
			}
		})
		w.wait("both lanes", a.ready)
		time.Sleep(2 * wakeFor) // virtual
		w.sendOne("a", 1)
		w.wait("the first lane to rest", func() bool { return asked.Load() == 1 })
		w.send(15) // less than a batch
		w.expect()
	})
}

// TestGatheringIsBounded: by bytes too, when records were small and become large.
func TestGatheringIsBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		const small, large, size = 6000, 400, 500_000
		for i := range small {
			w.client.Produce(context.Background(), &kgo.Record{Topic: "in", Key: fmt.Append(nil, i), Value: []byte("1")}, nil)
		}
		w.check(w.client.Flush(context.Background()))
		value := bytes.Repeat([]byte("a"), size)
		for i := range large {
			w.check(w.client.ProduceSync(context.Background(), &kgo.Record{Topic: "in", Key: fmt.Append(nil, i), Value: value}).FirstErr())
		}
		var most atomic.Int64
		s := w.start("a", func(o *Options[tally]) {
			o.BatchRecords = 1000
			o.Handler = handlerFunc(func(_ context.Context, b *Batch[tally]) error {
				n := int64(0)
				for _, p := range b.Partitions {
					for _, r := range p.Records {
						n += int64(len(r.Value))
					}
				}
				most.Store(max(most.Load(), n))
				return nil
			})
		})
		w.wait("the whole input is handled", func() bool { return s.counter("callfold_records_in_total") == small+large })
		if n := most.Load(); n > 4*batchBytes { // one fetch may be packed, and more than a batch
			t.Errorf("a batch has %d MB, about %d are wanted", n>>20, batchBytes>>20)
		}
	})
}
