package sfsink

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// dies does a turn whose commit fails, or whose process dies before it, and puts
// another process in its place.
func (b *bench) dies() {
	b.Helper()
	before := b.table.stored
	b.table.stored = maps.Clone(before)
	pending := b.pending
	// What the turn itself says of it is no matter.
	_ = b.try()
	b.table.stored, b.pending = before, pending
	b.repeats, b.since = len(pending), b.clock
	b.sink = b.newSink(func(o *Options) { o.BulkAbove = 200 })
}

// beforeEach does something before each request from now on.
func (b *bench) beforeEach(do func(*http.Request)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.before = do
}

// goesOn does turns until nothing waits any more.
func (b *bench) goesOn() {
	b.Helper()
	for range 10 {
		b.later(confirmAfter)
		b.turn()
		b.sim.JobsEnd()
	}
	for key, o := range b.table.stored {
		if o.NextAttempt != 0 || o.Bulk != nil {
			b.Fatalf("call %s still waits: %+v", key, o)
		}
	}
}

// TestDeathAroundAJob: wherever a process dies, another one brings all calls to their
// end, and what came meanwhile is not overwritten by what the job had.
func TestDeathAroundAJob(t *testing.T) {
	for name, die := range map[string]func(*bench){
		"before it is committed which calls are the job's": func(b *bench) { b.dies() },
		"after the job was handed over":                    func(b *bench) { b.turn(); b.dies() },
		"between upload and handing over": func(b *bench) {
			b.turn()
			b.beforeEach(func(r *http.Request) {
				if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "jobs/ingest") {
					panic(http.ErrAbortHandler)
				}
			})
			b.dies()
			b.beforeEach(nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := manyCalls(t)
			gate := make(chan struct{})
			b.sim.Fail(sfsim.Fault{Operation: "bulk_chunk", Hold: gate})
			b.rewriteAll(4000)
			die(b)
			b.tagged(1, 4010, "urgent")
			for range 4 { // Salesforce takes long: nobody knows when to read back
				b.turn()
				b.later(confirmAfter)
			}
			close(gate)
			b.sim.JobsEnd()
			b.goesOn()
			b.everyTask(missedByCurie)
			if got := b.task(1)["CallDisposition"].(string); !strings.Contains(got, "urgent") {
				t.Errorf("call 1 ends with %s", got)
			}
		})
	}
}

// TestErasedWhileItsJobIsHandedOver: a process gave a job its rows and handed it over,
// without an answer. Its partitions went to two others, and of one the only call in the
// job was erased meanwhile. Its row is not written when the job is handed over after all.
func TestErasedWhileItsJobIsHandedOver(t *testing.T) {
	b := manyCalls(t)
	b.rewriteAll(4000)
	b.turn()
	late, gate := make(chan struct{}), make(chan struct{})
	b.sim.Fail(sfsim.Fault{Operation: "bulk_close", Cut: true, CommitAt: late, Times: requestTries},
		sfsim.Fault{Operation: "bulk_chunk", Hold: gate, Times: -1})
	b.later(time.Hour)
	b.dies()
	others := b.table.stored
	b.table.stored = map[string]schemas.Outcome{"2": others["2"]}
	delete(others, "2")
	b.erase(2, 4011)
	b.turn()
	close(late)
	b.sim.Settle()
	for range 4 { // Salesforce takes long: nobody knows when to read back
		b.later(confirmAfter)
		b.turn()
	}
	close(gate)
	b.sim.JobsEnd()
	b.sim.Heal()
	maps.Copy(b.table.stored, others)
	b.since = b.clock
	b.goesOn()
	b.erased(2)
	b.tells(b.task(2), false)
	b.task(1, "Subject", missedByCurie)
}

// TestDeathAfterTheResults: the turn that read them and wrote on is done again.
func TestDeathAfterTheResults(t *testing.T) {
	b := manyCalls(t)
	b.rewriteAll(4000)
	b.turn()
	b.turn()
	b.sim.JobsEnd()
	b.tagged(1, 4010, "urgent")
	b.later(bulkLook)
	b.dies()
	b.turn()
	b.goesOn()
	b.everyTask(missedByCurie)
	if got := b.task(1)["CallDisposition"].(string); !strings.Contains(got, "urgent") {
		t.Errorf("call 1 ends with %s", got)
	}
}

