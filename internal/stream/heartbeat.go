package stream

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// heartbeats knows when the group last took the lane for a member. It is a hook of
// the session's client, which does not tell what a heartbeat was answered. But it
// would not have sent the next one, and would have given up its partitions before,
// if it had been refused. So the one before the last was accepted, as long as the
// lane still has the partition in question.
//
// It counts when the heartbeat was sent: a process that is suspended may read the
// answer hours later. Before the first ones the request counts that the group answered
// with an assignment.
type heartbeats struct {
	now func() time.Time

	mu                   sync.Mutex
	sent, last, accepted time.Time
	joining, joined      time.Time // SyncGroup, as sent and last; the protocol consumer has none
}

func isHeartbeat(key int16) bool {
	return key == int16(kmsg.Heartbeat) || key == int16(kmsg.ConsumerGroupHeartbeat)
}

// OnBrokerWrite makes heartbeats a kgo.HookBrokerWrite.
func (h *heartbeats) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil:
	case key == int16(kmsg.SyncGroup):
		h.joining = h.now()
	case isHeartbeat(key):
		h.sent = h.now()
	}
}

// OnBrokerRead makes heartbeats a kgo.HookBrokerRead.
func (h *heartbeats) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil:
	case key == int16(kmsg.SyncGroup):
		h.joined = h.joining
	case isHeartbeat(key):
		h.accepted, h.last = h.last, h.sent
	}
}

// assigned notes that the group has answered with an assignment.
func (h *heartbeats) assigned() {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.joined
	if at.IsZero() {
		at = h.last
	}
	if at.After(h.accepted) {
		h.accepted = at
	}
}

// lastAccepted is when the last heartbeat was sent that is known to have been
// accepted; zero before there is one.
func (h *heartbeats) lastAccepted() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.accepted
}
