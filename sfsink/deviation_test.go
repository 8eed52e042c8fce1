package sfsink

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// known are calls as the table and the topic calls have them.
func (b *bench) known(ids ...int64) (calls []Known) {
	for _, id := range ids {
		key := fmt.Sprint(id)
		calls = append(calls, Known{Record: b.states[key], Outcome: b.table.stored[key]})
	}
	return calls
}

// deviations are those of the calls, in few words.
func (b *bench) deviations(ids ...int64) (out []string) {
	b.Helper()
	found, err := b.sink.Deviations(b.Context(), b.known(ids...))
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range found {
		what := strings.Join(d.Fields, " ")
		switch {
		case len(d.TaskIDs) > 1:
			what = "several"
		case len(d.TaskIDs) == 0 && d.Lost:
			what = "deleted"
		case len(d.TaskIDs) == 0:
			what = "missing"
		}
		out = append(out, fmt.Sprintf("%d: %s, empty %v", d.Record.State.ID, what, d.Empty))
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
	want := "[1: Subject, empty false 2: CallType, empty true 3: Subject CallType, empty false 7: deleted, empty true]"
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
	task, known := b.task(1), b.known(1)[0]
	delete(task, "aircall__Has_connected__c")
	if d, ok := b.sink.deviation(known, []salesforce.Record{task}, 0); ok {
		t.Errorf("not set: %+v", d)
	}
	task["aircall__Has_connected__c"] = true
	if d, ok := b.sink.deviation(known, []salesforce.Record{task}, 0); !ok || len(d.Fields) != 1 {
		t.Errorf("set: %+v", d)
	}
}

// TestDeviationsOfCallsWithoutATask has calls of which a Task is wanted, and of which none
// is, or nothing is known yet.
func TestDeviationsOfCallsWithoutATask(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	b.event(2, "call.created", 0, fmt.Sprintf(`"direction":"inbound","status":"initial","started_at":%d,"raw_digits":%q`, t0, curieNumber))
	written, task := b.outcome(1, schemas.Created), b.task(1)
	b.remove("Task", written.TaskID)
	for name, test := range map[string]struct {
		change func(k *Known)
		want   string
	}{
		"deleted":               {func(*Known) {}, "deleted"},
		"found deleted":         {func(k *Known) { k.Outcome.Result = schemas.Deleted }, "deleted"},
		"no outcome":            {func(k *Known) { k.Outcome = schemas.Outcome{} }, "deleted"}, // it is in the recycle bin
		"rejected later":        {func(k *Known) { k.Outcome.Result = schemas.Rejected }, "deleted"},
		"skipped once":          {func(k *Known) { k.Outcome.Result = schemas.Skipped }, "deleted"},
		"skipped by a rule":     {func(k *Known) { k.Record.State.Number.ID.Value = 8 }, ""},
		"erased":                {func(k *Known) { k.Record.State.Erased.At.Time = 9 }, ""},
		"not hung up yet":       {func(k *Known) { *k = b.known(2)[0] }, ""},
		"an older state":        {func(k *Known) { k.Outcome.StateHash = "another" }, ""},
		"to be tried again":     {func(k *Known) { k.Outcome.Result, k.Outcome.NextAttempt = schemas.Retrying, 9 }, ""},
		"to be read back":       {func(k *Known) { k.Outcome.Confirm = 1 }, ""},
		"nothing known of it":   {func(k *Known) { k.Outcome.Written = nil }, "deleted"},
		"no Task in the bin":    {func(k *Known) { k.Record.State.ID = 3 }, "deleted"}, // it had one
		"never had a Task":      {func(k *Known) { k.Record.State.ID, k.Outcome = 3, schemas.Outcome{} }, "missing"},
		"never had, rejected":   {func(k *Known) { k.Record.State.ID = 3; k.Outcome.Result, k.Outcome.TaskID = schemas.Rejected, "" }, "missing"},
		"never had, skipped":    {func(k *Known) { k.Record.State.ID = 3; k.Outcome.Result, k.Outcome.TaskID = schemas.Skipped, "" }, "missing"},
		"never had, is retried": {func(k *Known) { k.Record.State.ID = 3; k.Outcome.NextAttempt, k.Outcome.TaskID = 9, "" }, ""},
	} {
		settings := projector.DefaultSettings()
		settings.Tasks.Numbers = []int64{7}
		b.sink = b.newSink(func(o *Options) { o.Settings = settings })
		k := b.known(1)[0]
		if test.change(&k); k.Outcome.Result != "" && k.Outcome.StateHash != "another" {
			k.Outcome.StateHash = k.Record.State.Hash()
		}
		found, err := b.sink.Deviations(t.Context(), []Known{k})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, d := range found {
			got += map[bool]string{true: "deleted", false: "missing"}[d.Lost]
			if !d.Empty || len(d.TaskIDs)+len(d.Fields) > 0 {
				t.Errorf("%s: %+v", name, d)
			}
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	b.set("Task", written.TaskID, `"IsDeleted":false`)
	for _, result := range []schemas.Result{schemas.Created, schemas.Deleted, schemas.Rejected, schemas.Skipped} {
		o := written
		o.Result = result
		b.table.stored["1"] = o
		if got := b.deviations(1); got != nil {
			t.Errorf("restored, %s: %v", result, got)
		}
	}
	k := b.known(1)[0]
	k.Outcome.NextAttempt = 9
	if d, ok := b.sink.deviation(k, []salesforce.Record{task, task}, 0); !ok || len(d.TaskIDs) != 2 {
		t.Errorf("of a call that is parked since it has two Tasks: %v, %d Tasks", ok, len(d.TaskIDs))
	}
}

// TestKeys asks for external ids page after page.
func TestKeys(t *testing.T) {
	b := newBench(t, nil)
	var rows []string
	for id := range keysAPage + 3 {
		rows = append(rows, fmt.Sprintf(`{"Id":"00T%012d","Aircall_Call_Id__c":"%d"}`, id, 100_000+id))
	}
	rows = append(rows, `{"Id":"00T000000900001","Aircall_Call_Id__c":"05","IsDeleted":true}`, `{"Id":"00T000000900002","Subject":"not ours"}`, `{"Id":"00T000000900003","Aircall_Call_Id__c":"it's text"}`)
	b.load(`{"Task":[` + strings.Join(rows, ",") + `]}`)
	var all []string
	after, sizes := "", ""
	for more := true; more; {
		var keys []string
		var err error
		if keys, more, err = b.sink.Keys(t.Context(), after); err != nil {
			t.Fatal(err)
		}
		all, after, sizes = append(all, keys...), keys[len(keys)-1], fmt.Sprint(sizes, " ", len(keys))
	}
	if sizes != " 2000 4" || !slices.IsSorted(all) || all[0] != "100000" || all[len(all)-1] != "it's text" {
		t.Errorf("%s keys, from %s to %s", sizes, all[0], all[len(all)-1])
	}
	if keys, more, err := b.sink.Keys(t.Context(), after); err != nil || more || len(keys) > 0 {
		t.Errorf("behind the last: %v, %v, %v", keys, more, err)
	}
	if n := b.sent("/queryAll"); n != 3 {
		t.Errorf("%d requests for three pages", n)
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
	if _, err := b.sink.Deviations(t.Context(), b.known(1)); !errors.Is(err, ErrShort) {
		t.Errorf("got %v", err)
	}
	if _, _, err := b.sink.Keys(t.Context(), ""); !errors.Is(err, ErrShort) {
		t.Errorf("got %v", err)
	}
}
