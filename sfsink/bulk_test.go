package sfsink

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

const many = 300

// manyCalls is a bench with many calls that have Tasks, where bulk jobs are for
// more than 200 rewrites.
func manyCalls(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, func(o *Options) { o.BulkAbove = 200 })
	b.everyCall(func(id int64) { b.missed(id, curieNumber) })
	b.turn()
	return b
}

func (b *bench) everyCall(do func(id int64)) {
	for id := int64(1); id <= many; id++ {
		do(id)
	}
}

// rewriteAll spoils all Tasks and asks for them to be rewritten.
func (b *bench) rewriteAll(after int) {
	b.Helper()
	var spoilt strings.Builder
	for i, r := range b.tasks() {
		fmt.Fprintf(&spoilt, `%s{"Id":%q,"Subject":"spoilt"}`, []string{"", ","}[min(i, 1)], r["Id"])
	}
	b.load(`{"Task":[` + spoilt.String() + `]}`)
	b.everyCall(func(id int64) { b.event(id, "callfold.rewrite", after, `"who":"ops","why":"spoilt"`) })
}

const missedByCurie = "Missed call from Marie Curie on Paris"

// everyTask checks that each call has one Task with a subject, and gives how many
// outcomes there are of each result.
func (b *bench) everyTask(subject string) map[schemas.Result]int {
	b.Helper()
	found := map[any]int{}
	for _, r := range b.tasks() {
		if found[r["Aircall_Call_Id__c"]]++; r["Subject"] != subject {
			b.Fatalf("the Task of call %v has the subject %v", r["Aircall_Call_Id__c"], r["Subject"])
		}
	}
	b.everyCall(func(id int64) {
		if n := found[fmt.Sprint(id)]; n != 1 {
			b.Fatalf("call %d has %d Tasks", id, n)
		}
	})
	results := map[schemas.Result]int{}
	for _, o := range b.table.stored {
		if results[o.Result]++; o.Bulk != nil {
			b.Fatalf("call %d is in a bulk job still", o.CallID)
		}
	}
	return results
}

// TestRewritesByBulk: many rewrites go by a bulk job, in a few requests. Nothing is
// believed before the job's results were read.
func TestRewritesByBulk(t *testing.T) {
	b := manyCalls(t)
	b.rewriteAll(4000)
	b.sent("")
	b.turn()
	if n := b.sent("jobs/ingest"); n != 1 {
		t.Errorf("%d requests of bulk jobs before the calls are parked", n)
	}
	o := b.outcome(1, schemas.Waiting)
	if o.Rule != ruleBulk || o.Bulk == nil || o.Bulk.Written != nil || o.Obeyed.Rewrite.Time != 0 || o.TaskID == "" {
		t.Errorf("parked: %+v", o)
	}
	b.turn()
	b.sim.JobsEnd()
	if o = b.outcome(1, schemas.Waiting); o.Bulk.Written["Subject"] == "" || o.Obeyed.Rewrite.Time != 0 {
		t.Errorf("handed over: %+v", o)
	}
	b.later(bulkLook - time.Second)
	b.turn()
	b.outcome(1, schemas.Waiting)
	b.later(time.Second)
	b.turn()
	if got := b.everyTask(missedByCurie); got[schemas.Updated] != many {
		t.Errorf("outcomes: %v", got)
	}
	if o = b.outcome(1, schemas.Updated); o.Obeyed.Rewrite.Time == 0 || o.NextAttempt != 0 || o.Parked != nil || o.Match == nil || len(o.Reasons) == 0 {
		t.Errorf("done: %+v", o)
	}
	if n := b.sent("composite"); n != 0 {
		t.Errorf("%d requests besides", n)
	}
	b.later(time.Hour)
	b.turn()
	if n := b.sent(""); n != 0 {
		t.Errorf("%d requests an hour later", n)
	}
}

