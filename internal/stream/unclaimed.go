package stream

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// claimEvery is how often a lane looks whether each partition belongs to somebody.
const claimEvery = 15 * time.Second

// claimAll has the group rebalance when it is at rest and a partition belongs to none of
// its members, until ctx is done.
//
// A member that gives a partition up for another joins a second time, and only then the
// other gets it. One that is killed or stopped in between comes back as the static member
// that it was, and gets what it had kept: to the coordinator nothing has changed, so the
// partition is nobody's until somebody comes or goes, and its calls wait. Only a member
// that joins anew as the leader makes the group rebalance (KIP-568), and none can tell
// whether it is that: so each lane does. Brokers that assign partitions themselves (the
// protocol "consumer") do not know such a group, and need no help.
func (l *lane[V]) claimAll(ctx context.Context, cl *kgo.Client) {
	adm := kadm.NewClient(cl)
	for pause(ctx, claimEvery) {
		if p, found := l.unclaimed(ctx, adm); found {
			l.log.Warn("a partition belongs to no member of the group, which is asked to rebalance", "partition", p)
			cl.ForceRebalance()
		}
	}
}

// unclaimed finds a partition of the input that a group at rest has given to nobody. What
// cannot be asked for is looked at the next time.
func (l *lane[V]) unclaimed(ctx context.Context, adm *kadm.Client) (partition int32, found bool) {
	ctx, cancel := context.WithTimeout(ctx, claimEvery)
	defer cancel()
	groups, err := adm.DescribeGroups(ctx, l.opts.Group)
	group := groups[l.opts.Group]
	if err != nil || group.Err != nil || group.State != "Stable" || group.Protocol != kgo.CooperativeStickyBalancer().ProtocolName() {
		return 0, false
	}
	topics, err := adm.ListTopics(ctx, l.opts.Input)
	if err != nil {
		return 0, false
	}
	claimed := group.AssignedPartitions()
	for p := range topics[l.opts.Input].Partitions {
		if !claimed.Lookup(l.opts.Input, p) {
			return p, true
		}
	}
	return 0, false
}
