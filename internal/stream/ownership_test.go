//go:build synctests

package stream

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// underBothProtocols runs a test with each group protocol; use is an option of
// every stage of it.
func underBothProtocols(t *testing.T, test func(t *testing.T, use func(*Options[tally]))) {
	for _, protocol := range []string{ClassicProtocol, ConsumerProtocol} {
		t.Run(protocol, func(t *testing.T) {
			test(t, func(o *Options[tally]) { o.GroupProtocol = protocol })
		})
	}
}

// TestIdleMemberLosesPartitionsTwice: the group takes partitions from a lane that
// has nothing to do, twice, and gives them back. It must let go of them each
// time: otherwise nobody in the process could use them any more.
func TestIdleMemberLosesPartitionsTwice(t *testing.T) {
	underBothProtocols(t, func(t *testing.T, use func(*Options[tally])) {
		inWorld(t, func(w *world) {
			a := w.start("a", use)
			w.send(40)
			w.expect()
			b := w.start("b", use)
			w.wait("the second has a partition", func() bool { return w.assigned()["g-b-0"] == 1 })
			c := w.start("c", use)
			w.wait("each has one partition", func() bool { return w.assigned()["g-a-0"] == 1 && w.assigned()["g-c-0"] == 1 })
			w.wait("the first has let go of the two that it lost", func() bool {
				owned, err := a.engine.Owned()
				w.check(err)
				return len(owned) == 1
			})
			b.stop()
			c.stop()
			w.remove("g-b-0")
			w.remove("g-c-0")
			w.wait("the first has all again", func() bool { return w.assigned()["g-a-0"] == partitions })
			w.wait("the first is ready", a.ready)
			w.send(40)
			w.expect()
		})
	})
}

// TestNothingIsHandledInVainAfterARebalance: the group takes a partition from a lane that
// has nothing to do. What comes then it handles once: the turn can be committed.
func TestNothingIsHandledInVainAfterARebalance(t *testing.T) {
	underBothProtocols(t, func(t *testing.T, use func(*Options[tally])) {
		inWorld(t, func(w *world) {
			var handled atomic.Int64
			count := func(o *Options[tally]) {
				o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
					for _, p := range b.Partitions {
						handled.Add(int64(len(p.Records)))
					}
					return addUp(ctx, b)
				})
			}
			a := w.start("a", use, count)
			w.send(40)
			w.expect()
			for range 2 { // also after the next one
				b := w.start("b", use, count)
				w.wait("the second has a partition", func() bool { return w.assigned()["g-b-0"] == 1 })
				w.wait("both are ready", func() bool { return a.ready() && b.ready() })
				handled.Store(0)
				w.send(40)
				w.expect()
				if n := handled.Load(); n != 40 {
					t.Errorf("40 records were handled %d times", n)
				}
				b.stop()
				w.remove("g-b-0")
				w.wait("the first has all again", func() bool { return w.assigned()["g-a-0"] == partitions })
				w.wait("the first is ready", a.ready)
			}
		})
	})
}

// TestPartitionWithoutOffset: a partition that never had input is one like any
// other: it is restored, and given up when it is taken away.
func TestPartitionWithoutOffset(t *testing.T) {
	underBothProtocols(t, func(t *testing.T, use func(*Options[tally])) {
		inWorld(t, func(w *world) {
			a := w.start("a", use)
			w.wait("the first is ready", a.ready)
			for range 2 {
				b := w.start("b", use)
				w.wait("the second has a partition", func() bool { return w.assigned()["g-b-0"] == 1 })
				w.wait("the second is ready", b.ready)
				b.stop()
				w.remove("g-b-0")
				w.wait("the first has all again", func() bool { return w.assigned()["g-a-0"] == partitions })
				w.wait("the first is ready", a.ready)
			}
			w.send(40)
			w.expect()
		})
	})
}

// TestKilledIsBackAtOnce: a process that was killed and comes back under its name
// does not wait for the session of its former self to end.
func TestKilledIsBackAtOnce(t *testing.T) {
	underBothProtocols(t, func(t *testing.T, use func(*Options[tally])) {
		inWorld(t, func(w *world) {
			patient := func(o *Options[tally]) { o.Timeouts = PatientTimeouts }
			w.send(40)
			s := w.start("a", use, patient)
			w.expect()
			s.kill()
			began := time.Now()
			s = w.start("a", use, patient)
			w.wait("it has its partitions", s.ready)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("that took %s", took)
			}
			w.send(40)
			w.expect()
		})
	})
}

