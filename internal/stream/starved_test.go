//go:build synctests

package stream

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sessions counts the sessions that join the group from now on.
func (w *world) sessions() *atomic.Int32 {
	var joins atomic.Int32
	w.cluster.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		joins.Add(1)
		return nil, nil, false
	})
	return &joins
}

// unanswered has nothing be read of the input while the function returns true.
func (w *world) unanswered(now func() bool) {
	input := w.cluster.TopicInfo("in").TopicID
	w.cluster.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		fetch := request.(*kmsg.FetchRequest)
		if !now() || len(fetch.Topics) > 0 && fetch.Topics[0].TopicID != input { // none in a session that goes on
			return nil, nil, false
		}
		w.cluster.SleepControl(func() { time.Sleep(500 * time.Millisecond) }) // virtual
		return fetch.ResponseKind(), nil, true
	})
}

// TestStarved: a session reads nothing, though it is a member of the group and there is
// input: it is opened anew, again and again, each time after twice as long. One that has
// nothing to read is left alone.
func TestStarved(t *testing.T) {
	inWorld(t, func(w *world) {
		joins := w.sessions()
		var answered atomic.Bool
		w.unanswered(func() bool { return !answered.Load() })
		s := w.start("a")
		w.wait("it has joined", s.ready)
		time.Sleep(5 * starvedFor) // virtual
		if joins.Load() != 1 {
			t.Fatalf("%d sessions without any input, want 1", joins.Load())
		}
		w.send(40)
		time.Sleep(starvedFor / 2) // virtual
		if joins.Load() != 1 {
			t.Errorf("%d sessions within half of the time, want 1", joins.Load())
		}
		time.Sleep(starvedFor) // virtual
		if joins.Load() < 2 {
			t.Errorf("%d sessions, want one that was opened anew", joins.Load())
		}
		before := joins.Load()
		time.Sleep(20 * starvedFor) // virtual
		if more := joins.Load() - before; more < 1 || more > 5 {
			t.Errorf("%d more sessions in twenty minutes, want 1 to 5", more)
		}
		time.Sleep(4 * mostStarvedFor) // virtual
		before = joins.Load()
		for range 6 * 3 {
			w.send(40)
			time.Sleep(mostStarvedOfInput) // virtual
		}
		if more := joins.Load() - before; more < 6*3-2 || more > 6*3 {
			t.Errorf("%d more sessions in three hours with new input, want one each ten minutes", more)
		}
		answered.Store(true)
		w.expect()
		s.stop()
	})
}

// TestStarvedBesideOthers: a session reads nothing of one partition. While there is more
// of the others than fits a batch that may be as it should; after that it is opened anew,
// whether the others have input or not.
func TestStarvedBesideOthers(t *testing.T) {
	inWorld(t, func(w *world) {
		joins := w.sessions()
		const hidden = 2
		var whole atomic.Bool
		input := w.cluster.TopicInfo("in").TopicID
		w.cluster.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			fetch := request.(*kmsg.FetchRequest)
			for i := range fetch.Topics {
				if of := &fetch.Topics[i]; of.TopicID == input && !whole.Load() {
					of.Partitions = slices.DeleteFunc(of.Partitions, func(p kmsg.FetchRequestTopicPartition) bool { return p.Partition == hidden })
				}
			}
			return nil, nil, false
		})
		s := w.start("a", func(o *Options[tally]) {
			o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
				if slices.ContainsFunc(b.Partitions, func(p *Partition[tally]) bool { return len(p.Records) > 10 }) {
					time.Sleep(10 * time.Second) // virtual
				}
				return addUp(ctx, b)
			})
		})
		w.wait("it has joined", s.ready)
		const batches = 30
		w.send(batches * 20)
		time.Sleep(2 * starvedFor) // virtual
		if joins.Load() != 1 {
			t.Errorf("%d sessions while the others had a backlog, want 1", joins.Load())
		}
		for range 20 {
			w.send(6)
			time.Sleep(starvedFor / 2) // virtual
		}
		if joins.Load() < 2 {
			t.Error("the session was not opened anew while the others had input")
		}
		whole.Store(true)
		time.Sleep(mostStarvedOfInput) // virtual; the broker answers for what the session asked at first
		w.expect()
		s.stop()
	})
}

