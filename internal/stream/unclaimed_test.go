//go:build synctests

package stream

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestPartitionOfNobody: the group's plan leaves a partition out, as it does where members
// that gave one up were killed before they joined again. It is given away all the same.
func TestPartitionOfNobody(t *testing.T) {
	inWorld(t, func(w *world) {
		left := 0
		w.cluster.ControlKey(int16(kmsg.SyncGroup), func(request kmsg.Request) (kmsg.Response, error, bool) {
			plan := request.(*kmsg.SyncGroupRequest).GroupAssignment
			if len(plan) == 0 || left > 0 {
				w.cluster.KeepControl()
				return nil, nil, false
			}
			for i := range plan {
				var assigned kmsg.ConsumerMemberAssignment
				w.check(assigned.ReadFrom(plan[i].MemberAssignment))
				for j := range assigned.Topics {
					left += len(assigned.Topics[j].Partitions)
					assigned.Topics[j].Partitions = nil
				}
				plan[i].MemberAssignment = assigned.AppendTo(nil)
			}
			return nil, nil, false
		})
		s := w.start("a")
		w.send(40)
		w.expect()
		if left != partitions {
			t.Errorf("%d partitions were left out of the first plan, want %d", left, partitions)
		}
		s.stop()
	})
}
