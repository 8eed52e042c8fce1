package sfsink

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/schemas"
)

// deviations are those of the calls as the table has them, in few words.
func (b *bench) deviations(ids ...int64) (out []string) {
	b.Helper()
	var outcomes []schemas.Outcome
	for _, id := range ids {
		outcomes = append(outcomes, b.table.stored[fmt.Sprint(id)])
	}
	found, err := b.sink.Deviations(b.Context(), outcomes)
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range found {
		out = append(out, fmt.Sprintf("%d: %d Tasks, %s, empty %v", d.CallID, len(d.TaskIDs), strings.Join(d.Fields, " "), d.Empty))
	}
	return out
}

func TestDeviations(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.Tasks.PreserveEdits = []string{"description"} })
	for id := range int64(8) {
		b.answered(id+1, curieNumber, "ada")
		b.event(id+1, "call.ended", 70, fmt.Sprintf(`"status":"done","started_at":%d,"answered_at":%d,"ended_at":%d,"recording":"https://media.example/%d?sig=%d"`, t0, t0+10, t0+70, id, id))
	}
	b.turn()
	if got := b.deviations(1, 2, 3, 4, 5, 6, 7, 8); got != nil {
		t.Errorf("just written, and already something else: %v", got)
	}
	id := func(call int64) string { return b.task(call)["Id"].(string) }
	b.set("Task", id(1), `"Subject":"Mine"`)
	b.set("Task", id(2), `"CallType":null`)
	b.set("Task", id(3), `"Subject":null,"CallType":"Outbound"`)
	b.set("Task", id(4), `"Description":"Mine"`) // is kept
	b.set("Task", id(5), `"TaskSubtype":"Task"`) // cannot be changed
	b.set("Task", id(6), `"Priority":"High"`)    // is not ours
	b.remove("Task", id(7))
	b.sent("")
	want := "[1: 1 Tasks, Subject, empty false 2: 1 Tasks, CallType, empty true 3: 1 Tasks, Subject CallType, empty false 7: 0 Tasks, , empty true]"
	if got := b.deviations(1, 2, 3, 4, 5, 6, 7, 8); fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if n := b.sent("/query"); n != 1 {
		t.Errorf("%d queries for eight calls", n)
	}
}

// TestDeviationOfACheckbox: one that is not set holds false, or nothing.
func TestDeviationOfACheckbox(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	task, o := b.task(1), b.outcome(1, schemas.Created)
	delete(task, "aircall__Has_connected__c")
	if d, ok := b.sink.deviation(&o, []salesforce.Record{task}); ok {
		t.Errorf("not set: %+v", d)
	}
	task["aircall__Has_connected__c"] = true
	if d, ok := b.sink.deviation(&o, []salesforce.Record{task}); !ok || len(d.Fields) != 1 {
		t.Errorf("set: %+v", d)
	}
}

// TestDeviationsLeaveOutWhatIsNotSettled: of a call that waits, was rejected, skipped,
// or is to be read back, it is not known what its Task should hold.
func TestDeviationsLeaveOutWhatIsNotSettled(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	o := b.outcome(1, schemas.Created)
	b.remove("Task", o.TaskID)
	for name, change := range map[string]func(o *schemas.Outcome){
		"none yet":      func(o *schemas.Outcome) { *o = schemas.Outcome{CallID: 1} },
		"rejected":      func(o *schemas.Outcome) { o.Result = schemas.Rejected },
		"retrying":      func(o *schemas.Outcome) { o.Result = schemas.Retrying },
		"skipped":       func(o *schemas.Outcome) { o.Result = schemas.Skipped },
		"erased":        func(o *schemas.Outcome) { o.Result = schemas.Erased },
		"to be read":    func(o *schemas.Outcome) { o.Confirm = 1 },
		"not known how": func(o *schemas.Outcome) { o.Written = nil },
	} {
		changed := o
		change(&changed)
		b.table.stored["1"] = changed
		if got := b.deviations(1); got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	o.Result = schemas.Deleted
	b.table.stored["1"] = o
	if got := b.deviations(1); fmt.Sprint(got) != "[1: 0 Tasks, , empty true]" {
		t.Errorf("found deleted: %v", got)
	}
	b.set("Task", o.TaskID, `"IsDeleted":false`)
	if got := b.deviations(1); got != nil {
		t.Errorf("restored: %v", got)
	}
}

// TestDeviationsWaitWhileRequestsAreShort leaves the org's last requests to others.
func TestDeviationsWaitWhileRequestsAreShort(t *testing.T) {
	b := newBench(t, func(o *Options) { o.APIReserve = 0.2 })
	b.missed(1, curieNumber)
	b.turn()
	b.sim.SetUsage(61_000) // less than twice the reserve is left
	b.missed(2, curieNumber)
	b.turn()
	b.later(time.Minute)
	if _, err := b.sink.Deviations(t.Context(), []schemas.Outcome{b.outcome(1, schemas.Created)}); !errors.Is(err, ErrShort) {
		t.Errorf("got %v", err)
	}
}
