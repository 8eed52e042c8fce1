package main

import (
	"container/heap"
	"time"

	"github.com/callfold/callfold/internal/traffic"
)

// token is the webhook token of all bodies.
const token = "chaos-token"

// firstCall is when the first generated call came in. It is a fixed time, so
// that a seed gives the same bodies for ever, and early enough for millions of
// calls, some ten seconds apart, to lie in the past.
var firstCall = time.Date(2025, time.March, 3, 8, 0, 0, 0, time.UTC)

// bodies gives the webhook bodies of endless calls in the order in which Aircall
// delivers them: interleaved, some twice, some late, what an agent did days
// after a call days after it.
type bodies struct {
	generator *traffic.Generator
	pending   deliveries
	horizon   time.Time // all deliveries before it are pending
}

func newBodies(seed uint64) *bodies {
	return &bodies{generator: traffic.New(traffic.Options{Seed: seed, Start: firstCall, Token: token})}
}

// next is the next body.
func (b *bodies) next() []byte {
	for len(b.pending) == 0 || !b.pending[0].At.Before(b.horizon) {
		call := b.generator.Call()
		// Calls come in order of their first event, and no delivery comes
		// before its call's first.
		if at := call.Events[0].At; at.After(b.horizon) {
			b.horizon = at // the far end of a call between two lines of ours may begin before
		}
		for _, d := range b.generator.Deliver(call) {
			heap.Push(&b.pending, d)
		}
	}
	return heap.Pop(&b.pending).(traffic.Delivery).Body
}

// deliveries is a heap by time.
type deliveries []traffic.Delivery

func (d deliveries) Len() int           { return len(d) }
func (d deliveries) Less(i, j int) bool { return d[i].At.Before(d[j].At) }
func (d deliveries) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *deliveries) Push(v any)        { *d = append(*d, v.(traffic.Delivery)) }

func (d *deliveries) Pop() any {
	last := len(*d) - 1
	v := (*d)[last]
	(*d)[last] = traffic.Delivery{}
	*d = (*d)[:last]
	return v
}
