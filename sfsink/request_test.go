package sfsink

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// mixed is a turn in which calls 1 to 3 are updated and 4 to 6 are new.
func mixed(b *bench) {
	b.Helper()
	for id := range int64(3) {
		b.answered(id+1, curieNumber, "ada")
	}
	b.turn()
	for id := range int64(3) {
		b.hungup(id + 1)
		b.answered(id+4, curieNumber, "ada")
	}
	b.sent("")
}

func TestCreatesAndUpdatesShareARequest(t *testing.T) {
	b := newBench(t, nil)
	mixed(b)
	b.turn()
	if n := b.sent(""); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	for id := range int64(3) {
		b.outcome(id+1, schemas.Updated)
		b.outcome(id+4, schemas.Created)
		b.task(id+1, "CallDurationInSeconds", float64(60))
		b.task(id+4, "WhoId", curie)
	}
}

// TestAThousandRowsAreOneRequest, once it was seen that Salesforce answers quickly.
func TestAThousandRowsAreOneRequest(t *testing.T) {
	b := newBench(t, func(o *Options) { o.InFlight = 1 })
	b.missed(1, curieNumber)
	b.turn()
	for _, step := range []struct{ rows, requests int }{{600, 2}, {1000, 1}} { // 200 and 400; later 1,000
		if step.rows == 1000 {
			b.sink.width.collections = 5
		}
		for i := range step.rows {
			b.missed(int64(1000*step.rows+i), curieNumber)
		}
		b.sent("")
		b.turn()
		if n := b.sent(""); n != step.requests {
			t.Errorf("%d requests for %d rows, want %d", n, step.rows, step.requests)
		}
	}
	if n := len(b.tasks()); n != 1601 {
		t.Errorf("%d Tasks", n)
	}
}

func TestPartOfARequestFailsForAMoment(t *testing.T) {
	for _, test := range []struct {
		code   string
		status int
		unsure bool
	}{{"SERVER_UNAVAILABLE", 503, true}, {"UNKNOWN_EXCEPTION", 500, false}, {"REQUEST_RUNNING_TOO_LONG", 400, false}} {
		b := newBench(t, nil)
		mixed(b)
		b.sim.Fail(sfsim.Fault{Operation: "collections_update", Status: test.status, Code: test.code})
		b.turn()
		if n := b.sent(""); n != 2 {
			t.Errorf("%s: %d requests, want 2: the part is sent once more, alone", test.code, n)
		}
		for id := range int64(3) {
			if o := b.outcome(id+1, schemas.Updated); (o.Confirm != 0) != test.unsure {
				t.Errorf("%s: call %d is to be read back at %d", test.code, id+1, o.Confirm)
			}
			if o := b.outcome(id+4, schemas.Created); o.Confirm != 0 {
				t.Errorf("%s: call %d, of the other part, is unsure", test.code, id+4)
			}
		}
	}
}

func TestPartOfARequestStopsTheSink(t *testing.T) {
	b := newBench(t, nil)
	mixed(b)
	b.sim.Fail(sfsim.Fault{Operation: "collections_update", Status: http.StatusBadRequest, Code: "INVALID_FIELD", Message: "No such column"})
	if reason := b.stoppedBy(); reason != "config" {
		t.Errorf("stopped by %s", reason)
	}
	b.repeats = len(b.pending)
	b.turn()
	for id := range int64(6) {
		b.task(id + 1)
	}
	b.task(1, "CallDurationInSeconds", float64(60))
}

// TestRequestOfSeveralPartsIsLost: nobody knows of any of its rows, and they are sent
// in smaller requests.
func TestRequestOfSeveralPartsIsLost(t *testing.T) {
	b := newBench(t, nil)
	mixed(b)
	b.sim.Fail(sfsim.Fault{Operation: "composite", Cut: true, AfterCommit: true})
	b.turn()
	// After the two parts: what is there of those that were to be created, and what differs.
	if n := b.sent(""); n != 5 {
		t.Errorf("%d requests, want 5", n)
	}
	if got := b.sink.width.rows(); got != 200 {
		t.Errorf("requests of %d rows after one was lost", got)
	}
	for id := range int64(6) {
		if o := b.table.stored[fmt.Sprint(id+1)]; o.Confirm == 0 || o.Result != schemas.Updated {
			t.Errorf("call %d: %s, to be read back at %d", id+1, o.Result, o.Confirm)
		}
		b.task(id + 1)
	}
}

// TestNoteThatLooksLikeAReference: in a composite request Salesforce would replace it.
func TestNoteThatLooksLikeAReference(t *testing.T) {
	b := newBench(t, nil)
	mixed(b)
	const note = "see @{rows0[0].id} and @{you}"
	b.event(2, "call.commented", 90, fmt.Sprintf(`"comments":[{"id":1,"content":%q,"posted_at":%d}]`, note, t0+90))
	b.turn()
	if d := b.task(2)["Description"].(string); !strings.Contains(d, note) {
		t.Errorf("the note became %q", d)
	}
	for id := range int64(3) {
		b.outcome(id+1, schemas.Updated)
		b.outcome(id+4, schemas.Created)
	}
	if n := b.sent(""); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

// TestNothingNewCostsNothing: no change of the Task, no request, no lookup either.
func TestNothingNewCostsNothing(t *testing.T) {
	const stranger = "+33 1 77 00 00 01"
	b := newBench(t, nil)
	b.answered(1, curieNumber, "ada")
	b.answered(2, stranger, "ada")
	recorded := func(after int, signature string) {
		for id := range int64(2) {
			b.event(id+1, "call.ended", after, fmt.Sprintf(`"recording":"https://media.example/%d.mp3?sig=%s"`, id+1, signature))
		}
	}
	recorded(100, "a")
	b.turn()
	b.later(time.Hour) // nothing is believed that was looked up
	b.sink.loaded.Load().loadedAt = b.clock
	b.sent("")
	for name, change := range map[string]func(){
		"a recording that is signed anew": func() { recorded(200, "b") },
		"tags and notes in another order": func() {
			for id := range int64(2) {
				b.event(id+1, "call.ended", 210, `"comments":[],"tags":[],"archived":false`)
			}
		},
		"an event that no field tells of": func() {
			for id := range int64(2) {
				b.event(id+1, "call.archived", 220, `"archived":true`)
			}
		},
		"a repeated state": func() { b.put("1", b.states["1"]); b.put("2", b.states["2"]) },
	} {
		change()
		b.turn()
		if n := b.sent(""); n != 0 {
			t.Errorf("%s: %d requests", name, n)
		}
		b.outcome(1, schemas.Unchanged)
		b.outcome(2, schemas.Unchanged)
	}
	// A change that is written finds who it is meanwhile (M9).
	b.load(`{"Contact":[{"Id":"003000000000002AAA","Name":"New","Phone":"01 77 00 00 01","OwnerId":"005000000000003AAA","AccountId":null}]}`)
	b.tagged(2, 300, "Sale")
	b.turn()
	b.task(2, "WhoId", "003000000000002")
}
