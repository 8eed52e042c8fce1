package sfsink

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// stoppedBy is the reason for which the next turn is given up.
func (b *bench) stoppedBy() string {
	b.Helper()
	err := b.try()
	var s *Stopped
	if !errors.As(err, &s) {
		b.Fatalf("the turn ended with %v, want *Stopped", err)
	}
	if !strings.Contains(s.Error(), s.Reason) {
		b.Errorf("the message hides the reason: %s", s.Error())
	}
	return s.Reason
}

func TestOneBadRowAmongMany(t *testing.T) {
	b := newBench(t, nil)
	for id := range int64(200) {
		b.missed(id+1, curieNumber)
	}
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"77"}, Code: "FIELD_CUSTOM_VALIDATION_EXCEPTION", Message: "Only on weekdays", Fields: []string{"Subject"}})
	b.turn()
	o := b.outcome(77, schemas.Rejected)
	if o.Error.Code != "FIELD_CUSTOM_VALIDATION_EXCEPTION" || o.Error.Message != "Only on weekdays" || o.Error.Fields[0] != "Subject" || o.Error.Fix == "" || o.Error.Class != "permanent" || o.NextAttempt != 0 {
		t.Errorf("outcome: %+v, %+v", o, o.Error)
	}
	if n := len(b.tasks()); n != 199 {
		t.Errorf("%d Tasks, want 199", n)
	}
	if n := b.sent("PATCH"); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestRejectedCallGetsANewChanceWhenItsTaskChanges(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, curieNumber, "ada")
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "STRING_TOO_LONG", Fields: []string{"Subject"}})
	b.turn()
	b.outcome(1, schemas.Rejected)
	b.sent("")
	b.event(1, "call.archived", 20, `"archived":true`)
	b.turn()
	if o := b.outcome(1, schemas.Rejected); o.Error == nil || o.Error.Code != "STRING_TOO_LONG" {
		t.Errorf("the reason is forgotten: %+v", o.Error)
	}
	if n := b.sent("PATCH"); n != 0 {
		t.Errorf("the same Task was sent again")
	}
	b.hungup(1)
	b.turn()
	if o := b.outcome(1, schemas.Created); o.Error != nil || o.Attempts != 0 || o.Refused != "" {
		t.Errorf("outcome: %+v", o)
	}
	// An operator may ask for another try, too.
	b.answered(2, curieNumber, "ada")
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"2"}, Code: "STRING_TOO_LONG"})
	b.turn()
	b.outcome(2, schemas.Rejected)
	b.event(2, "callfold.retry", 30, `"who":"ops","why":"field is longer now"`)
	b.turn()
	b.outcome(2, schemas.Created)
}

func TestLockedRowIsParked(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, curieNumber, "ada")
	b.missed(2, curieNumber)
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW", Times: 2})
	b.turn()
	first := b.outcome(1, schemas.Retrying)
	b.outcome(2, schemas.Created)
	if first.Attempts != 1 || first.Parked == nil || first.NextAttempt != b.clock.Add(2*time.Second).UnixMilli() || first.Error.Class != "contention" {
		t.Fatalf("outcome: %+v", first)
	}
	// A newer state takes its place and waits for the same moment.
	b.sent("")
	b.hungup(1)
	b.turn()
	second := b.outcome(1, schemas.Retrying)
	if second.NextAttempt != first.NextAttempt || second.Attempts != 1 || second.Parked.State.EndedAt.Value == 0 {
		t.Errorf("outcome: %+v", second)
	}
	if n := b.sent("PATCH"); n != 0 {
		t.Error("a parked call was written before its time")
	}
	b.later(3 * time.Second)
	b.turn()
	if third := b.outcome(1, schemas.Retrying); third.Attempts != 2 || third.NextAttempt != b.clock.Add(4*time.Second).UnixMilli() {
		t.Errorf("outcome: %+v", third)
	}
	b.later(5 * time.Second)
	b.turn()
	b.outcome(1, schemas.Created)
	b.task(1, "CallDurationInSeconds", float64(60))
}

