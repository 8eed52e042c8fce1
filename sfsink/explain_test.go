package sfsink

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// explain explains a call by the rules of a sink, which must change nothing.
func (b *bench) explain(s *Sink, id int64) Explanation {
	b.Helper()
	key := strconv.FormatInt(id, 10)
	before := [][]map[string]any{b.sim.Records("Task"), b.sim.Records("Contact"), b.sim.Records("Lead"), b.sim.Records("Case")}
	e := s.Explain(b.Context(), b.states[key], b.table.stored[key])
	after := [][]map[string]any{b.sim.Records("Task"), b.sim.Records("Contact"), b.sim.Records("Lead"), b.sim.Records("Case")}
	if !reflect.DeepEqual(before, after) {
		b.Error("explaining changed the org")
	}
	return e
}

func (e *Explanation) field(t testing.TB, name string) ExplainedField {
	t.Helper()
	for _, f := range e.Fields {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no field %s is explained", name)
	return ExplainedField{}
}

func TestExplainATaskAsItIsWanted(t *testing.T) {
	b := newBench(t, nil)
	b.load(`{"Lead":[{"Id":"00Q000000000001AAA","LastName":"Curie","Company":"C","Phone":"+33123456789","OwnerId":"005000000000003AAA"}]}`)
	b.answered(1, curieNumber, "ada")
	b.turn()
	e := b.explain(b.sink, 1)
	if e.Unasked != "" || e.Decision.Action != "log" || e.Decision.Rule != "L2" {
		t.Errorf("decision %+v, unasked %q", e.Decision, e.Unasked)
	}
	if len(e.Tasks) != 1 || e.Tasks[0].ID != b.outcome(1, schemas.Created).TaskID || e.Tasks[0].Deleted || e.Tasks[0].LastModifiedBy == "" {
		t.Errorf("the Tasks are %+v", e.Tasks)
	}
	if e.Match == nil || !e.Remembered || e.Match.Name != "Marie Curie" || len(e.Candidates) != 2 ||
		e.Candidates[0].WhyNot != "" || e.Candidates[0].Field != "Phone" || e.Candidates[1].WhyNot != "Contact goes before Lead (M1)" {
		t.Errorf("match %+v of %+v", e.Match, e.Candidates)
	}
	if e.Owner == nil || e.OwnerWhy.Rule != "M9" || len(e.Ladder) != 1 || e.Ladder[0].Name != "agent" || e.Ladder[0].User != "Ada Agent" {
		t.Errorf("owner %+v, ladder %+v", e.Owner, e.Ladder)
	}
	if len(e.Fields) < 20 {
		t.Errorf("%d fields", len(e.Fields))
	}
	for _, f := range e.Fields {
		if f.State != LeftOut && (f.State != AsWanted || f.Written != "same") || f.Reason.Rule == "" {
			t.Errorf("%+v", f)
		}
	}
	if f := e.field(t, "Subject"); f.Wanted != "Inbound call from Marie Curie on Paris" || f.Held != f.Wanted || len(f.Reason.Events) == 0 {
		t.Errorf("%+v", f)
	}
}

func TestExplainWhatDiffers(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, curieNumber, "ada")
	b.turn()
	b.edit(1, `"Subject":"Mine","Status":"In Progress"`)
	other := b.newSink(func(o *Options) {
		o.Settings.Tasks.Status.Completed = "Deferred"
		o.Settings.Tasks.Disposition.Order = []string{"source"}
	})
	e := b.explain(other, 1)
	for name, want := range map[string]ExplainedField{
		"Subject":         {State: Edited, Written: "same", Held: "Mine"},
		"Status":          {State: Differing, Written: "other", Held: "In Progress"},
		"CallDisposition": {State: Outdated, Written: "other"},
		"CallType":        {State: AsWanted, Written: "same"},
	} {
		f := e.field(t, name)
		if f.State != want.State || f.Written != want.Written || want.Held != nil && f.Held != want.Held {
			t.Errorf("%+v, want %+v", f, want)
		}
	}

	b.remove("Task", b.task(1)["Id"].(string))
	e = b.explain(b.sink, 1)
	if len(e.Tasks) != 1 || !e.Tasks[0].Deleted || e.field(t, "Subject").State != Unread {
		t.Errorf("of a deleted Task: %+v", e.Tasks)
	}
}

// Before the first write, and where no record has the number.
func TestExplainBeforeTheSinkHasLooked(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.Match.Create = "lead"; o.Settings.Match.Related = "case" })
	b.answered(1, "+33 1 98 76 54 32", "stranger")
	e := b.explain(b.sink, 1)
	if e.Match != nil || e.Number != "+33198765432" || len(e.Candidates) != 0 || len(e.Ladder) != 0 || len(e.Tasks) != 0 {
		t.Errorf("%+v", e)
	}
	if f := e.field(t, "WhoId"); f.State != LeftOut || f.Reason.Rule != "M6" {
		t.Errorf("%+v", f)
	}
	b.load(`{"Case":[{"Id":"500000000000001AAA","ContactId":"003000000000001AAA","Status":"New"}]}`)
	b.answered(2, curieNumber, "stranger")
	e = b.explain(b.sink, 2)
	if e.Match == nil || e.Remembered || !strings.HasPrefix(e.Match.WhatID, "500000000000001") {
		t.Errorf("the match is %+v", e.Match)
	}
	if len(e.Ladder) != 2 || e.Ladder[0].UserID != "" || e.Ladder[1].Name != "record_owner" || e.OwnerWhy.Rule != "O2" {
		t.Errorf("the ladder is %+v", e.Ladder)
	}
	if f := e.field(t, "Subject"); f.State != Unread || f.Written != "never" {
		t.Errorf("%+v", f)
	}
	b.event(3, "call.created", 0, `"direction":"inbound"`)
	if e := b.explain(b.sink, 3); e.Decision.Action != "wait" || len(e.Fields) != 0 {
		t.Errorf("of a call that waits: %+v", e)
	}
}

func TestExplainWithoutSalesforce(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, curieNumber, "ada")
	b.turn()
	offline, err := New(Options{Settings: projector.DefaultSettings(), Now: b.now})
	if err != nil {
		t.Fatal(err)
	}
	e := b.explain(offline, 1)
	if e.Match == nil || e.Match.Name != "Marie Curie" || e.Owner == nil || e.OwnerWhy.Rule != "O1" || len(e.Fields) < 20 {
		t.Errorf("%+v", e)
	}
	for _, f := range e.Fields {
		if f.State != LeftOut && (f.State != Unread || f.Written != "same") {
			t.Errorf("%+v", f)
		}
	}
	b.sim.Hide("Task", "CallType")
	e = b.explain(b.newSink(nil), 1)
	if !strings.Contains(e.Unasked, "CallType (tasks.fields.call_type, rule F4)") || !strings.Contains(e.Unasked, "What to do: ") || e.Match == nil || len(e.Tasks) != 0 {
		t.Errorf("unasked %q", e.Unasked)
	}
}
