//go:build synctests

package stream

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// brokerFault is an error that brokers answer with at times.
type brokerFault struct {
	key kmsg.Key
	err *kerr.Error
	n   int // how often in a row
}

func (f brokerFault) String() string { return f.key.Name() + "_" + f.err.Message }

// onBroker makes the broker answer with the error, but not to the test itself.
func (f brokerFault) onBroker(c *kfake.Cluster) *kfake.FaultHandle {
	fault := kfake.Fault{Keys: []kmsg.Key{f.key}, Err: f.err, Count: f.n}
	switch f.key {
	case kmsg.Produce, kmsg.Fetch, kmsg.ListOffsets:
		fault.Topic = "state"
	}
	return c.Fault(fault)
}

// brokerFaults are those that the engine must get over without a hand.
//
// REQUEST_TIMED_OUT and NOT_ENOUGH_REPLICAS_AFTER_APPEND are answered although the
// request took effect, as real brokers do; the others instead.
var brokerFaults = []brokerFault{
	{kmsg.EndTxn, kerr.RequestTimedOut, 2},
	{kmsg.EndTxn, kerr.ConcurrentTransactions, 3},
	{kmsg.EndTxn, kerr.UnknownServerError, 1},
	{kmsg.EndTxn, kerr.ProducerFenced, 1},
	{kmsg.EndTxn, kerr.NotCoordinator, 2},
	{kmsg.TxnOffsetCommit, kerr.CoordinatorLoadInProgress, 3},
	{kmsg.TxnOffsetCommit, kerr.UnknownMemberID, 1},
	{kmsg.TxnOffsetCommit, kerr.IllegalGeneration, 1},
	{kmsg.Produce, kerr.NotLeaderForPartition, 3},
	{kmsg.Produce, kerr.NotEnoughReplicasAfterAppend, 2},
	{kmsg.InitProducerID, kerr.ConcurrentTransactions, 3},
	{kmsg.Heartbeat, kerr.UnknownMemberID, 1},
	{kmsg.Heartbeat, kerr.IllegalGeneration, 1},
	{kmsg.OffsetFetch, kerr.UnstableOffsetCommit, 2},
	{kmsg.Fetch, kerr.NotLeaderForPartition, 3},
	{kmsg.ListOffsets, kerr.NotLeaderForPartition, 2},
	{kmsg.SyncGroup, kerr.RebalanceInProgress, 1},
}

// TestBrokerFaults: each fault at the start, when nothing is there yet, and in
// mid-work.
func TestBrokerFaults(t *testing.T) {
	for _, fault := range brokerFaults {
		t.Run(fault.String(), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.send(100)
				atStart := fault.onBroker(w.cluster)
				s := w.start("a")
				w.expect()
				inWork := fault.onBroker(w.cluster)
				w.send(100)
				w.expect()
				w.noMismatch()
				if atStart.Hits()+inWork.Hits() == 0 {
					t.Error("the fault never happened: the test shows nothing")
				}
				s.stop()
			})
		})
	}
}
