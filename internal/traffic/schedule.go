package traffic

import (
	"slices"
	"time"
)

// longestPause bounds the real time between two requests of a compressed life.
const longestPause = 30 * time.Second

// scheduled is a delivery with the real time at which to send it.
type scheduled struct {
	Delivery
	due time.Time
}

// place makes a life cycle whose first request is due at the time given, and
// whose bodies' times are never later than the sending (see [Sender]).
//
// Why never: every pause is sent in no more than its own length, so the
// time from a request to the last one is no longer in due times than in At times,
// and the last one's are equal.
func place(g *Generator, kind Kind, due time.Time, compress float64) ([]scheduled, []Call) {
	due = due.Truncate(time.Millisecond)
	// Made once to learn how long it is, and again at its right place in time.
	trial := g.deliverAll(g.build(kind, g.nextID, due))
	offsets := offsets(trial, compress)
	last := len(trial) - 1
	start := due.Add(due.Add(offsets[last]).Sub(trial[last].At))

	calls := g.build(kind, g.nextID, start)
	life := make([]scheduled, 0, len(trial))
	for i, d := range g.deliverAll(calls) {
		life = append(life, scheduled{d, due.Add(offsets[i])})
	}
	return life, calls
}

// deliverAll is Deliver for the ends of one life cycle together.
func (g *Generator) deliverAll(calls []Call) []Delivery {
	var all []Delivery
	for _, c := range calls {
		all = append(all, g.Deliver(c)...)
	}
	slices.SortStableFunc(all, func(a, b Delivery) int { return a.At.Compare(b.At) })
	return all
}

// offsets are the real times of deliveries since the first, in whole milliseconds.
func offsets(ds []Delivery, compress float64) []time.Duration {
	out := make([]time.Duration, len(ds))
	for i := 1; i < len(ds); i++ {
		pause := ds[i].At.Sub(ds[i-1].At)
		if compress > 1 {
			pause = min(time.Duration(float64(pause)/compress), longestPause)
		}
		out[i] = out[i-1] + pause.Truncate(time.Millisecond)
	}
	return out
}
