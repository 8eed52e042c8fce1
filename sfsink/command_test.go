package sfsink

import (
	"reflect"
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

// A rewrite that comes while the call is parked is carried out when its time has come,
// with all that a rewrite does: it makes a Task anew that somebody deleted. Before that
// nobody is told that it was.
func TestRewriteOfAParkedCall(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW"})
	b.tagged(1, 30, "Sale")
	b.turn()
	parked := b.outcome(1, schemas.Retrying)
	b.remove("Task", parked.TaskID)
	b.event(1, "callfold.rewrite", 4000, `"who":"ops","why":"gone"`)
	b.turn()
	if o := b.outcome(1, schemas.Retrying); o.NextAttempt != parked.NextAttempt || o.Obeyed != parked.Obeyed {
		t.Errorf("next attempt %d, want %d; obeyed %+v, want %+v", o.NextAttempt, parked.NextAttempt, o.Obeyed, parked.Obeyed)
	}
	b.later(time.Minute)
	b.turn()
	if o := b.outcome(1, schemas.Created); o.Obeyed.Rewrite.Time != t0+4000 {
		t.Errorf("the rewrite is not obeyed: %+v", o.Obeyed)
	}
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

// TestCommandIsObeyedOnce: the topic calls is read once more, from before the commands.
// Neither the states without them nor those with them have anything done again.
func TestCommandIsObeyedOnce(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.missed(2, curieNumber)
	b.turn()
	before := []schemas.CallRecord{b.states["1"], b.states["2"]}
	b.event(1, "callfold.rewrite", 4000, `"who":"ops","why":"spoilt"`)
	b.event(2, "callfold.rematch", 4000, `"who":"ops","why":"merged"`)
	b.turn()
	b.remove("Task", b.task(1)["Id"].(string))
	b.load(better)
	b.later(time.Hour)
	b.put("1", before[0])
	b.put("2", before[1])
	b.turn()
	b.put("1", b.states["1"])
	b.put("2", b.states["2"])
	b.turn()
	b.task(2, "WhoId", curie)
	if n := len(b.tasks()); n != 1 {
		t.Errorf("there are %d Tasks: the one that somebody deleted was made anew", n)
	}
	if o := b.table.stored["1"]; o.Obeyed.Rewrite.Time != t0+4000 {
		t.Errorf("what was obeyed is forgotten: %+v", o.Obeyed)
	}
}

// TestCommandWithoutACall: 'callfold verify --repair' took away the state of a call of
// which the log has no event any more, and then somebody sent a command. What is left is a
// state that knows the command alone: no Task is made of that, nor is one touched, until
// Aircall's events are there again.
func TestCommandWithoutACall(t *testing.T) {
	for name, before := range map[string]func(b *bench){
		"never met": func(*bench) {},
		"created": func(b *bench) {
			b.missed(1, curieNumber)
			b.turn()
		},
		"retrying": func(b *bench) {
			b.missed(1, curieNumber)
			b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW"})
			b.turn()
			b.outcome(1, schemas.Retrying)
		},
		"rejected": func(b *bench) {
			b.missed(1, curieNumber)
			b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "FIELD_CUSTOM_VALIDATION_EXCEPTION"})
			b.turn()
			b.outcome(1, schemas.Rejected)
		},
		"deleted": func(b *bench) {
			b.missed(1, curieNumber)
			b.turn()
			b.remove("Task", b.task(1)["Id"].(string))
			b.tagged(1, 30, "Sale")
			b.turn()
			b.outcome(1, schemas.Deleted)
		},
		"unconfirmed": func(b *bench) {
			b.missed(1, curieNumber)
			b.repeats = len(b.pending)
			b.turn()
			b.outcome(1, schemas.Created)
		},
	} {
		for _, command := range []string{"retry", "rewrite", "rematch"} {
			t.Run(name+", "+command, func(t *testing.T) {
				b := newBench(t, nil)
				before(b)
				was := b.sim.Records("Task")
				delete(b.states, "1")
				b.event(1, "callfold."+command, 4000, `"who":"ops","why":"too late"`)
				for range 3 {
					b.turn()
					b.later(time.Hour)
				}
				if o := b.outcome(1, schemas.Waiting); o.NextAttempt != 0 || o.Rule != "L2" {
					t.Errorf("outcome %+v", o)
				}
				if tasks := b.sim.Records("Task"); !reflect.DeepEqual(tasks, was) {
					t.Errorf("Tasks are %v, were %v", tasks, was)
				}
				b.missed(1, curieNumber) // 'callfold backfill' has fetched it
				b.turn()
				if name != "deleted" { // that one stays so
					b.task(1, "Subject", "Missed call from Marie Curie on Paris", "WhoId", curie)
				}
			})
		}
	}
}
