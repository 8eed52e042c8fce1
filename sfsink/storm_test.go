package sfsink

import (
	"fmt"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// TestStorm: a thousand calls while every kind of trouble that passes meets one in
// twenty requests and rows. In the end each call has one Task, the one that it has in
// an org without trouble, and each unknown number has one Lead.
func TestStorm(t *testing.T) {
	const calls, numbers = 1000, 250
	storm, calm := newBench(t, createLeads), newBench(t, createLeads)
	for _, f := range sfsim.EveryFault(0.05) {
		storm.sim.Fail(f)
	}
	for _, b := range []*bench{storm, calm} {
		for id := range int64(calls) {
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
	got, want := storm.tasksByCall(), calm.tasksByCall()
	for id := range int64(calls) {
		key := fmt.Sprint(id + 1)
		if len(got[key]) != 1 || len(want[key]) != 1 {
			t.Fatalf("call %s has %d Tasks, and %d without trouble", key, len(got[key]), len(want[key]))
		}
		for _, field := range []string{"Subject", "CallDisposition", "Description", "CallType", "Status", "ActivityDate", "OwnerId"} {
			if g, w := got[key][0][field], want[key][0][field]; g != w {
				t.Errorf("call %s: %s is %v, want %v", key, field, g, w)
			}
		}
		if o := storm.table.stored[key]; o.Result == schemas.Rejected || o.Confirm != 0 || o.Parked != nil {
			t.Errorf("call %s is not at rest: %s, %+v", key, o.Result, o.Error)
		}
	}
	leads := map[any]int{}
	for _, r := range storm.sim.Records("Lead") {
		leads[r["Phone"]]++
	}
	if len(leads) != numbers || len(storm.sim.Records("Lead")) != numbers {
		t.Errorf("%d Leads of %d numbers, want %d", len(storm.sim.Records("Lead")), len(leads), numbers)
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

// settle gives the sink what is new and due until a turn commits.
func (b *bench) settle() {
	b.Helper()
	for range 500 {
		err := b.try()
		if err == nil {
			return
		}
		b.repeats = len(b.pending)
		b.later(20 * time.Second)
	}
	b.Fatal("no turn commits")
}
