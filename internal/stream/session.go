package stream

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var errJoining = errors.New("joining the consumer group")

// options are those of a lane's session: where the brokers are, plus everything
// that exactly-once needs.
func (l *lane[V]) options() []kgo.Opt {
	o, start := &l.opts, kgo.NewOffset().AtStart()
	return append(o.Client(),
		kgo.TransactionalID(l.id+o.TransactionalSuffix),
		kgo.TransactionTimeout(o.Timeouts.Transaction),

		kgo.ConsumerGroup(o.Group),
		kgo.InstanceID(l.id),
		kgo.ConsumeTopics(o.Input),
		kgo.ConsumeStartOffset(start),
		kgo.ConsumeResetOffset(start),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(16<<20),
		// A partition that was restored is fetched from when the fetch in flight
		// has ended, which may find nothing and wait for this long.
		kgo.FetchMaxWait(500*time.Millisecond),
		kgo.Balancers(rejoins{kgo.CooperativeStickyBalancer(), l.rejoining}),
		kgo.HeartbeatInterval(o.Timeouts.Heartbeat),
		kgo.RebalanceTimeout(o.Timeouts.Rebalance),
		kgo.SessionTimeout(o.Timeouts.Session),
		// A rebalance that would start during a turn waits for its end: that
		// saves most of the turns that would have to be aborted.
		kgo.BlockRebalanceOnPoll(),
		// Not OnPartitionsRevoked and OnPartitionsLost: see rejoins.
		kgo.OnPartitionsAssigned(l.assigned),

		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(samePartition)),
		kgo.ProducerBatchMaxBytes(MaxRecordBytes),
		// A transaction ends with a flush; lingering would only delay it.
		kgo.ProducerLinger(0),
	)
}

// rejoins is a balancer that also tells what the member still owns, each time
// it (re)joins the group. A member does that after every loss of a partition and
// before anybody else can be given it.
//
// The callbacks that are meant for this do not serve a lane without input: a
// GroupTransactSession passes on the first revocation, and the first loss, and
// then no other until a transaction was ended. The lane would keep a partition
// that has a new owner, and its table would be locked for ever.
type rejoins struct {
	kgo.GroupBalancer
	tell func(owned map[string][]int32)
}

func (r rejoins) JoinGroupMetadata(topics []string, owned map[string][]int32, generation int32) []byte {
	r.tell(owned)
	return r.GroupBalancer.JoinGroupMetadata(topics, owned, generation)
}

// samePartition writes to the partition that the record names. The changelog
// has as many as the input; the topic of rejected records may have fewer.
func samePartition(string) func(*kgo.Record, int) int {
	return func(r *kgo.Record, partitions int) int { return int(r.Partition) % partitions }
}