func TestRetriesEnd(t *testing.T) {
	for _, code := range []string{"UNABLE_TO_LOCK_ROW", "SOMETHING_NEW"} {
		b := newBench(t, nil)
		b.missed(1, curieNumber)
		b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: code, Message: "no", Times: -1})
		for turns := 1; ; turns++ {
			b.turn()
			o := b.table.stored["1"]
			if o.Result == schemas.Rejected {
				if turns != rowAttempts || o.Error.Code != code || o.Error.Fix == "" {
					t.Errorf("%s: rejected after %d turns: %+v", code, turns, o.Error)
				}
				break
			}
			if turns > rowAttempts {
				t.Fatalf("%s: never rejected", code)
			}
			b.later(rowMaxDelay)
		}
	}
}

func TestRaceForOurKeyIsTriedAgain(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "DUPLICATE_VALUE", Message: "duplicate value found: Aircall_Call_Id__c duplicates value on record with id: 00T"})
	b.turn()
	b.outcome(1, schemas.Retrying)
	b.later(time.Minute)
	b.turn()
	b.outcome(1, schemas.Created)
}

func TestShortOutageIsWaitedFor(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Status: 503, RetryAfter: 3 * time.Second})
	b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Cut: true})
	b.turn()
	b.outcome(1, schemas.Created)
	if len(b.pauses) != 2 || b.pauses[0] != 3*time.Second || b.pauses[1] <= 0 {
		t.Errorf("pauses: %v", b.pauses)
	}
}

func TestWhatConcernsEverybodyStopsTheTurn(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  sfsim.Fault
		reason string
	}{
		"outage":           {sfsim.Fault{Operation: "collections_upsert", Status: 503, Times: requestTries}, "outage"},
		"no connection":    {sfsim.Fault{Operation: "collections_upsert", Cut: true, Times: requestTries}, "outage"},
		"lookup":           {sfsim.Fault{Operation: "composite", Status: 500, Times: requestTries}, "outage"},
		"daily limit":      {sfsim.Fault{Operation: "collections_upsert", Status: 403, Code: "REQUEST_LIMIT_EXCEEDED"}, "throttle"},
		"slow down":        {sfsim.Fault{Operation: "collections_upsert", Status: 429}, "throttle"},
		"session":          {sfsim.Fault{Operation: "collections_upsert", Status: 401, Code: "INVALID_SESSION_ID", Times: 2}, "sign_in"},
		"field of all":     {sfsim.Fault{Operation: "collections_upsert", Status: 400, Code: "INVALID_FIELD", Message: "No such column 'Type'"}, "config"},
		"unknown refusal":  {sfsim.Fault{Operation: "collections_upsert", Status: 400, Code: "SOMETHING_NEW"}, "config"},
		"storage, per row": {sfsim.Fault{ExternalIDs: []string{"1"}, Code: "STORAGE_LIMIT_EXCEEDED"}, "org"},
		"limit, per row":   {sfsim.Fault{ExternalIDs: []string{"1"}, Code: "REQUEST_LIMIT_EXCEEDED"}, "throttle"},
		"rights, per row":  {sfsim.Fault{ExternalIDs: []string{"1"}, Code: "INVALID_FIELD_FOR_INSERT_UPDATE", Fields: []string{"Subject"}}, "config"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.missed(1, curieNumber)
			b.missed(2, curieNumber)
			b.sim.Fail(tt.fault)
			if reason := b.stoppedBy(); reason != tt.reason {
				t.Errorf("stopped by %s, want %s", reason, tt.reason)
			}
			if len(b.table.stored) != 0 {
				t.Errorf("outcomes of a turn that was given up: %v", b.table.stored)
			}
			b.turn()
			b.task(1)
			b.task(2)
		})
	}
}

func TestLostAnswerMakesNoSecondTask(t *testing.T) {
	b := newBench(t, nil)
	for id := range int64(5) {
		b.answered(id+1, curieNumber, "ada")
	}
	b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", AfterCommit: true, Cut: true})
	b.turn()
	for id := range int64(5) {
		b.outcome(id+1, schemas.Updated)
		b.task(id+1, "TaskSubtype", "Call", "WhoId", curie)
	}
	// The same when the process dies between Salesforce's answer and the commit.
	b.table.stored = map[string]schemas.Outcome{}
	for id := range int64(5) {
		b.hungup(id + 1)
	}
	b.turn()
	for id := range int64(5) {
		b.task(id+1, "CallDurationInSeconds", float64(60))
	}
}

