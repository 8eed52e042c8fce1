package sfsink

import (
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// restore takes a Task out of the recycle bin.
func (b *bench) restore(id string) { b.Helper(); b.set("Task", id, `"IsDeleted":false`) }

// whole wants all fields of the call's Task to be there.
func (b *bench) whole(id int64) {
	b.Helper()
	b.task(id, "Subject", "Missed call from Marie Curie on Paris", "TaskSubtype", "Call", "Type", "Call", "WhoId", curie,
		"CallDisposition", "['Sale', 'aircall', 'inbound', 'unanswered_call', '33176360011', 'agents_did_not_answer']",
		"aircall__Phone_number__c", "33176360011", "OwnerId", ada)
}

// missedAndDeleted is a bench with a call whose Task somebody deleted.
func missedAndDeleted(t *testing.T, policy string) (b *bench, task string) {
	t.Helper()
	b = newBench(t, func(o *Options) { o.Settings.Tasks.Deleted = policy })
	b.missed(1, curieNumber)
	b.turn()
	task = b.outcome(1, schemas.Created).TaskID
	b.remove("Task", task)
	return b, task
}

// A Task that somebody restored is written on: from what was written last, so that what
// people changed elsewhere on it stays.
func TestRestoredTaskIsWrittenOn(t *testing.T) {
	b, task := missedAndDeleted(t, "leave")
	b.tagged(1, 30, "Sale")
	b.turn()
	b.outcome(1, schemas.Deleted)
	b.restore(task)
	b.set("Task", task, `"aircall__Country__c":"Mine"`)
	b.event(1, "call.archived", 90, `"archived":true`)
	b.turn()
	b.whole(1)
	b.task(1, "aircall__Country__c", "Mine")
	if o := b.outcome(1, schemas.Updated); o.TaskID != task {
		t.Errorf("Task %s, want %s", o.TaskID, task)
	}
}

// Another Task with the call's key, which somebody made of the old one, is written in
// full.
func TestAnotherTaskIsWrittenInFull(t *testing.T) {
	b, _ := missedAndDeleted(t, "leave")
	b.tagged(1, 30, "Sale")
	b.turn()
	b.load(`{"Task":[{"Id":"00T000000009999EAA","Subject":"a copy","Aircall_Call_Id__c":"1","TaskSubtype":"Call","OwnerId":"005000000000003AAA"}]}`)
	b.event(1, "call.archived", 90, `"archived":true`)
	b.turn()
	b.outcome(1, schemas.Updated)
	b.whole(1)
}

// A call whose Task is deleted matches nobody, and creates nobody.
func TestDeletedTaskCreatesNoRecord(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.Match.Create = "nothing" })
	b.missed(1, unknownNumber)
	b.turn()
	b.remove("Task", b.outcome(1, schemas.Created).TaskID)
	b.tagged(1, 30, "Sale")
	b.turn()
	b.outcome(1, schemas.Deleted)
	b.sink = b.newSink(func(o *Options) { o.Settings.Match.Create = "lead" })
	b.tagged(1, 40, "Sale", "Done")
	b.turn()
	b.outcome(1, schemas.Deleted)
	if n := len(b.sim.Records("Lead")); n != 0 {
		t.Errorf("%d Leads for a Task that is left deleted", n)
	}
}

// What an operator asks of a deleted Task makes it anew, whole; where that is refused
// for the moment, later; where somebody has restored it, it is the old one.
func TestCommandsOnADeletedTask(t *testing.T) {
	for _, command := range []string{"callfold.retry", "callfold.rewrite"} {
		for _, case_ := range []string{"at once", "refused", "restored"} {
			t.Run(command+" "+case_, func(t *testing.T) {
				b, task := missedAndDeleted(t, "leave")
				b.tagged(1, 30, "Sale")
				b.turn()
				b.outcome(1, schemas.Deleted)
				switch case_ {
				case "refused":
					b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW", Times: 2})
				case "restored":
					b.restore(task)
				}
				b.event(1, command, 4000, `"who":"ops","why":"asked"`)
				b.turn()
				if case_ == "refused" {
					b.outcome(1, schemas.Retrying)
					b.later(time.Minute)
					b.turn()
					b.outcome(1, schemas.Retrying)
					b.later(time.Minute)
					b.turn()
				}
				b.whole(1)
				if o := b.table.stored["1"]; (o.TaskID == task) != (case_ == "restored") || o.Result != schemas.Created && case_ != "restored" {
					t.Errorf("outcome %s, Task %s", o.Result, o.TaskID)
				}
				b.later(time.Hour)
				b.event(1, "call.archived", 90, `"archived":true`)
				b.turn()
				b.outcome(1, schemas.Unchanged)
			})
		}
	}
}

