package sfsink

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// TestStormOfLateWrites: calls of a few Contacts and unknown numbers change all the time,
// commits are aborted, processes die before a commit and behind it, and one request in ten
// that writes is not answered and carried out when newer ones were, in any order. In the end
// each call has one Task, the one that is wanted, and each unknown number one Lead.
func TestStormOfLateWrites(t *testing.T) {
	storms := 6
	if fullSize {
		storms = 200
	}
	for i := range uint64(storms) {
		seed := rand.Uint64()&^1 | i%2 // of each kind some
		// The seed is of what is done; which request meets which fault also depends on who is
		// first.
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			s := newLateStorm(t, seed)
			s.rage()
			s.rest()
		})
	}
}

// lateStorm is a bench in trouble.
type lateStorm struct {
	*bench
	random  *rand.Rand
	options func(*Options)
	deaths  bool // processes die
	over    bool
	gate    chan struct{} // closed when what is late is carried out
	age     time.Duration // of the gate
}

func newLateStorm(t *testing.T, seed uint64) *lateStorm {
	s := &lateStorm{random: rand.New(rand.NewPCG(seed, 0)), deaths: seed%2 == 0, options: func(o *Options) {
		createLeads(o)
		withCases(o)
	}}
	s.bench = newBenchOn(t, sfsim.Options{Seed: seed}, s.options)
	s.load(contactsOf(4))
	s.arm()
	return s
}

// arm begins anew with what is late.
func (s *lateStorm) arm() {
	s.sim.Heal()
	if s.gate, s.age = make(chan struct{}), 0; s.over {
		return
	}
	for operation, share := range map[string]float64{"collections_upsert": 0.1, "collections_update": 0.1, "composite": 0.1, "create": 0.15} {
		s.sim.Fail(sfsim.Fault{Operation: operation, Method: http.MethodPost, Cut: true, CommitAt: s.gate, Share: share, Times: -1})
		s.sim.Fail(sfsim.Fault{Operation: operation, Method: http.MethodPatch, Cut: true, CommitAt: s.gate, Share: share, Times: -1})
	}
	s.sim.Fail(sfsim.EveryFault(0.01)...)
}

// open has all carried out that is late.
func (s *lateStorm) open() {
	close(s.gate)
	s.sim.Settle()
	s.arm()
}

// wait turns the clock. Nothing is later than Salesforce may be.
func (s *lateStorm) wait(d time.Duration) {
	if s.age += d; s.age >= confirmAfter {
		s.open()
	}
	s.later(d)
}

// works does turns until one commits.
func (s *lateStorm) works() {
	for range 10_000 {
		stored, pending, began := maps.Clone(s.table.stored), s.pending, s.clock
		failed := s.try() != nil
		chance := s.random.IntN(12)
		dies := s.deaths && !s.over && chance < 2
		switch {
		case dies && chance == 0 && !failed: // behind the commit
			s.sink = s.newSink(s.options)
			s.repeats, s.since = len(s.pending), s.clock
			return
		case dies:
			s.sink, began = s.newSink(s.options), s.clock
		case !failed && (s.over || chance > 2):
			return
		}
		s.table.stored, s.pending = stored, pending
		s.repeats, s.since = len(pending), began
		s.wait(15 * time.Second)
	}
	s.Fatal("no turn commits")
}

func (s *lateStorm) rage() {
	for step := range 60 {
		for range 1 + s.random.IntN(4) {
			s.happens(1+s.random.Int64N(24), 4000+step)
		}
		s.works()
		s.wait([]time.Duration{time.Second, 10 * time.Second, time.Minute}[s.random.IntN(3)])
	}
}

// happens lets something happen to a call.
func (s *lateStorm) happens(id int64, after int) {
	if _, known := s.states[fmt.Sprint(id)]; !known {
		s.answered(id, fmt.Sprintf("+336%08d", 10_000_000+id%8), "ada")
		return
	}
	switch s.random.IntN(7) {
	case 0, 1, 2:
		s.tagged(id, after, fmt.Sprint("t", s.random.IntN(3)))
	case 3:
		s.event(id, "call.untagged", after, `"tags":[]`)
	case 4:
		s.hungup(id)
	case 5:
		s.rewrite(id, after)
	case 6:
		s.event(id, "callfold.rematch", after, `"who":"ops","why":"test"`)
	}
}

// rest lets the storm pass, and looks at what it left.
func (s *lateStorm) rest() {
	s.over = true
	s.open()
	for range 4 {
		s.wait(time.Hour)
		s.works()
	}
	tasks := s.tasksByCall()
	for key, record := range s.states {
		o, of := s.table.stored[key], tasks[key]
		if o.Confirm != 0 || o.NextAttempt != 0 || o.Parked != nil || o.TaskID == "" {
			s.Errorf("call %s is not at rest: %s, %+v", key, o.Result, o.Error)
		}
		if len(of) != 1 {
			s.Errorf("call %s has %d Tasks, outcome %s", key, len(of), o.Result)
		} else if p := s.previewed(s.options, false, record.State.ID)[0]; p.Decision.Action != projector.Log || len(differing(p, of[0])) > 0 {
			s.Errorf("call %s: its Task differs in %v", key, differing(p, of[0]))
		}
		if o.Result == schemas.Rejected || o.Result == schemas.Retrying {
			s.Errorf("call %s ends as %s: %+v", key, o.Result, o.Error)
		}
	}
	s.once("Lead", "Phone")
	if !s.deaths { // else there may be two: docs/guarantees.md, What is not promised
		s.once("Case", "ContactId")
	}
}

// once wants each value of a field in one record at most.
func (s *lateStorm) once(object, field string) {
	s.Helper()
	seen := map[any]bool{}
	for _, r := range s.sim.Records(object) {
		if seen[r[field]] {
			s.Errorf("a %s was made twice", object)
		}
		seen[r[field]] = true
	}
}