func TestSessionThatExpiresInMidBatch(t *testing.T) {
	b := newBench(t, nil)
	for id := range int64(450) {
		b.missed(id+1, fmt.Sprintf("+33 1 77 00 %02d %02d", id/100, id%100))
	}
	b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Skip: 1, Status: 401, Code: "INVALID_SESSION_ID"})
	b.turn()
	b.sim.Expire()
	b.hungup(1)
	b.turn()
	if n := len(b.tasks()); n != 450 {
		t.Errorf("%d Tasks, want 450", n)
	}
	if n := b.sent("PATCH /services/data/v64.0/composite/sobjects/Task"); n < 3 {
		t.Errorf("%d requests", n)
	}
}

func TestRequestsOf200(t *testing.T) {
	b := newBench(t, nil)
	for id := range int64(450) {
		b.missed(id+1, fmt.Sprintf("+33 1 77 00 %02d %02d", id/100, id%100))
	}
	b.turn()
	if n := b.sent("PATCH"); n != 3 {
		t.Errorf("%d requests for 450 rows, want 3", n)
	}
}

func TestHeavyRequestIsHalved(t *testing.T) {
	b := newBench(t, nil)
	for id := range int64(4) {
		b.missed(id+1, curieNumber)
	}
	// The whole, then the first half and its first row fail however often.
	b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Status: 500, Code: "UNKNOWN_EXCEPTION", Times: 3 * requestTries})
	b.turn()
	o := b.outcome(1, schemas.Retrying)
	if o.Error.Class != "heavy" {
		t.Errorf("class %s", o.Error.Class)
	}
	for id := range int64(3) {
		b.outcome(id+2, schemas.Created)
	}
}

// TestPoisonIsFoundAtOnce: a row that makes the request unreadable costs a few
// halves, each sent once, and nobody else waits for it.
func TestPoisonIsFoundAtOnce(t *testing.T) {
	b := newBench(t, nil)
	for id := range int64(4) {
		b.missed(id+1, curieNumber)
	}
	// The whole, its first half, and that half's first row.
	b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Status: 400, Code: "JSON_PARSER_ERROR", Times: 3})
	b.turn()
	if o := b.outcome(1, schemas.Retrying); o.Error.Class != "poison" {
		t.Errorf("class %s", o.Error.Class)
	}
	for id := range int64(3) {
		b.outcome(id+2, schemas.Created)
	}
	if n := b.sent("PATCH"); n != 5 {
		t.Errorf("%d requests, want 5: a request that cannot be read is not repeated", n)
	}
}

func TestDeletedTask(t *testing.T) {
	for _, policy := range []string{"leave", "recreate"} {
		t.Run(policy, func(t *testing.T) {
			b := newBench(t, func(o *Options) { o.Settings.Tasks.Deleted = policy })
			b.answered(1, curieNumber, "ada")
			b.turn()
			b.remove("Task", b.outcome(1, schemas.Created).TaskID)
			b.hungup(1)
			b.turn()
			if policy == "recreate" {
				b.outcome(1, schemas.Created)
				b.task(1, "CallDurationInSeconds", float64(60), "TaskSubtype", "Call", "WhoId", curie)
				return
			}
			b.outcome(1, schemas.Deleted)
			b.sent("")
			b.tagged(1, 100, "late")
			b.turn()
			b.outcome(1, schemas.Deleted)
			if n := len(b.tasks()) + b.sent("PATCH"); n != 0 {
				t.Error("a Task that was deleted came back")
			}
			b.event(1, "callfold.rewrite", 200, `"who":"ops","why":"deleted by mistake"`)
			b.turn()
			b.outcome(1, schemas.Created)
			b.task(1, "TaskSubtype", "Call", "WhoId", curie)
		})
	}
}

