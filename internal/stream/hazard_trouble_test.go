//go:build synctests

package stream

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestHalfOfThePartitionsWithoutALeader: for thirty seconds nothing can be written
// to or read from one partition of each topic, while input keeps coming for the
// others.
func TestHalfOfThePartitionsWithoutALeader(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.start("a", func(o *Options[tally]) { o.Lanes = partitions })
		w.send(60)
		w.expect()
		lost := w.leaderless(0, "in", "state", "rejected")
		for range 30 {
			w.send(10)
			time.Sleep(time.Second) // virtual
		}
		if lost.Hits() == 0 {
			t.Error("nobody missed the leaders: the test shows nothing")
		}
		lost.Remove()
		w.expect()
		w.wait("it is ready again", s.ready)
		w.noMismatch()
	})
}

// leaderless takes the leader of a partition of some topics away, from the stages'
// point of view: the test itself can still send.
//
// Of the input only where a lane has no other partition: the embedded broker still
// names itself as the leader, and answers a fetch of several partitions with the
// error at once, so a client would ask again without end in no time.
func (w *world) leaderless(partition int32, topics ...string) *kfake.FaultHandle {
	var faults []kfake.Fault
	for _, topic := range topics {
		keys := []kmsg.Key{kmsg.Fetch, kmsg.ListOffsets, kmsg.Produce}
		if topic == "in" {
			keys = keys[:1]
		}
		faults = append(faults, kfake.Fault{Keys: keys, Topic: topic, Partitions: []int32{partition}, Err: kerr.NotLeaderForPartition, Count: -1})
	}
	return w.cluster.Fault(faults...)
}

// TestClockSetBackAnHour: in mid-work, and over a restart that continues the store,
// whose checkpoints then lie in the future.
func TestClockSetBackAnHour(t *testing.T) {
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		var back atomic.Int64
		set := func(o *Options[tally]) {
			alarm(time.Minute)(o)
			o.StateDir = dir
			o.Now = func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }
		}
		s := w.start("a", set)
		w.send(60)
		w.wait("the input is handled", w.drained)
		back.Store(int64(time.Hour))
		w.send(60)
		w.wait("the input is handled", w.drained)
		s.stop()
		s = w.start("a", set)
		w.send(60)
		w.wait("the input is handled", w.drained)
		if n := s.counter("callfold_restored_records_total"); n != 0 {
			t.Errorf("%v records were restored although the store was sound", n)
		}
		if n := len(w.rungs()); n != 0 {
			t.Errorf("%d timers went off before their time", n)
		}
		// What was set before the clock was is due an hour later.
		time.Sleep(time.Hour + 2*time.Minute) // virtual
		w.wait("every timer has gone off", func() bool { return len(w.rungs()) == len(w.sent) })
		for key, v := range w.states() {
			if want := w.sent[key]; v.Count != want.Count || v.Sum != want.Sum || v.Rung != 1 || v.Due != 0 {
				t.Errorf("key %s: %+v, want %+v and one rung", key, v, want)
			}
		}
		w.noMismatch()
		s.stop()
	})
}

// TestKillOfEverythingAtOnce: every process dies in the same moment, in mid-work,
// several times; some come back with their stores, some without.
func TestKillOfEverythingAtOnce(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir(), ""}
	inWorld(t, func(w *world) {
		for round := range 4 {
			var all []*stage
			for i, dir := range dirs {
				all = append(all, w.start(string(rune('a'+i)), func(o *Options[tally]) {
					o.StateDir, o.Lanes, o.BatchRecords = dir, 1+i%2, 5
				}))
			}
			before := w.committed()
			w.wait("some is done", func() bool { w.send(20); return w.committed() > before })
			w.send(100)
			time.Sleep(time.Duration(7*round) * time.Millisecond) // virtual
			for _, s := range all {
				s.kill()
			}
			for _, s := range all {
				<-s.ended // its store can be opened again
			}
		}
		w.start("a", func(o *Options[tally]) { o.StateDir = dirs[0] })
		w.expect()
		w.noMismatch()
	})
}
