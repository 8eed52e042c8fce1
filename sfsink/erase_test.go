package sfsink

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

func (b *bench) erase(id int64, after int) {
	b.Helper()
	b.event(id, "callfold.erase", after, `"who":"dpo","why":"asked by the caller"`)
}

// told is a call with all that a Task can hold of it, and its Task.
func told(t *testing.T, change func(*Options)) *bench {
	t.Helper()
	b := newBench(t, change)
	b.answered(1, curieNumber, "ada")
	b.hungup(1)
	b.tagged(1, 80, "urgent")
	b.event(1, "call.commented", 90, `"comments":[{"id":1,"content":"a secret note","posted_at":1780000090}]`)
	b.event(1, "call.ended", 95, `"recording":"https://assets.aircall.io/calls/1/recording?sig=1"`)
	b.turn()
	b.outcome(1, schemas.Created)
	b.tells(b.task(1), true)
	return b
}

// tells checks whether a record of any kind has something of the call's content.
func (b *bench) tells(record any, want bool) {
	b.Helper()
	s := fmt.Sprintf("%+v", record)
	for _, secret := range []string{"Curie", "45 67 89", "23456789", "urgent", "secret", "assets.aircall.io", "Ada Agent", "France", curie, curieCo} {
		if strings.Contains(s, secret) != want && !want {
			b.Errorf("%q is in %s", secret, s)
		} else if want && strings.Contains(s, secret) {
			return
		}
	}
	if want {
		b.Errorf("nothing of the call is in %s: the test shows nothing", s)
	}
}

// erased checks what is left of a call that was erased.
func (b *bench) erased(id int64) schemas.Outcome {
	b.Helper()
	o := b.outcome(id, schemas.Erased)
	b.tells(o, false)
	if o.Match != nil || o.Owner != nil || o.Reasons != nil || o.Written != nil || o.LastWritten != nil || o.Kept != nil || o.Kind != "" || o.Error != nil || o.Attempts != 0 {
		b.Errorf("what is kept of an erased call: %+v", o)
	}
	return o
}

func TestErasedTaskIsScrubbed(t *testing.T) {
	b := told(t, func(o *Options) { o.Settings.Tasks.PreserveEdits = []string{"*"} })
	before := b.task(1)
	b.set("Task", before["Id"].(string), `"Description":"Marie Curie called, says a colleague"`)
	b.later(time.Hour)
	b.erase(1, 4000)
	b.turn()
	after := b.task(1, "Subject", "Erased call", "Description", nil, "WhoId", nil, "WhatId", nil, "CallDisposition", nil,
		"aircall__Phone_number__c", nil, "aircall__Call_Recording__c", nil, "aircall__Answered_by__c", nil, "aircall__Country__c", nil)
	b.tells(after, false)
	for _, name := range []string{"Id", "OwnerId", "Type", "TaskSubtype", "CallType", "ActivityDate", "CallDurationInSeconds", "Status"} {
		if after[name] != before[name] || after[name] == nil {
			t.Errorf("%s was %v, and is %v", name, before[name], after[name])
		}
	}
	if o := b.erased(1); o.TaskID != after["Id"] || o.Confirm != 0 || o.NextAttempt != 0 || o.Parked != nil {
		t.Errorf("outcome %+v", o)
	}
	b.sink.matches.mu.Lock()
	if n := len(b.sink.matches.by); n != 0 {
		t.Errorf("%d numbers are remembered", n)
	}
	b.sink.matches.mu.Unlock()

	// What comes late changes nothing, and asks nothing.
	b.sent("")
	b.tagged(1, 4010, "late")
	b.turn()
	if n := b.sent(""); n != 0 {
		t.Errorf("%d requests for a late event", n)
	}
	b.erased(1)
	// Somebody restores the content: another erasure takes it away.
	b.set("Task", after["Id"].(string), `"Description":"Marie Curie"`)
	b.erase(1, 5000)
	b.turn()
	b.task(1, "Description", nil)
	b.erased(1)
}

