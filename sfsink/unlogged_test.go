package sfsink

import (
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// turned makes a call whose Task may yet get an older value, and which has turned into
// one that is not logged.
func turned(t *testing.T, change func(*Options)) (b *bench, late chan struct{}) {
	t.Helper()
	b = newBench(t, func(o *Options) {
		o.Settings.Tasks.Log.Voicemail = "nothing"
		if change != nil {
			change(o)
		}
	})
	b.missed(1, curieNumber)
	b.turn()
	b.tagged(1, 30, "old")
	late = make(chan struct{})
	b.sim.Fail(sfsim.Fault{Operation: "collections_update", Cut: true, CommitAt: late, Times: requestTries})
	if b.try() == nil {
		t.Fatal("the turn did not end in an error")
	}
	b.repeats = len(b.pending)
	b.tagged(1, 35, "new")
	b.turn()
	b.outcome(1, schemas.Updated)
	b.later(20 * time.Second)
	b.voicemail(1)
	b.turn()
	if o := b.outcome(1, schemas.Skipped); o.Confirm == 0 || o.NextAttempt == 0 || o.Parked == nil {
		t.Fatalf("the Task is not to be read back: %+v", o)
	}
	return b, late
}

const newDisposition = "['new', 'aircall', 'inbound', 'unanswered_call', '33176360011', 'agents_did_not_answer']"

// The Task of a call that is not logged any more stays as it was written last (L3),
// though an older request is carried out after that.
func TestTaskOfAnUnloggedCallIsReadBack(t *testing.T) {
	b, late := turned(t, nil)
	before := b.outcome(1, schemas.Skipped)
	close(late)
	b.sim.Settle()
	if b.task(1)["CallDisposition"] == newDisposition {
		t.Fatal("the late request changes nothing: the test shows nothing")
	}
	// A newer state that is not logged either changes nothing in that.
	b.event(1, "call.archived", 90, `"archived":true`)
	b.turn()
	b.later(confirmAfter + time.Second)
	b.turn()
	b.task(1, "CallDisposition", newDisposition, "Subject", "Missed call from Marie Curie on Paris")
	o := b.outcome(1, schemas.Skipped)
	if o.Rule != "L3" || o.Kind != "voicemail" || o.StateHash == before.StateHash || o.Confirm != 0 || o.NextAttempt != 0 || o.Parked != nil || o.Attempts != 0 {
		t.Errorf("outcome: %+v", o)
	}
	if o.Written["CallDisposition"] == "" {
		t.Error("what the Task holds is not known")
	}
	b.sent("")
	b.later(time.Hour)
	b.turn()
	if n := b.sent(""); n != 0 {
		t.Errorf("%d requests an hour later", n)
	}
}

// The same where that state comes when the time to read back has come.
func TestUnloggedCallIsReadBackLate(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.Tasks.Log.Voicemail = "nothing" })
	b.missed(1, curieNumber)
	b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Cut: true})
	b.turn()
	if o := b.outcome(1, schemas.Created); o.Confirm == 0 {
		t.Fatal("the Task is not to be read back")
	}
	b.later(confirmAfter + time.Second)
	b.set("Task", b.task(1)["Id"].(string), `"CallDisposition":"late"`)
	b.voicemail(1)
	b.turn()
	b.outcome(1, schemas.Skipped)
	b.turn()
	b.task(1, "CallDisposition", "['aircall', 'inbound', 'unanswered_call', '33176360011', 'agents_did_not_answer']")
	if o := b.outcome(1, schemas.Skipped); o.Confirm != 0 {
		t.Errorf("outcome: %+v", o)
	}
}

// What cannot be mended at once is tried again.
func TestTaskOfAnUnloggedCallIsMendedLater(t *testing.T) {
	b, late := turned(t, nil)
	close(late)
	b.sim.Settle()
	b.later(confirmAfter + time.Second)
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{b.task(1)["Id"].(string)}, Code: "UNABLE_TO_LOCK_ROW"})
	b.turn()
	if o := b.outcome(1, schemas.Skipped); o.Attempts != 1 || o.Parked == nil {
		t.Fatalf("outcome: %+v", o)
	}
	b.later(time.Minute)
	b.turn()
	b.task(1, "CallDisposition", newDisposition)
	if o := b.outcome(1, schemas.Skipped); o.Attempts != 0 || o.Parked != nil {
		t.Errorf("outcome: %+v", o)
	}
}

