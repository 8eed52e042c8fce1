package traffic

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"time"
)

// Deliver gives what a receiver sees of a call: every event at least once, by
// the time at which it is sent. The share ReorderRate comes late, by seconds or
// minutes, so that later events overtake it; the share DuplicateRate comes again
// seconds or minutes later, half of them byte for byte, half as a request built
// anew: the same but for the signatures of its links. A late body keeps the
// timestamp at which it was built, so At is never before the timestamp.
//
// The same call always gives the same deliveries.
func (g *Generator) Deliver(c Call) []Delivery {
	rng := rand.New(rand.NewPCG(^g.seed, uint64(c.ID)))
	deliveries := make([]Delivery, 0, len(c.Events)+2)
	for _, d := range c.Events {
		if rng.Float64() < g.reorder {
			d.At = d.At.Add(delay(rng))
		}
		deliveries = append(deliveries, d)
		if rng.Float64() < g.duplicate {
			again := d
			again.At = d.At.Add(delay(rng))
			if rng.IntN(2) == 0 {
				again.Body = resign(rng, d.Body, again.At)
			} else {
				again.Body = bytes.Clone(d.Body)
			}
			deliveries = append(deliveries, again)
		}
	}
	slices.SortStableFunc(deliveries, func(a, b Delivery) int { return a.At.Compare(b.At) })
	return deliveries
}

// delay draws how late a request comes: mostly seconds, at times minutes.
func delay(rng *rand.Rand) time.Duration {
	longest := pick(rng, []time.Duration{3 * time.Second, 3 * time.Second, time.Minute, 10 * time.Minute})
	return 100*time.Millisecond + time.Duration(rng.Int64N(int64(longest/time.Millisecond)))*time.Millisecond
}