func TestMatchThatIsGone(t *testing.T) {
	other := `{"Contact":[{"Id":"003000000000002AAA","Name":"Other Curie","Phone":"0123456789","OwnerId":"005000000000003AAA","AccountId":null,"LastModifiedDate":"2025-01-01T00:00:00.000+0000"}]}`
	t.Run("another one is found", func(t *testing.T) {
		b := newBench(t, nil)
		b.load(other)
		b.missed(1, curieNumber)
		b.turn()
		b.task(1, "WhoId", curie)
		b.remove("Contact", curie) // the cache does not know
		b.missed(2, curieNumber)
		b.turn()
		b.outcome(2, schemas.Created)
		b.task(2, "WhoId", "003000000000002", "Subject", "Missed call from Other Curie on Paris")
	})
	t.Run("none is left", func(t *testing.T) {
		b := newBench(t, nil)
		b.missed(1, curieNumber)
		b.turn()
		b.remove("Contact", curie)
		b.missed(2, curieNumber)
		b.turn()
		b.outcome(2, schemas.Created)
		b.task(2, "WhoId", nil, "Subject", "Missed call from +33 1 23 45 67 89 on Paris")
	})
	t.Run("twice", func(t *testing.T) {
		b := newBench(t, nil)
		b.missed(1, curieNumber)
		b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "INVALID_CROSS_REFERENCE_KEY", Fields: []string{"WhoId"}, Times: 2})
		b.turn()
		o := b.outcome(1, schemas.Created)
		b.task(1, "WhoId", nil)
		if why := o.Reasons["WhoId"]; len(why.Considered) < 2 || !strings.Contains(why.Considered[0], "INVALID_CROSS_REFERENCE_KEY") {
			t.Errorf("the outcome does not say so: %+v", why)
		}
	})
	t.Run("of a logged call", func(t *testing.T) {
		b := newBench(t, nil)
		b.load(other)
		b.answered(1, curieNumber, "ada")
		b.turn()
		b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "ENTITY_IS_DELETED"})
		b.remove("Contact", curie)
		b.hungup(1)
		b.turn()
		b.outcome(1, schemas.Updated)
		b.task(1, "WhoId", "003000000000002", "CallDurationInSeconds", float64(60))
	})
}

func TestOwnerThatWasDeactivated(t *testing.T) {
	b := newBench(t, nil)
	b.missed(9, curieNumber)
	b.turn() // the directory is loaded
	b.set("User", bob, `"IsActive":false`)
	b.answered(1, curieNumber, "bob")
	b.turn()
	o := b.outcome(1, schemas.Created)
	b.task(1, "OwnerId", ada) // the Contact's owner
	if o.Owner.Rung != "record_owner" || !strings.Contains(strings.Join(o.Reasons["OwnerId"].Considered, "\n"), "INACTIVE_OWNER_OR_USER") {
		t.Errorf("owner: %+v, %+v", o.Owner, o.Reasons["OwnerId"])
	}
	b.set("User", ada, `"IsActive":false`)
	b.missed(2, curieNumber)
	b.turn()
	b.task(2, "OwnerId", integration)
}

func TestOwnerOfAWrongType(t *testing.T) {
	for _, code := range []string{"FIELD_INTEGRITY_EXCEPTION", "INVALID_CROSS_REFERENCE_KEY"} {
		b := newBench(t, nil)
		b.answered(1, curieNumber, "bob")
		b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: code, Fields: []string{"OwnerId"}})
		b.turn()
		b.task(1, "WhoId", curie, "OwnerId", ada)
	}
}

func TestNobodyCanOwnTheTask(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, curieNumber, "bob")
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "INACTIVE_OWNER_OR_USER", Times: 3})
	b.turn()
	o := b.outcome(1, schemas.Created)
	b.task(1, "WhoId", curie, "OwnerId", integration)
	if o.Owner != nil || !strings.Contains(o.Reasons["OwnerId"].Why, "nobody on the ladder") {
		t.Errorf("owner %+v, %+v", o.Owner, o.Reasons["OwnerId"])
	}
}

func TestSeveralTasksWithOneKey(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "DUPLICATE_EXTERNAL_ID", Times: -1})
	for range rowAttempts + 2 {
		b.turn()
		b.outcome(1, schemas.Retrying) // an admin must merge; the call is never given up
		b.later(2 * time.Hour)
	}
}