// TestStateFromBeforeAnErasure: the topic calls is read once more, from before the
// erasure. What was erased does not come back until the erasure is read again.
func TestStateFromBeforeAnErasure(t *testing.T) {
	for policy, left := range map[string]int{"scrub": 1, "delete": 0} {
		t.Run(policy, func(t *testing.T) {
			b := told(t, func(o *Options) { o.Settings.Tasks.Erased = policy })
			before := b.states["1"]
			b.erase(1, 4000)
			b.turn()
			erased := b.erased(1)
			b.put("1", before)
			b.sent("")
			b.turn()
			if n := b.sent(""); n != 0 {
				t.Errorf("%d requests", n)
			}
			if tasks := b.tasks(); len(tasks) != left {
				t.Errorf("there are %d Tasks, want %d", len(tasks), left)
			} else {
				b.tells(tasks, false)
			}
			if got := b.erased(1); got.StateHash != erased.StateHash {
				t.Errorf("the outcome is about another state: %+v", got)
			}
			b.put("1", b.states["1"])
			b.turn()
			b.erased(1)
		})
	}
	t.Run("while Salesforce refuses it", func(t *testing.T) {
		b := told(t, nil)
		before := b.states["1"]
		b.sim.Fail(sfsim.Fault{ExternalIDs: []string{b.task(1)["Id"].(string)}, Code: "UNABLE_TO_LOCK_ROW"})
		b.erase(1, 4000)
		b.turn()
		b.outcome(1, schemas.Retrying)
		b.put("1", before)
		b.turn()
		b.outcome(1, schemas.Retrying)
		b.later(time.Minute)
		b.turn()
		b.tells(b.task(1), false)
		b.erased(1)
	})
}

func TestErasedTaskIsDeleted(t *testing.T) {
	b := told(t, func(o *Options) {
		o.Settings.Tasks.Erased, o.Settings.Tasks.Deleted = "delete", "recreate"
	})
	b.answered(2, curieNumber, "ada")
	b.turn()
	b.erase(1, 4000)
	b.hungup(2) // another call of the batch is written as always
	b.sent("")
	b.turn()
	if n := len(b.tasks()); n != 1 {
		t.Errorf("%d Tasks, want that of the other call", n)
	}
	b.task(2)
	if o := b.erased(1); o.TaskID != "" {
		t.Errorf("outcome %+v", o)
	}
	b.erase(1, 5000) // it is gone, which is as it should be
	b.turn()
	b.erased(1)
}

// Erasures and the writes of other calls are one request.
func TestErasuresShareARequest(t *testing.T) {
	for _, policy := range []string{"scrub", "delete"} {
		b := newBench(t, func(o *Options) { o.Settings.Tasks.Erased = policy })
		for id := int64(1); id <= 30; id++ {
			b.missed(id, curieNumber)
		}
		b.turn()
		for id := int64(1); id <= 30; id++ {
			b.erase(id, 4000)
		}
		b.missed(31, curieNumber)
		b.sent("")
		b.turn()
		b.mu.Lock()
		writes := 0
		for _, r := range b.seen {
			if strings.Contains(r, "/composite") {
				writes++
			}
		}
		b.mu.Unlock()
		if writes != 1 {
			t.Errorf("%s: %d requests to write, want 1: %v", policy, writes, b.seen)
		}
		for id := int64(1); id <= 30; id++ {
			b.erased(id)
			if policy == "scrub" {
				b.tells(b.task(id), false)
			}
		}
		b.task(31)
		if n := len(b.tasks()); policy == "delete" && n != 1 {
			t.Errorf("%d Tasks", n)
		}
	}
}

