package sfsink

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// lost makes the sink give up a turn whose write to call 1 got no answer, and
// writes it in the turn after. What the Task was given is what a late copy of the
// lost request would bring.
func lost(t *testing.T, change func(*Options)) (b *bench, late string) {
	t.Helper()
	b = newBench(t, change)
	b.answered(1, "+33123456789", "ada")
	b.hungup(1)
	b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Cut: true, Times: requestTries})
	if err := b.try(); err == nil {
		t.Fatal("the turn did not end in an error")
	}
	b.repeats = len(b.pending)
	b.turn()
	b.outcome(1, schemas.Created)
	return b, `"CallDisposition":"late"`
}

// TestUnansweredWriteIsReadBack: Salesforce carries out a request that was given up,
// after newer ones. The Task ends as it is wanted.
func TestUnansweredWriteIsReadBack(t *testing.T) {
	b, late := lost(t, nil)
	b.later(20 * time.Second)
	b.tagged(1, 80, "urgent")
	b.turn()
	want := b.task(1)["CallDisposition"]
	if o := b.outcome(1, schemas.Updated); o.Confirm == 0 || o.Parked == nil {
		t.Fatal("a newer state makes the sink forget to read the Task back")
	}
	b.later(40 * time.Second)
	b.set("Task", b.task(1)["Id"].(string), late)
	b.later(confirmAfter)
	b.sent("")
	b.turn()
	b.task(1, "CallDisposition", want)
	if o := b.outcome(1, schemas.Updated); o.Confirm != 0 || o.NextAttempt != 0 || o.Parked != nil {
		t.Errorf("it is to be read back once more: %+v", o)
	}
	if n := b.sent("PATCH"); n != 1 {
		t.Errorf("%d requests mended the Task, want 1", n)
	}
}

// TestLateCommit: Salesforce itself carries the first request out after the second.
func TestLateCommit(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, "+33123456789", "ada")
	b.hungup(1)
	b.turn()
	b.tagged(1, 80, "urgent")
	late := make(chan struct{})
	b.sim.Fail(sfsim.Fault{Operation: "collections_update", Cut: true, CommitAt: late, Times: requestTries})
	if err := b.try(); err == nil {
		t.Fatal("the turn did not end in an error")
	}
	b.repeats = len(b.pending)
	b.event(1, "call.untagged", 90, `"tags":[]`)
	b.turn()
	want := b.task(1)["CallDisposition"]
	close(late)
	b.sim.Settle()
	if b.task(1)["CallDisposition"] == want {
		t.Fatal("the late request changes nothing: the test shows nothing")
	}
	b.later(confirmAfter + time.Second)
	b.turn()
	b.task(1, "CallDisposition", want)
}

// TestConfirmedTaskIsNotWritten: where the Task is as it is wanted, a query is all.
func TestConfirmedTaskIsNotWritten(t *testing.T) {
	b, _ := lost(t, nil)
	b.later(confirmAfter + time.Second)
	b.sent("")
	b.turn()
	if o := b.outcome(1, schemas.Unchanged); o.Confirm != 0 {
		t.Error("it is to be read back once more")
	}
	if n := b.sent("PATCH"); n != 0 {
		t.Errorf("%d requests wrote to the Task", n)
	}
	b.later(time.Hour)
	b.turn()
	if n := b.sent(""); n != 0 {
		t.Errorf("%d requests an hour later", n)
	}
}

// TestNothingIsTrustedBeforeTheReading: until then a write has all fields, also those
// whose remembered values are wanted.
func TestNothingIsTrustedBeforeTheReading(t *testing.T) {
	b, late := lost(t, nil)
	want := b.task(1)["CallDisposition"]
	b.set("Task", b.task(1)["Id"].(string), late)
	b.later(20 * time.Second)
	b.event(1, "call.commented", 90, `"comments":[{"id":1,"content":"a note","posted_at":1780000090}]`)
	b.turn()
	b.task(1, "CallDisposition", want)
}

// TestReadBackOfADeletedTask: somebody deleted it meanwhile.
func TestReadBackOfADeletedTask(t *testing.T) {
	for setting, tasks := range map[string]int{"leave": 0, "recreate": 1} {
		t.Run(setting, func(t *testing.T) {
			b, _ := lost(t, func(o *Options) { o.Settings.Tasks.Deleted = setting })
			b.remove("Task", b.task(1)["Id"].(string))
			b.later(confirmAfter + time.Second)
			b.turn()
			if n := len(b.tasks()); n != tasks {
				t.Errorf("%d Tasks, want %d", n, tasks)
			}
		})
	}
}

