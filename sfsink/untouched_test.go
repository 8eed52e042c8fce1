package sfsink

import (
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// giveUp makes a turn that fails, and says of its input what the engine says then.
func (b *bench) giveUp() {
	b.Helper()
	if b.try() == nil {
		b.Fatal("the turn did not end in an error")
	}
	b.repeats, b.since = len(b.pending), b.clock
	b.later(time.Second)
}

// refuse makes Salesforce refuse the writes of a turn as a whole, as it does while the
// allocation is used up.
func (b *bench) refuse() {
	b.Helper()
	b.sim.Fail(sfsim.Fault{Operation: "collections_update", Status: 403, Code: "REQUEST_LIMIT_EXCEEDED"})
	b.giveUp()
}

// unanswered makes writes of a turn that nobody knows the end of.
func (b *bench) unanswered() {
	b.Helper()
	b.sim.Fail(sfsim.Fault{Operation: "collections_update", Cut: true, Times: requestTries})
	b.giveUp()
}

// A turn that was given up before it changed a Task makes nobody unsure of the Task,
// however often it comes again.
func TestRefusedTurnIsNotRepeatedInFull(t *testing.T) {
	for name, test := range map[string]struct {
		turns  []func(*bench)
		unsure bool
	}{
		"refused":                    {[]func(*bench){(*bench).refuse}, false},
		"refused again and again":    {[]func(*bench){(*bench).refuse, (*bench).refuse, (*bench).refuse}, false},
		"not answered":               {[]func(*bench){(*bench).unanswered}, true},
		"not answered, then refused": {[]func(*bench){(*bench).unanswered, (*bench).refuse, (*bench).refuse}, true},
		"refused, then not answered": {[]func(*bench){(*bench).refuse, (*bench).unanswered}, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.missed(1, curieNumber)
			b.turn()
			b.edit(1, `"Subject":"Mine"`)
			b.tagged(1, 80, "Sale")
			for _, turn := range test.turns {
				turn(b)
			}
			b.missed(2, curieNumber) // joins the records that come again
			b.turn()
			o := b.outcome(1, schemas.Updated)
			if (o.Confirm != 0) != test.unsure {
				t.Errorf("to be read back: %v, want %v", o.Confirm != 0, test.unsure)
			}
			want := "Mine"
			if test.unsure {
				want = "Missed call from Marie Curie on Paris"
			}
			b.task(1, "Subject", want)
			if o := b.outcome(2, schemas.Created); o.Confirm != 0 {
				t.Error("a call that is new is to be read back")
			}
		})
	}
}

// The same for calls that were parked.
func TestRefusedTurnOfParkedCalls(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	id := b.task(1)["Id"].(string)
	b.later(time.Hour)
	b.since = b.clock
	b.tagged(1, 80, "Sale")
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{id}, Code: "UNABLE_TO_LOCK_ROW"})
	b.later(2 * clockSkew)
	b.turn()
	b.outcome(1, schemas.Retrying)
	b.later(2 * clockSkew)
	b.refuse()
	b.turn()
	if o := b.outcome(1, schemas.Updated); o.Confirm != 0 {
		t.Error("a parked call that nobody wrote is to be read back")
	}
}

// What was handled before by somebody else stays so.
func TestRefusedTurnAfterATakeover(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.missed(2, curieNumber)
	b.turn()
	b.tagged(1, 80, "Sale")
	b.repeats, b.since = len(b.pending), b.clock
	b.tagged(2, 80, "Sale")
	b.refuse()
	b.turn()
	for id, unsure := range map[int64]bool{1: true, 2: false} {
		if o := b.outcome(id, schemas.Updated); (o.Confirm != 0) != unsure {
			t.Errorf("call %d is to be read back: %v, want %v", id, o.Confirm != 0, unsure)
		}
	}
}
