//go:build synctests

package stream

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// noLag reports whether every partition has the metrics, and all are 0.
func (s *stage) noLag() bool {
	for p := range partitions {
		for _, name := range []string{"callfold_lag_records", "callfold_lag_seconds", "callfold_lso_lag_records"} {
			if !s.has(name, p) || s.gauge(name, strconv.Itoa(p)) != 0 {
				return false
			}
		}
	}
	return true
}

// has reports whether a metric of a partition is there at all.
func (s *stage) has(name string, partition int) bool {
	families, err := s.reg.Gather()
	s.w.check(err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == strconv.Itoa(partition) {
				return true
			}
		}
	}
	return false
}

// sendInTransaction sends one record to each partition, and returns what commits them.
func (w *world) sendInTransaction() (commit func()) {
	cl, err := kgo.NewClient(append(w.options(w.net.DialContext), kgo.TransactionalID("producer"), kgo.TransactionTimeout(10*time.Minute),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	w.check(err)
	w.check(cl.BeginTransaction())
	for p := range int32(partitions) {
		w.check(cl.ProduceSync(context.Background(), &kgo.Record{Topic: "in", Partition: p, Key: []byte("1"), Value: []byte("1")}).FirstErr())
	}
	return func() {
		w.check(cl.EndTransaction(context.Background(), kgo.TryCommit))
		cl.Close()
	}
}

// TestNoLagAtRest: also where the input ends with a commit marker, which is no
// record. What the group has committed is then the end of the log, for whoever
// looks at it from outside.
func TestNoLagAtRest(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.start("a")
		w.send(60)
		w.sendInTransaction()()
		w.wait("the whole input is committed, with its markers", w.drained)
		for range 30 {
			time.Sleep(time.Second) // virtual
			if !s.noLag() {
				t.Fatalf("at rest there is a lag of %v records and %v seconds", s.gauge("callfold_lag_records"), s.gauge("callfold_lag_seconds"))
			}
		}
		before := w.count("state")
		time.Sleep(time.Minute) // virtual
		if w.count("state") != before {
			t.Error("a stage at rest writes")
		}
		b := w.start("b")
		w.wait("the other has a partition", func() bool { return w.assigned()["g-b-0"] == 1 })
		w.wait("only it says so", func() bool {
			n := 0
			for p := range partitions {
				if s.has("callfold_lag_records", p) == b.has("callfold_lag_records", p) {
					return false
				}
				n++
			}
			return n == partitions
		})
	})
}

// TestLagGrowsWhileTheHandlerFails: in records and in seconds, and is gone when it
// works again.
func TestLagGrowsWhileTheHandlerFails(t *testing.T) {
	inWorld(t, func(w *world) {
		var broken atomic.Bool
		s := w.start("a", failing(&broken))
		w.send(60)
		w.expect()
		broken.Store(true)
		w.growingLag(s)
		broken.Store(false)
		w.expect()
		w.wait("there is no lag", s.noLag)
	})
}

// TestLagGrowsDuringARestore: the same while the input cannot be handled because
// the states are not there yet.
func TestLagGrowsDuringARestore(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(60)
		s := w.start("a")
		w.expect()
		s.stop()
		stuck := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: "state", Err: kerr.NotLeaderForPartition, Count: -1})
		s = w.start("a")
		w.wait("it restores", func() bool { return s.has("callfold_lag_records", 0) })
		w.growingLag(s)
		if s.ready() {
			t.Error("it is ready: the test shows nothing")
		}
		if n := s.gauge("callfold_restore_seconds", "0"); n < 99 || n > 120 {
			t.Errorf("partition 0 has been restored for %v seconds, want about 100", n)
		}
		stuck.Remove()
		w.expect()
		w.wait("there is no lag", s.noLag)
		if n := s.gauge("callfold_restore_seconds"); n != 0 {
			t.Errorf("after the restore it goes on for %v seconds", n)
		}
	})
}

// growingLag sends input for a while, to a stage that does not handle any.
func (w *world) growingLag(s *stage) {
	w.t.Helper()
	sent := 0
	for i := range 5 {
		w.send(30)
		sent += 30
		time.Sleep(20 * time.Second) // virtual
		if n := s.gauge("callfold_lag_records"); n != float64(sent) {
			w.t.Errorf("the lag is %v records, want %d", n, sent)
		}
		oldest := time.Duration(0)
		for p := range partitions {
			oldest = max(oldest, time.Duration(s.gauge("callfold_lag_seconds", strconv.Itoa(p)))*time.Second)
		}
		// What was not read is known to be there after 10 s at the latest.
		if age := time.Duration(i+1) * 20 * time.Second; oldest < age-11*time.Second || oldest > age+time.Second {
			w.t.Errorf("the lag is %s, want about %s", oldest, age)
		}
	}
}

// TestHangingTransactionShows: a producer of the input left a transaction open,
// and what comes behind it cannot be read.
func TestHangingTransactionShows(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.start("a")
		w.send(60)
		w.expect()
		commit := w.sendInTransaction()
		w.send(60)
		time.Sleep(30 * time.Second) // virtual
		if n := s.gauge("callfold_lso_lag_records"); n != 60+partitions {
			t.Errorf("%v records are behind the open transaction, want %d", n, 60+partitions)
		}
		if n := s.gauge("callfold_lag_records"); n != 60+partitions {
			t.Errorf("the lag is %v records, want %d", n, 60+partitions)
		}
		commit()
		w.wait("there is no lag", s.noLag)
	})
}

// TestBrokersOfAnIdleStageAreAway: under either protocol the stage is not ready.
func TestBrokersOfAnIdleStageAreAway(t *testing.T) {
	underBothProtocols(t, func(t *testing.T, use func(*Options[tally])) {
		inWorld(t, func(w *world) {
			s := w.start("a", use)
			w.wait("it is ready", s.ready)
			s.plug.Pull()
			time.Sleep(2 * time.Minute) // virtual
			if s.ready() {
				t.Error("it is ready without a broker")
			}
			s.plug.PutBack()
			w.wait("it is ready", s.ready)
			w.send(60)
			w.expect()
		})
	})
}