// The Task that somebody deleted meanwhile is not made anew for a call that is not
// logged.
func TestDeletedTaskOfAnUnloggedCall(t *testing.T) {
	b, late := turned(t, func(o *Options) { o.Settings.Tasks.Deleted = "recreate" })
	close(late)
	b.sim.Settle()
	b.remove("Task", b.task(1)["Id"].(string))
	b.later(confirmAfter + time.Second)
	b.turn()
	if n := len(b.tasks()); n != 0 {
		t.Errorf("%d Tasks", n)
	}
	if o := b.outcome(1, schemas.Skipped); o.NextAttempt != 0 {
		t.Errorf("outcome: %+v", o)
	}
}

// The call is logged again before the time: then its newest state is what the Task is
// to hold.
func TestUnloggedCallThatIsLoggedAgain(t *testing.T) {
	b, late := turned(t, nil)
	close(late)
	b.sim.Settle()
	b.sink = b.newSink(nil) // voicemails are logged now
	b.tagged(1, 100, "newest")
	b.turn()
	b.task(1, "Subject", "Voicemail from Marie Curie on Paris", "CallDisposition", "['newest', 'aircall', 'inbound', 'unanswered_call', '33176360011', 'agents_did_not_answer']")
	b.later(confirmAfter + time.Second)
	b.turn()
	b.outcome(1, schemas.Unchanged)
	b.task(1, "Subject", "Voicemail from Marie Curie on Paris")
}

// A write that was given up, of a call that is not logged in the turn after: either
// value is one that the call had, and nothing that is remembered is trusted.
func TestWriteGivenUpOfACallThatIsNotLogged(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.Tasks.Log.Voicemail = "nothing" })
	b.missed(1, curieNumber)
	b.turn()
	b.tagged(1, 30, "old")
	b.sim.Fail(sfsim.Fault{Operation: "collections_update", Cut: true, Times: requestTries})
	if b.try() == nil {
		t.Fatal("the turn did not end in an error")
	}
	b.repeats = len(b.pending)
	b.voicemail(1)
	b.turn()
	if o := b.outcome(1, schemas.Skipped); o.Written != nil || o.Confirm == 0 || o.Parked != nil {
		t.Errorf("outcome: %+v", o)
	}
}

// outrun makes a call with a write that was given up, and a newer one that was carried
// out. The older one is held until late is closed; want is what the newer one wrote.
func outrun(t *testing.T) (b *bench, late chan struct{}, want any) {
	t.Helper()
	b, late = newBench(t, nil), make(chan struct{})
	b.missed(1, curieNumber)
	b.turn()
	b.sim.Fail(sfsim.Fault{Operation: "collections_update", Cut: true, CommitAt: late, Times: 1})
	b.tagged(1, 80, "Old")
	b.turn()
	b.tagged(1, 85, "New")
	b.turn()
	return b, late, b.task(1)["CallDisposition"]
}

// comesLate lets the older write be carried out.
func (b *bench) comesLate(late chan struct{}, want any) {
	b.Helper()
	close(late)
	b.sim.Settle()
	if b.task(1)["CallDisposition"] == want {
		b.Fatal("the late write changed nothing: the test shows nothing")
	}
}

// TestRejectedCallIsReadBack: a write that was given up is carried out after a newer one,
// and after the newest state was rejected. The Task becomes what was written last.
func TestRejectedCallIsReadBack(t *testing.T) {
	b, late, want := outrun(t)
	b.sim.Fail(sfsim.Fault{Rows: true, Operation: "collections_update", Code: "FIELD_CUSTOM_VALIDATION_EXCEPTION", Times: 1})
	b.voicemail(1)
	b.turn()
	b.outcome(1, schemas.Rejected)
	b.comesLate(late, want)
	b.later(confirmAfter)
	b.turn()
	b.task(1, "CallDisposition", want)
	if o := b.outcome(1, schemas.Rejected); o.Confirm != 0 || o.NextAttempt != 0 || o.Error == nil {
		t.Errorf("outcome %+v", o)
	}
}