// TestCreatesByBulk: somebody has deleted all Tasks, and the sink does not know. A job
// finds out, and another one makes them anew.
func TestCreatesByBulk(t *testing.T) {
	b := manyCalls(t)
	b.rewriteAll(4000)
	for _, r := range b.tasks() {
		b.remove("Task", r["Id"].(string))
	}
	b.sent("")
	for range 5 {
		b.turn()
		b.sim.JobsEnd()
		b.later(bulkLook)
	}
	if got := b.everyTask(missedByCurie); got[schemas.Created] != many {
		t.Errorf("outcomes: %v", got)
	}
	if n := b.sent("composite"); n != 0 {
		t.Errorf("%d requests besides", n)
	}
	if r := b.task(1); r["TaskSubtype"] != "Call" {
		t.Errorf("TaskSubtype is %v", r["TaskSubtype"])
	}
}

// TestFewRewrites: what is not many goes as before, and so does a dry run.
func TestFewRewrites(t *testing.T) {
	b := manyCalls(t)
	b.sink.bulkAbove = many
	b.rewriteAll(4000)
	b.sent("")
	b.turn()
	if n := b.sent("jobs"); n != 0 {
		t.Errorf("%d requests of bulk jobs", n)
	}
	b.everyTask(missedByCurie)
}

// TestNewerStateWaitsForItsJob: what is new of a call that a running job may write at
// any time is written after it, and nothing older comes over it.
func TestNewerStateWaitsForItsJob(t *testing.T) {
	b := manyCalls(t)
	gate := make(chan struct{})
	b.sim.Fail(sfsim.Fault{Operation: "bulk_chunk", Hold: gate, Times: 1})
	b.rewriteAll(4000)
	b.turn()
	b.turn()
	b.later(bulkLook)
	b.tagged(1, 4010, "urgent")
	b.event(2, "callfold.erase", 4011, `"who":"ops","why":"asked"`)
	b.missed(many+1, curieNumber) // nobody waits but those
	b.sent("")
	b.turn()
	b.outcome(many+1, schemas.Created)
	b.outcome(2, schemas.Waiting)
	if o := b.outcome(1, schemas.Waiting); o.Bulk == nil || o.Parked.State.Hash() != b.states["1"].State.Hash() {
		t.Errorf("call 1 does not wait with its newest state: %+v", o)
	}
	b.tagged(1, 4012, "urgent", "sale") // again, while nobody looks
	b.later(time.Second)
	b.turn()
	if n := b.sent("jobs"); n != 1 {
		t.Errorf("%d looks at the job", n)
	}
	close(gate)
	b.sim.JobsEnd()
	b.later(bulkNextLook)
	b.turn()
	b.outcome(2, schemas.Erased)
	o := b.outcome(1, schemas.Updated)
	if got := fmt.Sprint(b.task(1)["CallDisposition"]); !strings.Contains(got, "sale") || o.Bulk != nil {
		t.Errorf("call 1 ends with %s", got)
	}
	if n := b.sent("composite"); n != 1 {
		t.Errorf("%d requests for what is new", n)
	}
}

// TestRefusedRowsOfAJob: what a job refuses is written by collections, with the
// outcome that each refusal has there.
func TestRefusedRowsOfAJob(t *testing.T) {
	b := manyCalls(t)
	ids := []string{b.task(1)["Id"].(string), b.task(2)["Id"].(string), b.task(3)["Id"].(string)}
	b.rewriteAll(4000)
	b.turn()
	b.sim.Fail(sfsim.Fault{ExternalIDs: ids[:1], Code: "UNABLE_TO_LOCK_ROW"},
		sfsim.Fault{ExternalIDs: ids[1:2], Code: "FIELD_CUSTOM_VALIDATION_EXCEPTION", Times: 2})
	b.turn()
	b.sim.JobsEnd()
	b.later(bulkLook)
	b.turn()
	b.outcome(1, schemas.Updated)
	if o := b.outcome(2, schemas.Rejected); o.Error.Code != "FIELD_CUSTOM_VALIDATION_EXCEPTION" || o.Error.Fix == "" {
		t.Errorf("%+v", o.Error)
	}
	b.outcome(3, schemas.Updated)
	b.task(1, "Subject", missedByCurie)
}

