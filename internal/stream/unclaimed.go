package stream

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// claimEvery is how often a lane looks whether each partition belongs to somebody.
	claimEvery = 15 * time.Second
	// claimSpread is the most that a lane waits before it looks again at what it found, so
	// that the lanes do not all have the group rebalance. It waits for half of that at
	// least, in which the leader, who gives away only the partitions that it knows, has
	// asked for all of them.
	claimSpread = 6 * time.Second
)

// claimAll has the group rebalance when it is at rest and a partition belongs to none of
// its members, until ctx is done.
//
// A member that gives a partition up for another joins a second time, and only then the
// other gets it. One that is killed in between comes back as the static member that it
// was, and gets what it had kept: the coordinator has another member in the old one's
// place and the same plan, so the partition is nobody's until somebody comes or goes, and
// its calls wait. Each lane looks for this: a member that joins again with what it owns
// now has changed, and then the group rebalances. Brokers that assign partitions
// themselves (the protocol "consumer") do not know such a group, and need no help.
func (l *lane[V]) claimAll(ctx context.Context, cl *kgo.Client) {
	adm := kadm.NewClient(cl)
	for pause(ctx, claimEvery) {
		p, found := l.unclaimed(ctx, adm)
		if !found {
			continue
		}
		cl.ForceMetadataRefresh()
		if !pause(ctx, claimSpread/2+rand.N(claimSpread/2)) {
			continue
		}
		if again, still := l.unclaimed(ctx, adm); still && again == p {
			l.log.Warn("a partition belongs to no member of the group, which is asked to rebalance", "partition", p)
			cl.ForceRebalance()
		}
	}
}

// unclaimed finds the first partition of the input that a group at rest has given to
// nobody, and that nobody is giving up. What cannot be asked for is looked at the next time.
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
	taken := group.AssignedPartitions()
	for _, member := range group.Members {
		// Who owned a partition when it joined, and was not given it again, joins again
		// when its turn has ended; or the group will miss it. Asking would have all
		// others wait for it.
		if joined, ok := member.Join.AsConsumer(); ok {
			for _, owned := range joined.OwnedPartitions {
				taken.Add(owned.Topic, owned.Partitions...)
			}
		}
	}
	for p := range int32(len(topics[l.opts.Input].Partitions)) {
		if !taken.Lookup(l.opts.Input, p) {
			return p, true
		}
	}
	return 0, false
}
