package sfsink

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// TestStormOfJobs: many rewrites by bulk jobs, while calls change, are erased and turn into
// such that are not logged, people delete Tasks and restore them, processes die, jobs are
// aborted, the topic calls is read once more, and every kind of trouble that passes meets one in fifty requests and rows. In
// the end each call has one outcome and one Task, the one that is wanted.
func TestStormOfJobs(t *testing.T) {
	storms := 2
	if fullSize {
		storms = 30
	}
	for i := range uint64(storms) {
		seed := rand.Uint64()&^3 | i*3%4 // of each kind some, see stormOfJobs
		// The seed is of what is done; which request meets which fault also depends on who is
		// first.
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { stormOfJobs(t, seed) })
	}
}

func stormOfJobs(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	options := func(o *Options) {
		o.BulkAbove, o.Settings.Tasks.Log.Voicemail = 200, "nothing"
		o.Settings.Tasks.Erased = []string{"scrub", "delete"}[seed%2]
	}
	// In trouble nearly every call is read back, which mends what went wrong unseen.
	trouble := seed/2%2 == 0
	b := newBenchOn(t, sfsim.Options{Seed: seed}, options)
	b.everyCall(func(id int64) { b.missed(id, curieNumber) })
	b.turn()
	if trouble {
		b.sim.Fail(sfsim.EveryFault(0.02)...)
	}
	gate := make(chan struct{})
	open := func() { close(gate); gate = make(chan struct{}) }
	anyCall := func() int64 { return 1 + random.Int64N(many) }
	after := 4000
	var logs []map[string]schemas.CallRecord // what the topic calls had at some times
	for range 30 {
		after++
		logs = append(logs, maps.Clone(b.states))
		switch random.IntN(10) {
		case 0, 1, 2:
			b.everyCall(func(id int64) {
				if random.IntN(10) > 0 {
					b.rewrite(id, after)
				}
			})
		case 3:
			for range 20 {
				b.tagged(anyCall(), after, fmt.Sprint("t", after))
			}
		case 4:
			for range 8 {
				b.erase(anyCall(), after)
				b.voicemail(anyCall())
			}
		case 5:
			for _, r := range b.tasks() {
				if random.IntN(4) == 0 {
					b.remove("Task", r["Id"].(string))
				}
			}
		case 6:
			for _, r := range b.sim.Records("Task") {
				key := fmt.Sprint(r["Aircall_Call_Id__c"])
				if r["IsDeleted"] == true && random.IntN(4) == 0 && len(b.tasksByCall()[key]) == 0 && !b.states[key].State.Erased.Known() {
					b.set("Task", r["Id"].(string), `"IsDeleted":false`)
				}
			}
		case 7:
			b.sim.Fail(sfsim.Fault{Operation: "bulk_chunk", Hold: gate, Times: 1})
		case 8:
			for _, o := range b.table.stored {
				if o.Bulk != nil {
					_ = b.sink.client.BulkAbort(t.Context(), o.Bulk.Job) // it may have ended
					break
				}
			}
		case 9:
			b.readAgain(logs[random.IntN(len(logs))])
		}
		for range 1 + random.IntN(3) {
			if trouble && random.IntN(4) == 0 {
				b.diesWith(options)
			}
			b.settle()
			if random.IntN(3) == 0 {
				open()
				b.sim.JobsEnd()
			}
			b.later([]time.Duration{time.Second, bulkLook, bulkNextLook, time.Minute, confirmAfter}[random.IntN(5)])
		}
	}
	b.sim.Heal()
	open()
	b.sim.JobsEnd()
	rest := func() {
		for range 6 {
			b.later(time.Hour)
			b.settle()
			b.sim.JobsEnd()
		}
	}
	rest()
	b.everyCall(func(id int64) { b.tagged(id, after+1, "last") }) // what is remembered of each Task is looked at
	rest()

	tasks := b.tasksByCall()
	b.everyCall(func(id int64) {
		key := fmt.Sprint(id)
		o, of := b.table.stored[key], tasks[key]
		// What a turn that did not commit has written of a call that is not logged any more,
		// nobody knows: it is read back with the next write, if there is one.
		if o.Confirm != 0 && o.Result != schemas.Skipped || o.NextAttempt != 0 || o.Parked != nil || o.Bulk != nil {
			t.Errorf("call %d is not at rest: %s confirm %d next %d parked %v unc %v bulk %v", id, o.Result, o.Confirm, o.NextAttempt, o.Parked != nil, o.Unconfirmed != nil, o.Bulk)
		}
		if o.Result == schemas.Erased {
			b.erased(id)
			b.tells(of, false)
			if len(of) > 1 {
				t.Errorf("call %d has %d Tasks", id, len(of))
			}
			return
		}
		switch p := b.previewed(nil, false, id)[0]; {
		case o.Result == schemas.Deleted && len(of) == 0, o.Result == schemas.Skipped && len(of) < 2:
		case len(of) != 1:
			t.Errorf("call %d has %d Tasks, outcome %s", id, len(of), o.Result)
		case o.Result != schemas.Created && o.Result != schemas.Updated && o.Result != schemas.Unchanged:
			t.Errorf("call %d ends as %s: %+v", id, o.Result, o.Error)
		case p.Decision.Action != projector.Log || len(differing(p, of[0])) > 0:
			t.Errorf("call %d (%s): its Task differs in %v", id, o.Result, differing(p, of[0]))
		}
	})
}

// readAgain has the topic calls read once more, from where it had these states. Of what
// was erased nothing comes back by that.
func (b *bench) readAgain(from map[string]schemas.CallRecord) {
	b.Helper()
	b.settle()
	erased := map[int64]bool{}
	b.everyCall(func(id int64) { erased[id] = b.table.stored[fmt.Sprint(id)].Result == schemas.Erased })
	b.everyCall(func(id int64) { b.put(fmt.Sprint(id), from[fmt.Sprint(id)]) })
	b.settle()
	tasks := b.tasksByCall()
	for id, was := range erased {
		if was {
			b.tells(tasks[fmt.Sprint(id)], false)
		}
	}
	b.everyCall(func(id int64) { b.put(fmt.Sprint(id), b.states[fmt.Sprint(id)]) })
}

// diesWith is dies, with these options of the next process.
func (b *bench) diesWith(options func(*Options)) {
	b.Helper()
	before := maps.Clone(b.table.stored)
	pending := b.pending
	_ = b.try() // what the turn itself says of it is no matter
	b.table.stored, b.pending = before, pending
	b.repeats, b.since = len(pending), b.clock
	b.sink = b.newSink(options)
}