// TestGroupProtocol: the group is of the protocol that was asked for.
func TestGroupProtocol(t *testing.T) {
	for _, protocol := range []string{"", ClassicProtocol, ConsumerProtocol} {
		t.Run(protocol, func(t *testing.T) {
			inWorld(t, func(w *world) {
				s := w.start("a", func(o *Options[tally]) { o.GroupProtocol = protocol })
				w.wait("it is ready", s.ready)
				groups, err := kadm.NewClient(w.client).DescribeConsumerGroups(context.Background(), "g")
				w.check(err)
				if found := len(groups["g"].Members) > 0; found != (protocol == ConsumerProtocol) {
					t.Errorf("a member of the protocol consumer: %v", found)
				}
			})
		})
	}
}

// TestOldClusterHasTheClassicProtocol: with one that does not know the protocol
// "consumer" the stage works all the same.
func TestOldClusterHasTheClassicProtocol(t *testing.T) {
	inWorld(t, func(w *world) {
		w.start("a", func(o *Options[tally]) { o.GroupProtocol = ConsumerProtocol })
		w.send(40)
		w.expect()
	}, kfake.MaxVersions(kversion.V3_5_0()))
}

// TestFeatureOffHasTheClassicProtocol: the same with brokers that know the protocol
// "consumer" and refuse it, since the cluster's feature group.version is off.
func TestFeatureOffHasTheClassicProtocol(t *testing.T) {
	inWorld(t, func(w *world) {
		refused := map[string]bool{}
		w.cluster.ControlKey(int16(kmsg.ConsumerGroupDescribe), func(request kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			refused["describe"] = true
			answer := request.ResponseKind().(*kmsg.ConsumerGroupDescribeResponse)
			for _, name := range request.(*kmsg.ConsumerGroupDescribeRequest).Groups {
				group := kmsg.NewConsumerGroupDescribeResponseGroup()
				group.Group, group.ErrorCode = name, kerr.UnsupportedVersion.Code
				answer.Groups = append(answer.Groups, group)
			}
			return answer, nil, true
		})
		w.cluster.ControlKey(int16(kmsg.ConsumerGroupHeartbeat), func(request kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			refused["join"] = true
			answer := request.ResponseKind().(*kmsg.ConsumerGroupHeartbeatResponse)
			answer.ErrorCode = kerr.UnsupportedVersion.Code
			return answer, nil, true
		})
		w.start("a", func(o *Options[tally]) { o.GroupProtocol = ConsumerProtocol })
		w.send(40)
		w.expect()
		if !refused["describe"] || !refused["join"] {
			t.Errorf("was refused only %v", refused)
		}
	})
}

// remove takes a static member that has stopped out of a group of the protocol
// "consumer". A cluster does that after the session timeout, the embedded broker
// does not: it keeps its partitions for ever.
func (w *world) remove(instance string) {
	w.t.Helper()
	groups, err := kadm.NewClient(w.client).DescribeConsumerGroups(context.Background(), "g")
	w.check(err)
	for _, m := range groups["g"].Members {
		if m.InstanceID != nil && *m.InstanceID == instance {
			leave := kmsg.NewPtrConsumerGroupHeartbeatRequest()
			leave.Group, leave.MemberID, leave.InstanceID, leave.MemberEpoch = "g", m.MemberID, m.InstanceID, -1
			_, err := leave.RequestWith(context.Background(), w.client)
			w.check(err)
		}
	}
}

// assigned is how many partitions each member has, as the group sees it.
func (w *world) assigned() map[string]int {
	w.t.Helper()
	n := map[string]int{}
	consumers, err := kadm.NewClient(w.client).DescribeConsumerGroups(context.Background(), "g")
	w.check(err)
	for _, m := range consumers["g"].Members {
		if m.InstanceID != nil {
			for _, p := range m.Assignment { // by topic, whose name the embedded broker does not tell
				n[*m.InstanceID] += len(p)
			}
		}
	}
	groups, err := kadm.NewClient(w.client).DescribeGroups(context.Background(), "g")
	w.check(err)
	for _, m := range groups["g"].Members {
		if c, ok := m.Assigned.AsConsumer(); ok && m.InstanceID != nil {
			for _, topic := range c.Topics {
				n[*m.InstanceID] += len(topic.Partitions)
			}
		}
	}
	return n
}
