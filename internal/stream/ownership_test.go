//go:build synctests

package stream

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
)

// TestIdleMemberLosesPartitionsTwice: the group takes partitions from a lane that
// has nothing to do, twice, and gives them back. It must let go of them each
// time: otherwise nobody in the process could use them any more.
func TestIdleMemberLosesPartitionsTwice(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.start("a")
		w.send(40)
		w.expect()
		b := w.start("b")
		w.wait("the second has a partition", func() bool { return w.assigned()["g-b-0"] == 1 })
		c := w.start("c")
		w.wait("each has one partition", func() bool { return w.assigned()["g-a-0"] == 1 && w.assigned()["g-c-0"] == 1 })
		b.stop()
		c.stop()
		w.wait("the first has all again", func() bool { return w.assigned()["g-a-0"] == partitions })
		w.wait("the first is ready", a.ready)
		w.send(40)
		w.expect()
	})
}

// assigned is how many partitions each member has, as the group sees it.
func (w *world) assigned() map[string]int {
	w.t.Helper()
	groups, err := kadm.NewClient(w.client).DescribeGroups(context.Background(), "g")
	w.check(err)
	n := map[string]int{}
	for _, m := range groups["g"].Members {
		if c, ok := m.Assigned.AsConsumer(); ok && m.InstanceID != nil {
			for _, topic := range c.Topics {
				n[*m.InstanceID] += len(topic.Partitions)
			}
		}
	}
	return n
}