// A call that was erased before it had a Task gets none.
func TestErasedBeforeItsTask(t *testing.T) {
	b := newBench(t, nil)
	b.erase(1, 1)
	b.missed(1, curieNumber)
	b.turn()
	if n := len(b.tasks()); n != 0 {
		t.Errorf("%d Tasks", n)
	}
	b.erased(1)

	// The same while it waits for better times.
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"2"}, Code: "UNABLE_TO_LOCK_ROW"})
	b.missed(2, curieNumber)
	b.turn()
	b.outcome(2, schemas.Retrying)
	b.erase(2, 4000)
	b.turn()
	b.erased(2)
	b.later(24 * time.Hour)
	b.turn()
	if n := len(b.tasks()); n != 0 {
		t.Errorf("%d Tasks", n)
	}
}

// TestLateCreationOfAnErasedCall: the request that creates the Task was given up, and
// is carried out after the call was erased.
func TestLateCreationOfAnErasedCall(t *testing.T) {
	for _, policy := range []string{"scrub", "delete"} {
		b := newBench(t, func(o *Options) { o.Settings.Tasks.Erased = policy })
		b.missed(1, curieNumber)
		late := make(chan struct{})
		b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Cut: true, CommitAt: late, Times: requestTries})
		if b.try() == nil {
			t.Fatal("the turn did not end in an error")
		}
		b.repeats = len(b.pending)
		b.erase(1, 4000)
		b.turn()
		if o := b.erased(1); o.Confirm == 0 || o.NextAttempt != o.Confirm || o.Parked == nil {
			t.Fatalf("%s: the Task is not looked for once more: %+v", policy, o)
		}
		// What comes meanwhile does not make it forget.
		b.event(1, "call.archived", 5000, `"archived":true`)
		b.turn()
		close(late)
		b.sim.Settle()
		b.tells(b.task(1), true)
		b.later(confirmAfter + time.Second)
		b.turn()
		if policy == "scrub" {
			b.tells(b.task(1, "Subject", "Erased call"), false)
		} else if n := len(b.tasks()); n != 0 {
			t.Errorf("%d Tasks", n)
		}
		if o := b.erased(1); o.Confirm != 0 || o.NextAttempt != 0 || o.Parked != nil {
			t.Errorf("%s: outcome %+v", policy, o)
		}
	}
}

// TestLateWriteToAnErasedTask: an update that was given up brings the content back.
func TestLateWriteToAnErasedTask(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	b.tagged(1, 80, "urgent")
	late := make(chan struct{})
	b.sim.Fail(sfsim.Fault{Operation: "collections_update", Cut: true, CommitAt: late, Times: 1})
	b.turn()
	b.later(20 * time.Second)
	b.erase(1, 4000)
	b.turn()
	b.tells(b.task(1), false)
	close(late)
	b.sim.Settle()
	b.tells(b.task(1), true)
	b.later(confirmAfter)
	b.turn()
	b.tells(b.task(1), false)
	b.erased(1)
}

// TestErasureIsRepeated: the process dies between Salesforce and Kafka.
func TestErasureIsRepeated(t *testing.T) {
	for _, policy := range []string{"scrub", "delete"} {
		b := told(t, func(o *Options) { o.Settings.Tasks.Erased = policy })
		stored := b.table.stored["1"]
		b.erase(1, 4000)
		pending := b.pending
		b.turn()
		b.table.stored["1"] = stored
		b.pending, b.repeats = pending, len(pending)
		b.turn()
		if o := b.erased(1); o.Confirm == 0 {
			t.Errorf("%s: what the other turn sent may yet come: %+v", policy, o)
		}
		b.later(confirmAfter + time.Second)
		b.sent("")
		b.turn()
		if o := b.erased(1); o.Confirm != 0 || o.Parked != nil {
			t.Errorf("outcome %+v", o)
		}
		if n := b.sent("/composite"); n != 0 {
			t.Errorf("%s: %d writes of what is erased", policy, n)
		}
	}
}

