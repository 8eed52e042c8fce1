//go:build synctests

package stream

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestPartitionOfNobody: the group's plan leaves a partition out, as it does where members
// that gave one up were killed before they joined again. It is given away all the same.
func TestPartitionOfNobody(t *testing.T) {
	inWorld(t, func(w *world) {
		var left atomic.Int32
		w.cluster.ControlKey(int16(kmsg.SyncGroup), func(request kmsg.Request) (kmsg.Response, error, bool) {
			plan := request.(*kmsg.SyncGroupRequest).GroupAssignment
			if len(plan) == 0 || left.Load() > 0 {
				w.cluster.KeepControl()
				return nil, nil, false
			}
			for i := range plan {
				var assigned kmsg.ConsumerMemberAssignment
				w.check(assigned.ReadFrom(plan[i].MemberAssignment))
				for j := range assigned.Topics {
					left.Add(int32(len(assigned.Topics[j].Partitions)))
					assigned.Topics[j].Partitions = nil
				}
				plan[i].MemberAssignment = assigned.AppendTo(nil)
			}
			return nil, nil, false
		})
		s := w.start("a")
		w.send(40)
		w.expect()
		if left.Load() != partitions {
			t.Errorf("%d partitions were left out of the first plan, want %d", left.Load(), partitions)
		}
		s.stop()
	})
}

// TestPartitionBeingGivenUp: a partition of nobody that a member owned when it joined is
// being given up, as long as that member's turn takes. All others would have to wait for
// it if the group were asked to rebalance.
func TestPartitionBeingGivenUp(t *testing.T) {
	for name, owned := range map[string][]int32{"by nobody": nil, "by a member": {0, 1, 2}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				s := w.start("a")
				w.send(40)
				w.expect()
				w.cluster.ControlKey(int16(kmsg.DescribeGroups), func(request kmsg.Request) (kmsg.Response, error, bool) {
					w.cluster.KeepControl()
					return groupWithout(request.(*kmsg.DescribeGroupsRequest), owned), nil, true
				})
				var joins atomic.Int32
				w.cluster.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
					w.cluster.KeepControl()
					joins.Add(1)
					return nil, nil, false
				})
				time.Sleep(2 * claimEvery) // virtual
				if rebalanced := joins.Load() > 0; rebalanced != (owned == nil) {
					t.Errorf("%d members joined again", joins.Load())
				}
				s.stop()
			})
		})
	}
}

// groupWithout describes a group at rest that has given away nothing of the input, of
// which its one member owned so much when it joined.
func groupWithout(request *kmsg.DescribeGroupsRequest, owned []int32) kmsg.Response {
	joined := kmsg.NewConsumerMemberMetadata()
	joined.Version, joined.Topics = 1, []string{"in"}
	joined.OwnedPartitions = []kmsg.ConsumerMemberMetadataOwnedPartition{{Topic: "in", Partitions: owned}}
	assigned := kmsg.NewConsumerMemberAssignment()
	member := kmsg.NewDescribeGroupsResponseGroupMember()
	member.MemberID, member.ProtocolMetadata, member.MemberAssignment = "m", joined.AppendTo(nil), assigned.AppendTo(nil)
	group := kmsg.NewDescribeGroupsResponseGroup()
	group.Group, group.State, group.ProtocolType, group.Protocol = request.Groups[0], "Stable", "consumer", "cooperative-sticky"
	group.Members = append(group.Members, member)
	answer := request.ResponseKind().(*kmsg.DescribeGroupsResponse)
	answer.Groups = append(answer.Groups, group)
	return answer
}
