package sfsink

import (
	"sync"
	"time"

	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// numberKey is what a match depends on: the number, and the region in which
// stored numbers without a country code are understood.
type numberKey struct{ number, region string }

func keyOf(l projector.Lookup) numberKey { return numberKey{l.Number, l.DefaultRegion} }

// noMatchFor is how long it is believed that no record has a number. Somebody
// may be creating one while the call is going on.
const noMatchFor = 30 * time.Second

// maxMatches bounds the memory of matches. When it is full it starts anew.
const maxMatches = 50_000

// matches remembers which record a number belongs to, for a time. Lookups cost
// more API requests than writes; most numbers call more than once.
type matches struct {
	life time.Duration
	mu   sync.Mutex
	by   map[numberKey]remembered
}

type remembered struct {
	match *schemas.Match // nil for none
	until time.Time
}

func newMatches(life time.Duration) *matches {
	return &matches{life: life, by: map[numberKey]remembered{}}
}

// get gives a copy of the match for a number; ok is false when it is not known.
func (m *matches) get(k numberKey, now time.Time) (match *schemas.Match, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.by[k]
	if !ok || !now.Before(r.until) {
		return nil, false
	}
	return copied(r.match), true
}

func (m *matches) put(k numberKey, match *schemas.Match, now time.Time) {
	life := m.life
	if match == nil {
		life = min(life, noMatchFor)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.by) >= maxMatches {
		clear(m.by)
	}
	m.by[k] = remembered{copied(match), now.Add(life)}
}

func (m *matches) forget(k numberKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.by, k)
}

// forgetAll forgets every number, since the one of an erased call is not known any
// more.
func (m *matches) forgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.by)
}

func copied(m *schemas.Match) *schemas.Match {
	if m == nil {
		return nil
	}
	c := *m
	return &c
}
