package stream

import (
	"fmt"
	"time"
)

// A client can stand still that seems to be well: it keeps its place in the group and
// answers polls, and reads nothing of a partition any more, until it is made anew. One
// way to that is known, and closed in [lane.poll]. For the others, what is known to wait
// has to come within so many polls and so long, or the session is opened anew. Where the
// new one finds nothing either, that may be right, as compaction leaves offsets without
// records at the end of a quiet log: so each further time takes twice as long, up to an
// hour, and up to ten minutes where the partition gets new input.
const (
	starvedPolls       = 10
	starvedFor         = time.Minute
	mostStarvedFor     = time.Hour
	mostStarvedOfInput = 10 * time.Minute
)

// vain is what of a partition was read in vain, and how long the next try takes.
type vain struct {
	next, stable int64
	wait         time.Duration
}

// starved returns an error when the lane has polled in vain for long, for a partition of
// which the brokers say that there is something to read. A batch that leaves known input
// for the next one says nothing of the partitions that are not in it.
func (l *lane[V]) starved(b *Batch[V]) error {
	if l.behind {
		return nil
	}
	polled := map[int32]bool{}
	for _, p := range b.Partitions {
		polled[p.ID] = p.next > 0
	}
	ready := l.allReady()
	for _, t := range ready {
		if l.lags.starving(t.partition, polled[t.partition]) {
			l.lags.inVain(ready)
			return fmt.Errorf("nothing came of %s, partition %d, for long, though the brokers have some", l.opts.Input, t.partition)
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
	return g.missed >= starvedPolls && now.Sub(g.missedSince) >= l.patience(partition, g)
}

// inVain notes that a session is opened anew for what was missed of the tasks.
func (l *lags) inVain(tasks []*task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range tasks {
		if g := l.partitions[t.partition]; g != nil && g.missed > 0 {
			l.vain[t.partition] = vain{g.next, g.stable, min(2*l.patience(t.partition, g), mostStarvedFor)}
		}
	}
}

// patience is how long a partition may be read in vain.
func (l *lags) patience(partition int32, g *lag) time.Duration {
	switch v := l.vain[partition]; {
	case v.wait == 0, v.next != g.next:
		return starvedFor
	case v.stable != g.stable:
		return min(v.wait, mostStarvedOfInput)
	default:
		return v.wait
	}
}