// TestUnsureCallsInAJob: what a request of a predecessor may write yet is read back.
func TestUnsureCallsInAJob(t *testing.T) {
	b := manyCalls(t)
	b.rewriteAll(4000)
	b.repeats = len(b.pending)
	b.turn()
	b.turn()
	b.sim.JobsEnd()
	b.later(bulkLook)
	b.sent("")
	b.turn()
	if got := b.everyTask(missedByCurie); got[schemas.Updated] != many {
		t.Errorf("outcomes: %v", got)
	}
	if n := b.sent("composite"); n != 0 {
		t.Errorf("%d requests write what the job has written", n)
	}
	b.set("Task", b.task(1)["Id"].(string), `"Subject":"late"`)
	b.later(confirmAfter)
	b.turn()
	b.everyTask(missedByCurie)
}

// TestTextThatClears: Bulk API 2.0 cannot write #N/A, which somebody may be called.
func TestTextThatClears(t *testing.T) {
	b := newBench(t, func(o *Options) { o.BulkAbove = 200 })
	b.everyCall(func(id int64) {
		name := []string{"Ada Agent", "#N/A"}[id%2]
		b.event(id, "call.answered", 10, fmt.Sprintf(`"direction":"inbound","status":"answered","started_at":%d,"answered_at":%d,"raw_digits":%q,"user":{"id":11,"name":%q,"email":"ada@example.com"}`, t0, t0+10, curieNumber, name))
	})
	b.turn()
	b.task(1, "aircall__Answered_by__c", "#N/A")
	b.rewriteAll(4000)
	for range 3 {
		b.turn()
		b.sim.JobsEnd()
		b.later(bulkLook)
	}
	b.task(1, "aircall__Answered_by__c", "#N/A")
	b.task(2, "aircall__Answered_by__c", "Ada Agent")
}

// TestErasedBeforeItsJob: a call is erased after a job was made for it, and before the
// job got its rows. It goes by collections: nobody looks at what a job says of it, and a
// job deletes nothing.
func TestErasedBeforeItsJob(t *testing.T) {
	for _, policy := range []string{"scrub", "delete"} {
		t.Run(policy, func(t *testing.T) {
			b := newBench(t, func(o *Options) { o.BulkAbove, o.Settings.Tasks.Erased = 200, policy })
			b.everyCall(func(id int64) { b.missed(id, curieNumber) })
			b.turn()
			id := b.task(2)["Id"].(string)
			b.rewriteAll(4000)
			b.turn()
			if o := b.outcome(2, schemas.Waiting); o.Bulk == nil {
				t.Fatalf("call 2 is in no job: %+v", o)
			}
			b.erase(2, 4011)
			b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"2", id}, Code: "UNABLE_TO_LOCK_ROW"})
			b.turn()
			b.sim.JobsEnd()
			b.outcome(2, schemas.Retrying)
			b.later(time.Minute)
			b.turn()
			b.erased(2)
			if policy == "scrub" {
				b.tells(b.task(2), false)
			} else if b.record("Task", id)["IsDeleted"] != true {
				t.Error("the Task is still there")
			}
		})
	}
}

// TestErasedBetweenTwoJobs: somebody had deleted all Tasks, which a job finds out.
// Meanwhile one of the calls was erased, and its Task restored: it does not go into the
// job that makes the Tasks anew.
func TestErasedBetweenTwoJobs(t *testing.T) {
	b := manyCalls(t)
	id := b.task(2)["Id"].(string)
	b.rewriteAll(4000)
	for _, r := range b.tasks() {
		b.remove("Task", r["Id"].(string))
	}
	b.turn()
	b.turn()
	b.sim.JobsEnd()
	b.set("Task", id, `"IsDeleted":false`)
	b.erase(2, 4011)
	for range 4 {
		b.later(bulkLook)
		b.turn()
		b.sim.JobsEnd()
	}
	b.erased(2)
	b.tells(b.task(2), false)
	b.task(1, "Subject", missedByCurie)
}
