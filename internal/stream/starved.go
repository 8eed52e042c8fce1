package stream

import (
	"fmt"
	"time"
)

// A client can stand still that seems to be well: it keeps its place in the group and
// answers polls, and reads nothing of a partition any more, until it is made anew. One
// way to that is known, and closed in [lane.poll]. For the others, what is known to wait
// has to come within so many polls and so long, or the session is opened anew.
const (
	starvedPolls = 100
	starvedFor   = time.Minute
)

// starved returns an error when the lane has polled in vain for long, for a partition of
// which the brokers say that there is something to read.
func (l *lane[V]) starved(b *Batch[V]) error {
	polled := map[int32]bool{}
	for _, p := range b.Partitions {
		polled[p.ID] = p.next > 0
	}
	for _, t := range l.allReady() {
		if l.lags.starving(t.partition, polled[t.partition]) {
			return fmt.Errorf("nothing came of %s, partition %d, for %s, though the brokers have some", l.opts.Input, t.partition, starvedFor)
		}
	}
	return nil
}

// starving is called at each poll with whether it brought something of the partition.
func (l *lags) starving(partition int32, polled bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.partitions[partition]
	if g == nil {
		return false
	}
	now := time.Now()
	if polled || g.next >= g.stable || now.Sub(g.asked) > 2*askEndsEvery { // or who leads it does not answer
		g.missed = 0
		return false
	}
	if g.missed++; g.missed == 1 {
		g.missedSince = now
	}
	return g.missed >= starvedPolls && now.Sub(g.missedSince) >= starvedFor
}
