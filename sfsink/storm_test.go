package sfsink

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// fullSize makes the tests here as large as the product promises to be tested; they
// take minutes then.
var fullSize = os.Getenv("CALLFOLD_TEST_FULL") != ""

// TestStorm: a thousand calls (ten thousand with CALLFOLD_TEST_FULL) while every kind
// of trouble that passes meets one in twenty requests and rows. In the end each call
// has one outcome and one Task, the one that it has in an org without trouble, each
// unknown number has one Lead, and each Contact one open Case.
func TestStorm(t *testing.T) {
	calls, numbers := int64(1000), int64(250)
	if fullSize {
		calls, numbers = 10_000, 2500
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed) // of the faults; which request meets which also depends on who is first
	contacts := numbers / 2 // of the numbers; the others are unknown
	create := func(o *Options) {
		createLeads(o)
		o.Settings.Match.Related, o.Settings.Match.CreateCase = "case", true
	}
	storm, calm := newBenchOn(t, sfsim.Options{Seed: seed}, create), newBenchOn(t, sfsim.Options{}, create)
	storm.sim.Fail(sfsim.EveryFault(0.05)...)
	storm.sim.Fail(sfsim.Fault{Operation: "token", Status: http.StatusServiceUnavailable, Share: 0.05})
	for _, b := range []*bench{storm, calm} {
		b.load(contactsOf(contacts))
		for id := range calls {
			b.missed(id+1, fmt.Sprintf("+336%08d", 10_000_000+id%numbers))
			b.event(id+1, "call.tagged", 30, fmt.Sprintf(`"tags":[{"id":1,"name":"t%d","tagged_at":%d}]`, id%7, t0+30))
			if id%200 == 199 {
				b.settle()
			}
		}
		b.sim.Heal()
		for range 2 {
			b.later(time.Hour)
			b.settle()
		}
	}
	sameTasks(t, storm, calm, calls)
	leads, cases := map[any]int{}, map[any]int{}
	for _, r := range storm.sim.Records("Lead") {
		leads[r["Phone"]]++
	}
	for _, r := range storm.sim.Records("Case") {
		cases[r["ContactId"]]++
	}
	if n := len(storm.sim.Records("Lead")); int64(len(leads)) != numbers-contacts || n != len(leads) {
		t.Errorf("%d Leads of %d numbers, want %d", n, len(leads), numbers-contacts)
	}
	if n := len(storm.sim.Records("Case")); int64(len(cases)) != contacts || n != len(cases) {
		t.Errorf("%d Cases of %d Contacts, want %d", n, len(cases), contacts)
	}
	if n := len(storm.table.stored); int64(n) != calls || len(storm.table.rejected) > 0 {
		t.Errorf("%d calls have an outcome, want %d; rejected records: %v", n, calls, storm.table.rejected)
	}
}

// contactsOf are Contacts of the first numbers, as an org file.
func contactsOf(n int64) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"Id":"0030000000%05dAAA","Name":"Contact %d","Phone":"+336%08d","OwnerId":"005000000000002AAA","LastModifiedDate":"2026-01-01T00:00:00.000+0000"}`, 10_000+i, i, 10_000_000+i))
	}
	return `{"Contact":[` + strings.Join(list, ",") + `]}`
}

// sameTasks compares the Tasks of the calls 1 to n in two orgs, but for what is
// different in each.
func sameTasks(t *testing.T, storm, calm *bench, n int64) {
	t.Helper()
	got, want := storm.tasksByCall(), calm.tasksByCall()
	for id := range n {
		key := fmt.Sprint(id + 1)
		if len(got[key]) != 1 || len(want[key]) != 1 {
			t.Fatalf("call %s has %d Tasks, and %d without trouble", key, len(got[key]), len(want[key]))
		}
		g, w := got[key][0], want[key][0]
		for _, field := range []string{"Subject", "CallDisposition", "Description", "CallType", "Status", "ActivityDate", "OwnerId", "TaskSubtype"} {
			if g[field] != w[field] {
				t.Errorf("call %s: %s is %v, want %v", key, field, g[field], w[field])
			}
		}
		if (g["WhoId"] == nil) != (w["WhoId"] == nil) || (g["WhatId"] == nil) != (w["WhatId"] == nil) {
			t.Errorf("call %s is on %v and %v, without trouble on %v and %v", key, g["WhoId"], g["WhatId"], w["WhoId"], w["WhatId"])
		}
		if o := storm.table.stored[key]; o.Result == schemas.Rejected || o.Result == schemas.Retrying || o.Confirm != 0 || o.Parked != nil {
			t.Errorf("call %s is not at rest: %s, %+v", key, o.Result, o.Error)
		}
	}
}

func createLeads(o *Options) { o.Settings.Match.Create = "lead" }

// tasksByCall are the Tasks that are not deleted.
func (b *bench) tasksByCall() map[any][]salesforce.Record {
	tasks := map[any][]salesforce.Record{}
	for _, r := range b.tasks() {
		key := r["Aircall_Call_Id__c"]
		tasks[key] = append(tasks[key], r)
	}
	return tasks
}

// settle gives the sink what is new and due until a turn commits. A turn that makes many
// Leads and Cases ends at the first trouble again and again, and the next one goes on
// from what there is: in so many turns some are to be made.
func (b *bench) settle() {
	b.Helper()
	made := func() int { return len(b.sim.Records("Lead")) + len(b.sim.Records("Case")) + len(b.tasks()) }
	for before := -1; before != made(); {
		before = made()
		for range 200 {
			if b.try() == nil {
				return
			}
			b.repeats = len(b.pending)
			b.later(20 * time.Second)
		}
	}
	b.Fatal("no turn commits, and none makes a record")
}
