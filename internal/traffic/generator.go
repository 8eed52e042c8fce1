package traffic

import (
	"math/rand/v2"
	"time"
)

// Options are the settings of a [Generator]. The zero value works.
type Options struct {
	// Seed decides everything that is left to chance.
	Seed uint64

	// Start is when the first call comes in, as the bodies tell it. The zero
	// value is 2 March 2026, 09:00 UTC.
	Start time.Time

	// Token is the webhook token that every body carries.
	Token string

	// DuplicateRate is the share of events that Deliver gives twice, and
	// ReorderRate the share that it gives late. Zero means 0.1; negative, none.
	DuplicateRate, ReorderRate float64

	// FirstID is the id of the first call; later ids grow by random steps of at
	// most 15. Zero derives it from Start: twenty ids for each millisecond since
	// 2020. A process that starts again later than its forerunner, with the
	// present time as Start, so gives new ids even after 2,500 calls a second.
	FirstID int64
}

// defaultStart is a Monday morning in office hours of every line but Sydney's.
var defaultStart = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// idEpoch is the moment from which derived call ids count.
var idEpoch = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)

// Delivery is one webhook request.
type Delivery struct {
	At     time.Time // when Aircall sends it, to the millisecond
	CallID int64
	Event  string // such as "call.answered"
	Body   []byte // the whole request body, JSON
}

// Call is the life of one call as Aircall saw it: each event once, in order, At
// being the moment its body was built (the body's timestamp is that second).
type Call struct {
	ID     int64
	Kind   Kind
	Events []Delivery

	snapshots []Snapshot
}

// Generator makes calls. It is not safe for use by several goroutines at once,
// but for [Generator.Deliver], which changes nothing.
type Generator struct {
	seed      uint64
	token     string
	duplicate float64
	reorder   float64

	rng     *rand.Rand // kinds, gaps and steps of ids; each call has a source of its own
	clock   time.Time  // start of the next call
	nextID  int64
	pending []Call // second ends of two-ended calls
}

// New returns a generator.
func New(o Options) *Generator {
	start := o.Start
	if start.IsZero() {
		start = defaultStart
	}
	first := o.FirstID
	if first == 0 {
		first = max(start.Sub(idEpoch).Microseconds()/50, 1)
	}
	return &Generator{
		seed:      o.Seed,
		token:     o.Token,
		duplicate: rate(o.DuplicateRate),
		reorder:   rate(o.ReorderRate),
		rng:       rand.New(rand.NewPCG(o.Seed, 0)),
		clock:     start.UTC().Truncate(time.Millisecond),
		nextID:    first,
	}
}

func rate(r float64) float64 {
	if r == 0 {
		return 0.1
	}
	return max(r, 0)
}

// Call returns the next call. Calls start some ten seconds apart and so overlap
// in time. A two-ended call gives its second end at the next call of this
// method or of CallOf with TwoEnded.
func (g *Generator) Call() Call {
	if len(g.pending) > 0 {
		return g.takePending()
	}
	return g.first(g.kind())
}

// CallOf is Call for one kind. An unknown kind panics.
func (g *Generator) CallOf(kind Kind) Call {
	if kind == TwoEnded && len(g.pending) > 0 {
		return g.takePending()
	}
	return g.first(kind)
}

func (g *Generator) takePending() Call {
	c := g.pending[0]
	g.pending = g.pending[1:]
	return c
}

func (g *Generator) first(kind Kind) Call {
	ends := g.build(kind, g.nextID, g.clock)
	g.advance(ends)
	g.clock = g.clock.Add(g.gap(10 * time.Second))
	g.pending = append(g.pending, ends[1:]...)
	return ends[0]
}

// kind draws the kind of the next call.
func (g *Generator) kind() Kind { return kindAt(g.rng.IntN(1000)) }

// advance makes the ids of the calls given used.
func (g *Generator) advance(ends []Call) {
	g.nextID = ends[len(ends)-1].ID + 1 + g.rng.Int64N(15)
}

// gap draws the time to the next call. Calls come independently of one another,
// so gaps are exponential; the longest are cut.
func (g *Generator) gap(mean time.Duration) time.Duration {
	factor := min(g.rng.ExpFloat64(), 6)
	return time.Duration(factor * float64(mean)).Truncate(time.Millisecond)
}

// build makes the calls of one life cycle: one, or the two ends of a two-ended
// one. It depends on its arguments, the seed and the token only, and start
// moves all times by the same amount and changes nothing else: the sender relies on it.
func (g *Generator) build(kind Kind, id int64, start time.Time) []Call {
	l := newLife(rand.New(rand.NewPCG(g.seed, uint64(id))), g.token, id, start)
	scriptOf(kind)(l)
	calls := []Call{{ID: id, Kind: kind, Events: l.events, snapshots: l.snapshots}}
	if l.twin != nil {
		calls = append(calls, Call{ID: l.twin.call.ID, Kind: kind, Events: l.twin.events, snapshots: l.twin.snapshots})
	}
	return calls
}