// TestAnswerThatIsLateInOneTurn: the second try of a request succeeds, and the first
// may be carried out yet.
func TestAnswerThatIsLateInOneTurn(t *testing.T) {
	for status, unsure := range map[int]bool{0: true, http.StatusGatewayTimeout: true, http.StatusInternalServerError: false} {
		b := newBench(t, nil)
		b.answered(1, "+33123456789", "ada")
		b.hungup(1)
		b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Cut: status == 0, Status: status, Code: "UNKNOWN_EXCEPTION"})
		b.turn()
		if o := b.outcome(1, schemas.Created); (o.Confirm != 0) != unsure {
			t.Errorf("status %d: to be read back: %v, want %v", status, o.Confirm != 0, unsure)
		}
	}
}

// TestParkedCallsAtATakeover: a parked call that was due under the former owner may
// have been written by it; one that becomes due later was not.
func TestParkedCallsAtATakeover(t *testing.T) {
	for name, unsure := range map[string]bool{"before": true, "after": false} {
		b := newBench(t, nil)
		b.answered(1, "+33123456789", "ada")
		b.hungup(1)
		b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW"})
		b.turn()
		b.outcome(1, schemas.Retrying)
		b.since = b.clock.Add(-time.Hour)
		b.later(time.Minute)
		if unsure {
			b.since = b.clock
		}
		b.turn()
		if o := b.outcome(1, schemas.Created); (o.Confirm != 0) != unsure {
			t.Errorf("due %s the takeover: to be read back: %v, want %v", name, o.Confirm != 0, unsure)
		}
	}
}

// TestDueCallThatANewStateJoins: what was parked was written by a turn that did not
// commit, and comes again together with a newer state.
func TestDueCallThatANewStateJoins(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, "+33123456789", "ada")
	b.hungup(1)
	b.turn()
	b.tagged(1, 80, "urgent")
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{b.task(1)["Id"].(string)}, Code: "UNABLE_TO_LOCK_ROW"})
	b.turn()
	b.outcome(1, schemas.Retrying)
	b.later(time.Minute)
	late := make(chan struct{})
	b.sim.Fail(sfsim.Fault{Operation: "collections_update", Cut: true, CommitAt: late, Times: requestTries})
	if err := b.try(); err == nil {
		t.Fatal("the turn did not end in an error")
	}
	b.since = b.clock
	b.event(1, "call.untagged", 90, `"tags":[]`)
	b.turn()
	want := b.task(1)["CallDisposition"]
	close(late)
	b.sim.Settle()
	b.later(confirmAfter + time.Second)
	b.turn()
	b.task(1, "CallDisposition", want)
}

// TestReadingWaitsForTheLastTry: the time counts from when a request was given up, not
// from when its turn began.
func TestReadingWaitsForTheLastTry(t *testing.T) {
	var b *bench
	b = newBench(t, func(o *Options) {
		o.Sleep = func(ctx context.Context, _ time.Duration) error {
			b.later(40 * time.Second)
			return ctx.Err()
		}
	})
	b.answered(1, "+33123456789", "ada")
	b.hungup(1)
	b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Cut: true, Times: requestTries - 1})
	b.turn()
	o := b.outcome(1, schemas.Created)
	if left := time.UnixMilli(o.Confirm).Sub(b.clock); left < confirmAfter-40*time.Second {
		t.Errorf("the Task is read back %s after the last try", left)
	}
}

// TestConfirmOutlivesRetrying: that a Task must be read back is not forgotten while the
// call waits for its next attempt, nor when a newer state takes the parking place.
func TestConfirmOutlivesRetrying(t *testing.T) {
	b, late := lost(t, nil)
	id := b.task(1)["Id"].(string)
	b.later(20 * time.Second)
	b.tagged(1, 80, "urgent")
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{id}, Code: "UNABLE_TO_LOCK_ROW"})
	b.turn()
	if o := b.outcome(1, schemas.Retrying); o.Confirm == 0 {
		t.Fatal("forgotten when the row was locked")
	}
	b.tagged(1, 85, "urgent", "sale")
	b.turn()
	if o := b.outcome(1, schemas.Retrying); o.Confirm == 0 {
		t.Fatal("forgotten when a newer state came")
	}
	b.later(time.Minute)
	b.turn()
	want := b.task(1)["CallDisposition"]
	b.set("Task", id, late)
	b.later(confirmAfter)
	b.turn()
	b.task(1, "CallDisposition", want)
}

// TestTakeoverWhileRetrying: a record that a turn which did not commit may have handled
// makes the call unsure also where it only takes the parking place.
func TestTakeoverWhileRetrying(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, "+33123456789", "ada")
	b.hungup(1)
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW"})
	b.turn()
	b.tagged(1, 80, "urgent")
	b.repeats = len(b.pending)
	b.turn()
	if o := b.outcome(1, schemas.Retrying); o.Confirm == 0 {
		t.Error("a repeated record leaves the call sure")
	}
}