// Deleted at any moment of its making anew, and read back after it: it is whole, or not
// there.
func TestRecreatedTaskIsWhole(t *testing.T) {
	t.Run("refused, then restored", func(t *testing.T) {
		b, task := missedAndDeleted(t, "recreate")
		b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW"})
		b.tagged(1, 30, "Sale")
		b.turn()
		b.outcome(1, schemas.Retrying)
		b.restore(task)
		b.later(time.Minute)
		b.turn()
		b.whole(1)
	})
	t.Run("not committed", func(t *testing.T) {
		b, _ := missedAndDeleted(t, "recreate")
		b.tagged(1, 30, "Sale")
		stored, pending := b.table.stored["1"], b.pending
		b.turn()
		b.table.stored["1"], b.pending, b.repeats = stored, pending, len(pending)
		b.turn()
		b.whole(1)
	})
	t.Run("found gone when read back", func(t *testing.T) {
		b, _ := lost(t, func(o *Options) { o.Settings.Tasks.Deleted = "recreate" })
		b.tagged(1, 80, "Sale")
		b.turn()
		b.remove("Task", b.task(1)["Id"].(string))
		b.later(confirmAfter + time.Second)
		b.turn()
		b.outcome(1, schemas.Created)
		b.task(1, "Subject", "Inbound call from Marie Curie on Paris", "TaskSubtype", "Call", "CallDurationInSeconds", float64(60), "OwnerId", ada,
			"CallDisposition", "['Sale', 'aircall', 'inbound', 'answered_call', '33176360011']")
	})
	t.Run("hard-deleted", func(t *testing.T) {
		b := newBench(t, func(o *Options) { o.Settings.Tasks.Deleted = "recreate" })
		b.missed(1, curieNumber)
		b.turn()
		o := b.outcome(1, schemas.Created)
		b.remove("Task", o.TaskID)
		o.TaskID = "00T000000008888EAA" // there is no such record, also in the bin
		b.table.stored["1"] = o
		b.tagged(1, 30, "Sale")
		b.turn()
		b.outcome(1, schemas.Created)
		b.whole(1)
	})
	t.Run("without what the old one had", func(t *testing.T) {
		b, _ := missedAndDeleted(t, "leave")
		b.tagged(1, 30, "Sale")
		b.turn()
		b.outcome(1, schemas.Deleted)
		b.remove("Contact", curie)
		b.event(1, "callfold.retry", 4000, `"who":"ops","why":"asked"`)
		b.turn()
		b.task(1, "WhoId", nil)
		if o := b.outcome(1, schemas.Created); o.Written["WhoId"] != "" {
			t.Error("the new Task passes for having what only the old one had")
		}
	})
	t.Run("with edits in the bin", func(t *testing.T) {
		b := newBench(t, func(o *Options) {
			o.Settings.Tasks.Deleted = "recreate"
			o.Settings.Tasks.PreserveEdits = []string{"*"}
		})
		b.missed(1, curieNumber)
		b.turn()
		b.edit(1, `"Subject":"Mine"`)
		b.remove("Task", b.task(1)["Id"].(string))
		b.tagged(1, 30, "Sale")
		b.turn()
		b.whole(1)
		if o := b.outcome(1, schemas.Created); len(o.Kept) > 0 {
			t.Errorf("kept of a Task that is gone: %v", o.Kept)
		}
	})
}

// A request that is carried out after somebody deleted the Task makes a new one: it is
// found, and is as it is wanted.
func TestLateCreationAfterADeletion(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	late := make(chan struct{})
	b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Cut: true, CommitAt: late, Times: requestTries})
	if b.try() == nil {
		t.Fatal("the turn did not end in an error")
	}
	b.repeats = len(b.pending)
	b.turn()
	b.remove("Task", b.outcome(1, schemas.Created).TaskID)
	b.tagged(1, 30, "Sale")
	b.turn()
	b.outcome(1, schemas.Deleted)
	close(late)
	b.sim.Settle()
	b.later(confirmAfter + time.Second)
	b.turn()
	b.whole(1)
	b.later(confirmAfter + time.Second)
	b.sent("")
	b.turn()
	if n := b.sent(""); n != 0 {
		t.Errorf("%d requests later on", n)
	}
}

// TestAnotherTaskOfAnUnmatchedCall: the Task that was found deleted is not the one that
// holds the call's key now, so what was written to it says nothing about this one.
func TestAnotherTaskOfAnUnmatchedCall(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, unknownNumber)
	b.turn()
	b.remove("Task", b.task(1)["Id"].(string))
	b.tagged(1, 30, "Sale")
	b.turn()
	b.outcome(1, schemas.Deleted)
	b.load(`{"Task":[{"Id":"00T000000009999EAA","Subject":"a copy","Aircall_Call_Id__c":"1","OwnerId":"005000000000003AAA"}]}`)
	b.event(1, "call.untagged", 40, `"tags":[]`)
	b.turn()
	b.outcome(1, schemas.Updated)
	b.task(1, "Type", "Call")
}