// Until it is done the outcome says so, and holds nothing of the call.
func TestErasureIsTriedAgain(t *testing.T) {
	for _, policy := range []string{"scrub", "delete"} {
		b := told(t, func(o *Options) { o.Settings.Tasks.Erased = policy })
		b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW", Times: 2})
		b.erase(1, 4000)
		for attempt := 1; attempt <= 2; attempt++ {
			b.turn()
			o := b.outcome(1, schemas.Retrying)
			b.tells(o, false)
			if o.Rule != "erase" || o.Attempts != attempt || o.Error == nil || o.Match != nil || o.Reasons != nil || o.Written != nil || o.Parked == nil {
				t.Errorf("outcome %+v", o)
			}
			b.later(time.Minute)
		}
		b.turn()
		if b.erased(1); policy == "scrub" {
			b.tells(b.task(1), false)
		}
	}
}

// Attempts at writing the call are none at erasing it.
func TestErasureHasItsOwnAttempts(t *testing.T) {
	b := told(t, nil)
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW", Times: rowAttempts})
	b.tagged(1, 100, "more")
	for range rowAttempts - 1 {
		b.turn()
		b.outcome(1, schemas.Retrying)
		b.later(time.Hour)
	}
	b.erase(1, 4000)
	b.turn()
	if o := b.outcome(1, schemas.Retrying); o.Attempts != 1 {
		t.Errorf("attempt %d", o.Attempts)
	}
}

