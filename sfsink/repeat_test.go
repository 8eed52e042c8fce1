package sfsink

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/callfold/callfold/schemas"
)

// TestRepeatedInputIsWrittenInFull: a turn wrote to the Task and did not commit.
// When its input comes again, joined by newer states that want the old value, the
// hash of that value is remembered, and yet the Task holds another.
func TestRepeatedInputIsWrittenInFull(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, "+33123456789", "ada")
	b.hungup(1)
	b.turn()
	was := b.task(1)["CallDisposition"]

	b.tagged(1, 80, "urgent")
	stored := b.table.stored["1"]
	pending := b.pending
	b.turn()
	if b.task(1)["CallDisposition"] == was {
		t.Fatal("the tag changes nothing: the test shows nothing")
	}

	// The process is killed before it commits; the tag is gone again.
	b.table.stored["1"] = stored
	b.pending, b.repeats = pending, len(pending)
	b.event(1, "call.untagged", 90, `"tags":[]`)
	b.turn()
	b.outcome(1, schemas.Updated)
	b.task(1, "CallDisposition", was)
}

// TestLostOwnershipSendsNothing: a process that was suspended in the midst of a turn
// wakes up when the calls belong to somebody else.
func TestLostOwnershipSendsNothing(t *testing.T) {
	b := newBench(t, nil)
	lost := errors.New("lost")
	b.owned = func() error { return lost }
	b.answered(1, "+33123456789", "ada")
	if err := b.try(); !errors.Is(err, lost) {
		t.Fatalf("the turn ended with %v, want %v", err, lost)
	}
	if tasks := b.tasks(); len(tasks) > 0 {
		t.Fatalf("%d Tasks were written", len(tasks))
	}
}

// TestLostOwnershipChangesNoRecord: the same between a look at a record and its change.
func TestLostOwnershipChangesNoRecord(t *testing.T) {
	for name, c := range map[string]struct {
		look   string
		change func(*Options)
	}{
		"a Case":   {"FROM Case", withCases},
		"an owner": {"SELECT Id, OwnerId FROM Contact", nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.change)
			b.set("Contact", curie, `"OwnerId":"005000000000001AAA"`)
			lost := errors.New("lost")
			looked := false
			b.beforeEach(func(r *http.Request) { looked = looked || strings.Contains(r.URL.Query().Get("q"), c.look) })
			b.owned = func() error {
				if looked {
					return lost
				}
				return nil
			}
			b.answered(1, curieNumber, "ada")
			if err := b.try(); !errors.Is(err, lost) {
				t.Fatalf("the turn ended with %v, want %v", err, lost)
			}
			if n := len(b.sim.Records("Case")); n != 0 {
				t.Errorf("%d Cases were created", n)
			}
			if owner := b.record("Contact", curie)["OwnerId"].(string); !strings.HasPrefix(owner, integration) {
				t.Errorf("the owner is %s", owner)
			}
		})
	}
}
