package stream

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var errJoining = errors.New("joining the consumer group")

// What a lane holds in memory. The client keeps one fetch of each broker, and asks
// for the next when all of it was polled: so at most fetchBytes of each broker
// wait, as they are on the wire, while another fetchBytes are being handled. Call
// events shrink about ten times in a batch, so with three brokers that is 60 MiB
// waiting, and less than half of it as a rule, since only a backlog fills fetches. A
// batch is bounded by Options.BatchRecords and about batchBytes (see lane.room), and
// what it writes waits for the brokers in produceBytes.
const (
	fetchBytes   = 2 << 20
	batchBytes   = 16 << 20
	produceBytes = 16 << 20
)

// options are those of a lane's session: where the brokers are, plus everything
// that exactly-once needs.
func (l *lane[V]) options() []kgo.Opt {
	o, start := &l.opts, kgo.NewOffset().AtStart()
	opts := append(o.Client(),
		kgo.TransactionalID(l.id+o.TransactionalSuffix),
		kgo.TransactionTimeout(o.Timeouts.Transaction),

		kgo.ConsumerGroup(o.Group),
		kgo.InstanceID(l.id),
		kgo.ConsumeTopics(o.Input),
		kgo.ConsumeStartOffset(start),
		kgo.ConsumeResetOffset(start),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// The offset that is committed passes the commit markers at the end of the
		// log, so that whoever compares the two sees no lag where there is none.
		kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(fetchBytes),
		kgo.FetchMaxPartitionBytes(fetchBytes/2),
		// A partition that was restored is fetched from when the fetch in flight
		// has ended, which may find nothing and wait for this long.
		kgo.FetchMaxWait(500*time.Millisecond),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.HeartbeatInterval(o.Timeouts.Heartbeat),
		kgo.WithHooks(l.heartbeats),
		kgo.RebalanceTimeout(o.Timeouts.Rebalance),
		kgo.SessionTimeout(o.Timeouts.Session),
		// A rebalance that would start during a turn waits for its end: that
		// saves most of the turns that would have to be aborted.
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(l.assigned),
		// What was taken away they do not tell: see reconcile.
		kgo.OnPartitionsRevoked(l.taken),
		kgo.OnPartitionsLost(l.taken),
		kgo.AdjustFetchOffsetsFn(beginAtZero),

		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(samePartition)),
		kgo.ProducerBatchMaxBytes(MaxRecordBytes),
		// A transaction ends with a flush; lingering would only delay it.
		kgo.ProducerLinger(0),
		kgo.MaxBufferedBytes(produceBytes),
	)
	if o.GroupProtocol == ConsumerProtocol {
		opts = append(opts, kgo.ServerSideBalancer())
	}
	return opts
}

// beginAtZero has a partition that the group never committed begin at offset 0,
// which is the start unless the log was cut (then the reset finds it). Such a
// partition has an offset from the first moment on, and so is among the client's
// committed offsets like any other: see [lane.reconcile].
func beginAtZero(_ context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	for _, partitions := range offsets {
		for p, o := range partitions {
			if o.EpochOffset().Offset < 0 {
				partitions[p] = kgo.NewOffset().At(0)
			}
		}
	}
	return offsets, nil
}

// samePartition writes to the partition that the record names. The changelog
// has as many as the input; the topic of rejected records may have fewer.
func samePartition(string) func(*kgo.Record, int) int {
	return func(r *kgo.Record, partitions int) int { return int(r.Partition) % partitions }
}
