package sfsink

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

func (b *bench) rewrite(id int64, after int) {
	b.event(id, "callfold.rewrite", after, `"who":"ops","why":"spoilt"`)
}

// spoil changes the subject of a call's Task, as a person would.
func (b *bench) spoil(id int64) {
	b.Helper()
	b.set("Task", b.task(id)["Id"].(string), `"Subject":"Mine"`)
}

func TestLiveCallsGoBeforeRewrites(t *testing.T) {
	b := newBench(t, func(o *Options) { o.InFlight = 1 })
	for id := range int64(300) {
		b.answered(id+1, fmt.Sprintf("+33 1 77 00 0%d %02d", id/100, id%100), "ada")
	}
	b.turn()
	for id := range int64(150) {
		b.rewrite(id+1, 4000)
	}
	for id := range int64(150) {
		b.hungup(id + 151)
	}
	b.sink.width.lost() // so that it takes two requests
	b.sim.Fail(sfsim.Fault{Operation: "collections_update", Skip: 1, Status: http.StatusBadRequest, Code: "INVALID_FIELD"})
	b.spoil(1)
	b.stoppedBy()
	for id := range int64(150) {
		b.task(id+151, "CallDurationInSeconds", float64(60))
	}
	b.task(1, "Subject", "Mine")
}

func TestRewritesWaitWhenRequestsAreShort(t *testing.T) {
	b := newBench(t, func(o *Options) { o.APIReserve = 0.2 })
	for id := range int64(4) {
		b.answered(id+1, curieNumber, "ada")
	}
	b.turn()
	b.sim.SetUsage(61_000) // less than twice the reserve is left
	b.answered(9, curieNumber, "ada")
	b.turn() // learns of it
	for id := range int64(3) {
		b.spoil(id + 1)
		b.rewrite(id+1, 4000)
	}
	b.hungup(3) // something new of a call that is to be rewritten
	b.hungup(4)
	b.turn()
	for id := range int64(2) {
		o := b.outcome(id+1, schemas.Waiting)
		if o.Rule != "salesforce.api_reserve" || o.Parked == nil || o.TaskID == "" || len(o.Written) == 0 {
			t.Errorf("call %d: %+v", id+1, o)
		}
		b.task(id+1, "Subject", "Mine")
	}
	b.outcome(3, schemas.Updated)
	b.task(3, "Subject", "Inbound call from Marie Curie on Paris", "CallDurationInSeconds", float64(60))
	b.task(4, "CallDurationInSeconds", float64(60))

	// What is new of a call that waits goes at once, and the rewrite with it.
	b.hungup(2)
	b.turn()
	b.outcome(2, schemas.Updated)
	b.task(2, "Subject", "Inbound call from Marie Curie on Paris", "CallDurationInSeconds", float64(60))

	b.later(time.Hour) // requests are still short
	b.turn()
	b.outcome(1, schemas.Waiting)
	b.sim.SetUsage(0)
	b.later(time.Hour)
	b.turn()
	b.outcome(1, schemas.Updated)
	b.task(1, "Subject", "Inbound call from Marie Curie on Paris")
}

// A Task that somebody deleted is made anew by a rewrite, which waits as any other, for
// as long as requests are short.
func TestRewritesOfDeletedTasksWait(t *testing.T) {
	b := newBench(t, func(o *Options) { o.APIReserve = 0.2 })
	b.answered(1, curieNumber, "ada")
	b.turn()
	b.sim.SetUsage(61_000)
	b.answered(9, curieNumber, "ada")
	b.turn() // learns of it
	b.remove("Task", b.task(1)["Id"].(string))
	b.tagged(1, 30, "Sale")
	b.turn()
	b.outcome(1, schemas.Deleted)
	b.rewrite(1, 4000)
	for range 3 {
		b.turn()
		b.outcome(1, schemas.Waiting)
		b.later(time.Hour)
	}
	b.sim.SetUsage(0)
	b.later(time.Hour)
	b.turn()
	b.outcome(1, schemas.Created)
	b.task(1)
}
