package sfsink

import (
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// better is a Contact that would be matched instead of Curie.
const better = `{"Contact":[{"Id":"003000000000002AAA","Name":"Better Curie","Phone":"0123456789","OwnerId":"005000000000003AAA","AccountId":null,"LastModifiedDate":"2026-05-01T00:00:00.000+0000"}]}`

func TestRematchFindsAnotherRecord(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	b.load(better)
	b.later(time.Minute) // the cache still believes in Curie
	b.tagged(1, 30, "Sale")
	b.turn()
	b.task(1, "WhoId", curie, "OwnerId", ada)
	b.event(1, "callfold.rematch", 4000, `"who":"ops","why":"merged"`)
	b.turn()
	b.task(1, "WhoId", "003000000000002", "OwnerId", bob, "Subject", "Missed call from Better Curie on Paris")
}

func TestRewriteUndoesWhatPeopleChanged(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	id := b.task(1)["Id"].(string)
	b.set("Task", id, `"Subject":"Mine"`)
	b.event(1, "callfold.rewrite", 4000, `"who":"ops","why":"spoilt"`)
	b.turn()
	b.task(1, "Subject", "Missed call from Marie Curie on Paris")
	// Once: what people change later stays.
	b.set("Task", id, `"Subject":"Mine again"`)
	b.tagged(1, 4001, "Sale")
	b.turn()
	b.task(1, "Subject", "Mine again")
}

// A command whose write Salesforce refuses for the moment is carried out when
// the write succeeds.
func TestCommandOutlivesARefusal(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.missed(2, curieNumber)
	b.turn()
	b.load(better)
	b.set("Task", b.task(1)["Id"].(string), `"Subject":"Mine"`)
	b.later(time.Hour)
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1", "2"}, Code: "UNABLE_TO_LOCK_ROW", Times: 2})
	b.event(1, "callfold.rewrite", 4000, `"who":"ops","why":"spoilt"`)
	b.event(2, "callfold.rematch", 4000, `"who":"ops","why":"merged"`)
	b.turn()
	b.outcome(1, schemas.Retrying)
	b.outcome(2, schemas.Retrying)
	b.later(time.Minute)
	b.turn()
	b.task(1, "Subject", "Missed call from Marie Curie on Paris")
	b.task(2, "WhoId", "003000000000002")
}

// The same when the command comes while the call is parked.
func TestCommandToAParkedCall(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	b.set("Task", b.task(1)["Id"].(string), `"Subject":"Mine"`)
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW"})
	b.tagged(1, 30, "Sale")
	b.turn()
	b.outcome(1, schemas.Retrying)
	b.event(1, "callfold.rewrite", 4000, `"who":"ops","why":"spoilt"`)
	b.turn()
	b.outcome(1, schemas.Retrying)
	b.later(time.Minute)
	b.turn()
	b.task(1, "Subject", "Missed call from Marie Curie on Paris")
}

// A sink that lags looks at an older state after the command was given, and at
// the command only together with later events.
func TestCommandIsSeenThroughALag(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	b.set("Task", b.task(1)["Id"].(string), `"Subject":"Mine"`)
	b.later(2 * time.Hour)
	b.tagged(1, 30, "Sale")
	b.turn()
	b.event(1, "callfold.rewrite", 4000, `"who":"ops","why":"spoilt"`)
	b.tagged(1, 4010, "Sale", "Done")
	b.turn()
	b.task(1, "Subject", "Missed call from Marie Curie on Paris")
}