// The same where the newest state was refused for the moment first, and so had the
// parking place.
func TestRejectedCallIsReadBackAfterRetries(t *testing.T) {
	for name, meanwhile := range map[string]func(*bench){
		"alone":         func(*bench) {},
		"a newer state": func(b *bench) { b.tagged(1, 90, "Newest"); b.turn(); b.outcome(1, schemas.Retrying) },
		"a long lock": func(b *bench) {
			// The Task is read back while the newest state cannot be written.
			b.later(confirmAfter)
			b.sim.Fail(sfsim.Fault{Rows: true, Operation: "collections_update", Code: "UNABLE_TO_LOCK_ROW", Times: 1})
			b.turn()
			b.outcome(1, schemas.Retrying)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, late, want := outrun(t)
			b.sim.Fail(sfsim.Fault{Rows: true, Operation: "collections_update", Code: "UNABLE_TO_LOCK_ROW", Times: 1})
			b.voicemail(1)
			b.turn()
			b.outcome(1, schemas.Retrying)
			b.comesLate(late, want)
			meanwhile(b)
			b.later(time.Minute)
			b.sim.Fail(sfsim.Fault{Rows: true, Operation: "collections_update", Code: "FIELD_CUSTOM_VALIDATION_EXCEPTION", Times: 1})
			b.turn()
			b.outcome(1, schemas.Rejected)
			b.later(confirmAfter)
			b.turn()
			b.task(1, "CallDisposition", want)
			if o := b.outcome(1, schemas.Rejected); o.Confirm != 0 || o.NextAttempt != 0 || o.Parked != nil || o.Unconfirmed != nil || o.Error == nil {
				t.Errorf("outcome %+v", o)
			}
			b.sent("")
			b.later(time.Hour)
			b.turn()
			if n := b.sent(""); n != 0 {
				t.Errorf("%d requests an hour later", n)
			}
		})
	}
}

// The same where a bulk job was made for the call meanwhile, or has written it.
func TestUnloggedCallOfAJobIsReadBack(t *testing.T) {
	for name, c := range map[string]struct {
		turns int
		waits bool // with the newest state for the end of the job
	}{
		"before the job has rows": {turns: 1}, "while the job goes on": {turns: 2, waits: true}, "after the job": {turns: 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(o *Options) { o.BulkAbove, o.Settings.Tasks.Log.Voicemail = 200, "nothing" })
			b.everyCall(func(id int64) { b.missed(id, curieNumber) })
			b.repeats = len(b.pending)
			b.turn()
			if o := b.outcome(1, schemas.Created); o.Confirm == 0 {
				t.Fatal("the Task is not to be read back")
			}
			b.rewriteAll(4000)
			for range c.turns {
				b.turn()
				b.sim.JobsEnd()
			}
			if o := b.outcome(1, schemas.Waiting); o.Bulk == nil {
				t.Fatalf("call 1 is in no job: %+v", o)
			}
			b.voicemail(1)
			if c.waits {
				b.turn()
				b.outcome(1, schemas.Waiting)
			}
			b.later(bulkLook)
			b.turn()
			b.outcome(1, schemas.Skipped)
			b.set("Task", b.task(1)["Id"].(string), `"CallDisposition":"late"`)
			b.later(confirmAfter)
			b.turn()
			b.task(1, "CallDisposition", "['aircall', 'inbound', 'unanswered_call', '33176360011', 'agents_did_not_answer']", "Subject", missedByCurie)
			if o := b.outcome(1, schemas.Skipped); o.Confirm != 0 || o.Parked != nil || o.NextAttempt != 0 {
				t.Errorf("outcome: %+v", o)
			}
		})
	}
}
