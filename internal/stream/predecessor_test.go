//go:build synctests

package stream

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestRestOfThePredecessor: a partition that takes no writes when a lane begins is
// left out of what the lane ends for its predecessor, and made up for in a new session
// once it does. Until then the lane works on the others.
func TestRestOfThePredecessor(t *testing.T) {
	inWorld(t, func(w *world) {
		var mu sync.Mutex
		var ended [][]int32 // partitions of the changelog, by each time a lane ended them
		w.cluster.ControlKey(int16(kmsg.AddPartitionsToTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			req := r.(*kmsg.AddPartitionsToTxnRequest)
			if len(req.Topics) < 2 {
				return nil, nil, false // it is one of the lane's turns
			}
			for _, topic := range req.Topics {
				if topic.Topic == "state" {
					mu.Lock()
					defer mu.Unlock()
					ended = append(ended, slices.Sorted(slices.Values(topic.Partitions)))
				}
			}
			return nil, nil, false
		})
		endings := func() [][]int32 {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(ended)
		}

		// The client may still ask that partition for its end, and restore it.
		away := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "state", Partitions: []int32{0}, Err: kerr.LeaderNotAvailable, Count: -1})
		w.start("a")
		w.send(60)
		w.wait("it works", func() bool { return len(endings()) > 0 })
		time.Sleep(3 * restEvery) // virtual
		if got := endings(); len(got) != 1 || !slices.Equal(got[0], []int32{1, 2}) {
			t.Fatalf("while partition 0 has no leader the predecessor's transaction was ended in the partitions %v, want once, in 1 and 2", got)
		}
		away.Remove()
		w.wait("the rest is ended", func() bool { return len(endings()) > 1 })
		if got := endings(); !slices.Equal(got[1], []int32{0, 1, 2}) {
			t.Errorf("the second session ended it in the partitions %v, want all", got[1])
		}
		w.expect()
		w.noMismatch()
	})
}

// TestPredecessorBesideASilentBroker: a lane comes back under its name by the group's
// coordinator alone. Other brokers may be silent for as long as they like.
func TestPredecessorBesideASilentBroker(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.start("a", func(o *Options[tally]) { o.GroupProtocol = ConsumerProtocol })
		w.wait("it is ready", s.ready)
		s.kill()
		adm := kadm.NewClient(w.client)
		former := func() kadm.ConsumerGroupMember {
			groups, err := adm.DescribeConsumerGroups(context.Background(), "g")
			w.check(err)
			if len(groups["g"].Members) != 1 {
				t.Fatalf("members are %+v, want one", groups["g"].Members)
			}
			return groups["g"].Members[0]
		}
		if e := former().MemberEpoch; e == awayEpoch { // and the client knows the coordinator
			t.Fatal("it took leave although it was killed")
		}
		silent := make(chan struct{})
		defer close(silent)
		w.cluster.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			if w.cluster.CurrentNode() != w.cluster.CoordinatorFor("g") {
				w.cluster.SleepControl(func() { <-silent })
			}
			return nil, nil, false
		})
		began := time.Now()
		w.check(newLane(s.engine, 0).takeBack(context.Background(), w.client))
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
		if e := former().MemberEpoch; e != awayEpoch {
			t.Errorf("the former member has the epoch %d, want %d", e, awayEpoch)
		}
	}, kfake.NumBrokers(3), kfake.Ports(9093, 9094, 9095))
}