// TestHashOfALostTurn: a job was handed over by a turn that did not commit. By the time
// its results are read other values are wanted; nobody knows which ones it wrote.
func TestHashOfALostTurn(t *testing.T) {
	b := manyCalls(t)
	b.rewriteAll(4000)
	b.turn()
	b.dies()
	b.sim.JobsEnd()
	id := b.task(1)["Id"].(string)
	b.set("Task", id, `"Subject":"what the lost turn wanted"`)
	b.later(bulkLook)
	b.turn()
	b.task(1, "Subject", missedByCurie)
}

// TestJobThatFails: what a job has not written when it fails or is aborted is written
// by collections; and where Salesforce goes on with it all the same, the Tasks are
// mended.
func TestJobThatFails(t *testing.T) {
	t.Run("by itself", func(t *testing.T) {
		b := manyCalls(t)
		b.sim.Fail(sfsim.Fault{Operation: "bulk_chunk", Skip: 1, Code: "InternalServerError"})
		b.rewriteAll(4000)
		b.turn()
		b.turn()
		b.sim.JobsEnd()
		b.later(bulkLook)
		b.turn()
		b.everyTask(missedByCurie)
		b.goesOn()
		b.everyTask(missedByCurie)
	})
	t.Run("by an administrator", func(t *testing.T) {
		b := manyCalls(t)
		gate := make(chan struct{})
		b.sim.Fail(sfsim.Fault{Operation: "bulk_chunk", Hold: gate, Times: 1})
		b.rewriteAll(4000)
		b.turn()
		b.turn()
		job := b.outcome(1, schemas.Waiting).Bulk.Job
		if err := b.sink.client.BulkAbort(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		b.later(bulkLook)
		for _, id := range []int64{1, many} { // of the last chunk, and of the first
			b.event(id, "call.commented", 4020, `"comments":[{"id":1,"content":"newer","posted_at":1780004020}]`)
		}
		b.turn()
		close(gate)
		b.sim.JobsEnd()
		b.goesOn()
		b.everyTask(missedByCurie)
		for _, id := range []int64{1, many} {
			if text := b.task(id)["Description"].(string); !strings.Contains(text, "newer") {
				t.Errorf("call %d ends as it was before: %s", id, text)
			}
		}
	})
	t.Run("and is forgotten", func(t *testing.T) {
		b := manyCalls(t)
		b.rewriteAll(4000)
		b.turn()
		b.turn()
		b.sim.JobsEnd()
		b.later(8 * 24 * time.Hour)
		b.turn()
		if o := b.outcome(1, schemas.Updated); o.Confirm == 0 {
			t.Error("nobody is going to look whether the job still writes")
		}
		b.goesOn()
		b.everyTask(missedByCurie)
	})
}

// TestOutageAroundAJob: where Salesforce does not answer, the turn is given up, and the
// calls come again.
func TestOutageAroundAJob(t *testing.T) {
	for _, operation := range []string{"bulk_create", "bulk_upload", "bulk_close", "bulk_info", "bulk_results"} {
		for _, after := range []bool{false, true} {
			b := manyCalls(t)
			b.rewriteAll(4000)
			b.sim.Fail(sfsim.Fault{Operation: operation, Cut: true, Times: 2 * requestTries, AfterCommit: after}) // net/http itself repeats some
			failures := 0
			for range 8 {
				if b.try() != nil {
					failures++
					b.repeats, b.since = len(b.pending), b.clock
				}
				b.sim.JobsEnd()
				b.later(bulkLook)
			}
			if failures == 0 && !(after && (operation == "bulk_close" || operation == "bulk_upload")) {
				t.Errorf("%s: no turn was given up", operation)
			}
			b.sim.Heal()
			b.goesOn()
			b.everyTask(missedByCurie)
		}
	}
}

// TestNoBulkHere: an edition without Bulk API.
func TestNoBulkHere(t *testing.T) {
	b := manyCalls(t)
	b.sim.Fail(sfsim.Fault{Operation: "bulk_create", Times: -1, Status: http.StatusBadRequest, Code: "FEATURENOTENABLED", Message: "Bulk API is not enabled"})
	b.rewriteAll(4000)
	b.turn()
	if got := b.everyTask(missedByCurie); got[schemas.Updated] != many {
		t.Errorf("outcomes: %v", got)
	}
}
