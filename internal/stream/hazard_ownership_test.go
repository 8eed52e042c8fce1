//go:build synctests

package stream

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestNothingIsCommittedForALostPartition: a member that the group has given up,
// and that does not know it, finishes a batch that the new owner has handled
// meanwhile. Its commit must be refused: it comes in the name of a generation
// that is over.
func TestNothingIsCommittedForALostPartition(t *testing.T) {
	inWorld(t, func(w *world) {
		working, goOn := make(chan struct{}), make(chan struct{})
		var once sync.Once
		a := w.start("a", func(o *Options[tally]) {
			o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
				once.Do(func() { close(working); <-goOn })
				return addUp(ctx, b)
			})
		})
		w.wait("it is ready", a.ready)
		w.send(60)
		<-working
		w.deafen("g-a-0")
		w.start("b")
		w.wait("the new owner has handled the input", w.drained)
		close(goOn)
		w.wait("the old owner has tried to commit", func() bool {
			return a.counter("callfold_transactions_total", "aborted")+a.counter("callfold_transactions_total", "unknown") > 0
		})
		w.expect()
		w.noMismatch()
	})
}

// deafen makes a member think that its heartbeats are answered, while the group
// never hears of them and gives it up.
func (w *world) deafen(member string) {
	w.cluster.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		if id := req.(*kmsg.HeartbeatRequest).InstanceID; id != nil && *id == member {
			return req.ResponseKind(), nil, true
		}
		return nil, nil, false
	})
}

// TestGroupGoesOnWhileAPeerRestores: a restore that takes minutes holds up nobody:
// neither the partitions that others own, nor a rebalance that comes meanwhile.
func TestGroupGoesOnWhileAPeerRestores(t *testing.T) {
	inWorld(t, func(w *world) {
		patient := func(o *Options[tally]) { o.Timeouts = PatientTimeouts }
		a := w.start("a", patient)
		w.send(60)
		w.expect()

		// From now on whoever restores cannot read the states.
		stuck := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: "state", Err: kerr.NotLeaderForPartition, Count: -1})
		b := w.start("b", patient)
		w.wait("the second has a partition", func() bool { return w.assigned()["g-b-0"] == 1 })
		w.start("c", patient)
		began := time.Now()
		w.wait("the third has a partition", func() bool { return w.assigned()["g-c-0"] == 1 })
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the rebalance took %s", took)
		}
		before := a.counter("callfold_records_in_total")
		w.send(60)
		time.Sleep(10 * time.Second) // virtual
		if a.counter("callfold_records_in_total") == before {
			t.Error("the first does nothing while the others restore")
		}
		if n := a.counter("callfold_transactions_total", "unknown"); n != 0 {
			t.Errorf("%v transactions of the first were fenced", n)
		}
		if b.ready() {
			t.Fatal("the restore is done already: the test shows nothing")
		}
		stuck.Remove()
		w.expect()
		w.noMismatch()
	})
}