// TestNotStarved: input that nobody may read yet, or nobody can read any more, is no
// sign of a session that stands still.
func TestNotStarved(t *testing.T) {
	t.Run("in a transaction", func(t *testing.T) {
		inWorld(t, func(w *world) {
			s := w.start("a")
			w.send(40)
			w.expect()
			joins := w.sessions()
			commit := w.sendInTransaction()
			for range 10 {
				w.send(40)
				time.Sleep(starvedFor / 2) // virtual
			}
			if joins.Load() > 0 {
				t.Errorf("%d sessions were opened anew", joins.Load())
			}
			commit()
			w.wait("the whole input is committed", w.drained)
			s.stop()
		})
	})
	t.Run("in a handler that fails", func(t *testing.T) {
		inWorld(t, func(w *world) {
			var fails atomic.Bool
			s := w.start("a", failing(&fails))
			w.wait("it has joined", s.ready)
			joins := w.sessions()
			fails.Store(true)
			w.send(10)
			time.Sleep(5 * starvedPolls * mostPutOff) // virtual
			if joins.Load() > 0 {
				t.Errorf("%d sessions were opened anew", joins.Load())
			}
			fails.Store(false)
			w.expect()
			s.stop()
		})
	})
	t.Run("without a leader", func(t *testing.T) {
		inWorld(t, func(w *world) {
			if joins := w.starvedDuring(leaderless([]int32{0, 1, 2})); joins > 0 {
				t.Errorf("%d sessions were opened anew", joins)
			}
		})
	})
	t.Run("deleted", func(t *testing.T) {
		inWorld(t, func(w *world) {
			joins := w.sessions()
			w.send(60)
			adm := kadm.NewClient(w.client)
			ends, err := adm.ListEndOffsets(context.Background(), "in")
			w.check(err)
			deleted, err := adm.DeleteRecords(context.Background(), ends.Offsets())
			w.check(err)
			w.check(deleted.Error())
			clear(w.sent)
			s := w.start("a")
			w.wait("it has joined", s.ready)
			time.Sleep(5 * starvedFor) // virtual
			if joins.Load() != 1 {
				t.Errorf("%d sessions, want 1", joins.Load())
			}
			if !s.noLag() {
				t.Errorf("what is gone is a lag of %v records", s.gauge("callfold_lag_records"))
			}
			w.send(60)
			w.expect()
			s.stop()
		})
	})
}

// TestStarvedBesideALeaderless: that one partition has no leader hides no other, whether
// all brokers know it or only the one that has led it.
func TestStarvedBesideALeaderless(t *testing.T) {
	one := []int32{0}
	for name, fault := range map[string]kfake.Fault{
		"known to all": leaderless(one),
		"known to one": {Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: "in", Partitions: one, Err: kerr.NotLeaderForPartition, Count: -1},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				if w.starvedDuring(fault) == 0 {
					t.Error("no session was opened anew")
				}
			}, kfake.NumBrokers(2), kfake.Ports(9093, 9094))
		})
	}
}

// leaderless has the brokers say that nobody leads partitions of the input.
func leaderless(partitions []int32) kfake.Fault {
	return kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "in", Partitions: partitions, Err: kerr.LeaderNotAvailable, Count: -1}
}

// starvedDuring returns how many sessions are opened anew within ten minutes of a fault,
// in which nothing comes of the input, though there is some.
func (w *world) starvedDuring(trouble kfake.Fault) int32 {
	var away atomic.Bool
	w.unanswered(away.Load)
	s := w.start("a")
	w.send(40)
	w.expect()
	joins := w.sessions()
	away.Store(true)
	time.Sleep(time.Second) // virtual; no request is waiting any more
	w.send(40)
	time.Sleep(2 * askEndsEvery) // virtual; it is known to be there
	fault := w.cluster.Fault(trouble)
	time.Sleep(10 * starvedFor) // virtual
	opened := joins.Load()
	fault.Remove()
	away.Store(false)
	time.Sleep(time.Minute) // virtual: the clients look again who leads
	w.expect()
	s.stop()
	return opened
}