// What Salesforce refuses for good can be tried again, as any rejected call can.
func TestRejectedErasure(t *testing.T) {
	b := told(t, nil)
	strict := true
	if err := b.sim.AddRule("Task", func(record map[string]any) *sfsim.Violation {
		if strict && record["Description"] == nil {
			return &sfsim.Violation{Message: "a description is needed", Fields: []string{"Description"}}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.erase(1, 4000)
	b.turn()
	o := b.outcome(1, schemas.Rejected)
	b.tells(o, false)
	if o.Rule != "erase" || o.Error.Code != "FIELD_CUSTOM_VALIDATION_EXCEPTION" || o.Refused != "" || o.TaskID == "" {
		t.Errorf("outcome %+v", o)
	}
	strict = false
	b.event(1, "callfold.retry", 5000, `"who":"ops","why":"mended"`)
	b.turn()
	b.erased(1)
	b.tells(b.task(1), false)
}

// Nothing is rejected for a whole org's trouble, and nothing is taken for done.
func TestErasureWaitsForTheOrg(t *testing.T) {
	b := told(t, nil)
	b.sim.Fail(sfsim.Fault{Status: 503, Times: -1})
	b.erase(1, 4000)
	if b.try() == nil {
		t.Fatal("the turn did not end in an error")
	}
	b.outcome(1, schemas.Created)
	b.sim.Heal()
	b.turn()
	b.erased(1)
	b.tells(b.task(1), false)
}

// Somebody cleared the external id: the Task's own Id finds it.
func TestErasedTaskWithoutItsKey(t *testing.T) {
	b := told(t, nil)
	id := b.task(1)["Id"].(string)
	b.set("Task", id, `"Aircall_Call_Id__c":null`)
	b.erase(1, 4000)
	b.turn()
	b.erased(1)
	b.tells(b.record("Task", id), false)
}

func TestErasedTaskThatSomebodyDeleted(t *testing.T) {
	for _, known := range []bool{false, true} {
		b := told(t, nil)
		b.remove("Task", b.task(1)["Id"].(string))
		if known {
			b.tagged(1, 100, "more")
			b.turn()
			b.outcome(1, schemas.Deleted)
		}
		b.erase(1, 4000)
		b.turn()
		if o := b.erased(1); o.TaskID != "" {
			t.Errorf("outcome %+v", o)
		}
	}
}

// It is deleted while it is being erased.
func TestErasedTaskGoesMeanwhile(t *testing.T) {
	for _, policy := range []string{"scrub", "delete"} {
		b := told(t, func(o *Options) { o.Settings.Tasks.Erased = policy })
		id := b.task(1)["Id"].(string)
		b.erase(1, 4000)
		once := sync.OnceFunc(func() { b.remove("Task", id) })
		b.before = func(r *http.Request) {
			if strings.Contains(r.URL.Path, "/composite") {
				once()
			}
		}
		b.turn()
		b.erased(1)
	}
}

// An agent who has left owns the Task, and the org lets nobody write to it.
func TestErasedTaskOfAnInactiveOwner(t *testing.T) {
	for times, want := range map[int]schemas.Result{1: schemas.Erased, 2: schemas.Rejected} {
		b := told(t, nil)
		b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "INACTIVE_OWNER_OR_USER", Times: times})
		b.erase(1, 4000)
		b.turn()
		o := b.outcome(1, want)
		b.tells(o, false)
		if want == schemas.Erased {
			b.tells(b.task(1, "OwnerId", integration, "Subject", "Erased call"), false)
		}
	}
}

func TestErasedCallWithTwoTasks(t *testing.T) {
	b := told(t, func(o *Options) { o.RefreshEvery = 24 * time.Hour })
	if err := b.sim.NotUnique("Task", "Aircall_Call_Id__c"); err != nil {
		t.Fatal(err)
	}
	b.load(`{"Task":[{"Id":"00T0000000000ZZAAA","Aircall_Call_Id__c":"1","Subject":"Marie Curie"}]}`)
	b.erase(1, 4000)
	b.turn()
	if o := b.outcome(1, schemas.Retrying); o.Error.Class != "duplicate" {
		t.Errorf("outcome %+v", o)
	}
	b.remove("Task", "00T0000000000ZZ")
	b.later(duplicateDelay + time.Minute)
	b.turn()
	b.erased(1)
	b.tells(b.task(1), false)
}

// A dry run writes nothing, and forgets.
func TestErasureInADryRun(t *testing.T) {
	b := newBench(t, func(o *Options) { o.DryRun = true })
	b.missed(1, curieNumber)
	b.turn()
	b.erase(1, 4000)
	b.sent("")
	b.turn()
	b.erased(1)
	if n := b.sent(""); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// A record of the integration user is not given to the agent of an erased call.
func TestErasedCallTakesNothingOver(t *testing.T) {
	b := newBench(t, nil)
	b.set("Contact", curie, fmt.Sprintf(`"OwnerId":%q`, integration+"AAA"))
	b.answered(1, curieNumber, "ada")
	b.erase(1, 20)
	b.turn()
	b.erased(1)
	if owner := b.record("Contact", curie)["OwnerId"]; owner != integration+"AAA" {
		t.Errorf("the Contact belongs to %v", owner)
	}
}

// TestStormOfErasures erases every second call, some together with their first events,
// while every kind of trouble that passes meets one in twenty requests and rows.
func TestStormOfErasures(t *testing.T) {
	for _, policy := range []string{"scrub", "delete"} {
		seed := rand.Uint64()
		t.Logf("seed %d", seed) // of the faults; which request meets which also depends on who is first
		b := newBenchOn(t, sfsim.Options{Seed: seed}, func(o *Options) { o.Settings.Tasks.Erased = policy })
		b.sim.Fail(sfsim.EveryFault(0.05)...)
		const calls = 400
		for id := int64(1); id <= calls; id++ {
			b.missed(id, curieNumber)
			if id%4 == 0 {
				b.erase(id, 100)
			}
			if id%100 == 0 {
				b.settle()
				for earlier := id - 99; earlier < id; earlier++ {
					if earlier%4 == 2 {
						b.erase(earlier, 100)
					}
				}
			}
		}
		b.settle()
		b.sim.Heal()
		for range 2 {
			b.later(time.Hour)
			b.settle()
		}
		tasks := b.tasksByCall()
		for id := int64(1); id <= calls; id++ {
			of := tasks[fmt.Sprint(id)]
			if id%2 == 1 {
				b.tells(b.task(id), true)
				continue
			}
			if o := b.erased(id); o.Confirm != 0 || o.Parked != nil || (o.TaskID == "") != (len(of) == 0) {
				t.Errorf("%s: call %d is not at rest: %+v", policy, id, o)
			}
			b.tells(of, false)
			if policy == "delete" && len(of) != 0 {
				t.Errorf("call %d has %d Tasks", id, len(of))
			}
		}
	}
}
