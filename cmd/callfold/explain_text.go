package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callfold/callfold/internal/history"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

// explanation is the text of what the sink wants of a call.
type explanation struct {
	sheet
	call history.Call
	sfsink.Explanation
}

// printExplanation writes an explanation for a person at a terminal.
func printExplanation(w io.Writer, c history.Call, e sfsink.Explanation) error {
	t := &explanation{call: c, Explanation: e}
	t.heading(c)
	t.decision()
	t.b.WriteString("\n")
	t.outcome(c)
	t.decisions(c)
	t.task()
	if len(t.Fields) > 0 {
		t.match()
		t.owner()
		t.fields()
	}
	t.events(c.Events, c.Partial, false)
	return t.print(w)
}

func (t *explanation) decision() {
	d := t.Decision
	what := map[string]string{"log": "a Task", "wait": "nothing yet", "skip": "no Task"}[d.Action]
	t.fact("wanted", what+" ("+d.Rule+"): "+d.Why)
	if !d.Until.IsZero() {
		t.fact("until", clock(d.Until))
	}
}

// task says what Salesforce has of the call.
func (t *explanation) task() {
	t.title("in Salesforce now", "")
	if t.Unasked != "" {
		t.fact("not asked", t.Unasked)
		t.fact("", "Match and owner are those remembered with the call.")
	}
	for _, task := range t.Tasks {
		t.fact("Task", task.ID)
		switch {
		case task.Deleted:
			t.fact("", "deleted: it is in the recycle bin")
		case task.Archived:
			t.fact("", "archived by Salesforce")
		}
		t.fact("changed", commas(clock(task.LastModified), "by "+cmp.Or(task.LastModifiedBy, "somebody")))
	}
	switch {
	case len(t.Tasks) == 0 && t.Unasked == "" && t.call.Erased():
		t.fact("not asked", "the call is erased")
	case len(t.Tasks) == 0 && t.Unasked == "":
		t.fact("Task", "none")
	case len(t.Tasks) > 1:
		t.fact("note", "The call has more than one Task. The fields are compared to the one that is not deleted.")
	}
	differ := t.names(func(f sfsink.ExplainedField) bool {
		return f.State == sfsink.Edited || f.State == sfsink.Outdated || f.State == sfsink.Differing
	})
	if len(differ) > 0 {
		t.fact("differs", "Not as it is wanted: "+commas(differ...))
	} else if slices.ContainsFunc(t.Fields, func(f sfsink.ExplainedField) bool { return f.State == sfsink.AsWanted }) {
		t.fact("differs", "no: every field is as it is wanted")
	}
	if changed := t.names(func(f sfsink.ExplainedField) bool { return f.Written == "other" }); len(changed) > 0 {
		why := "the present settings, or this version, want something else than was written last of this state"
		if o := t.call.Outcome; o != nil && o.StateHash != t.call.StateHash {
			why = "the call has changed since it was written last"
		}
		t.fact("to write", commas(changed...)+": "+why)
	}
}

func (t *explanation) names(which func(sfsink.ExplainedField) bool) []string {
	var names []string
	for _, f := range t.Fields {
		if which(f) {
			names = append(names, f.Name)
		}
	}
	return names
}

// match says which record the call belongs to, and why.
func (t *explanation) match() {
	t.title("record", ", by the rules M")
	t.fact("number", cmp.Or(t.Number, t.call.State.External.Value, "withheld"))
	t.fact("", ruled(t.NumberWhy))
	m := t.Match
	if m == nil {
		t.fact("record", "none")
	} else {
		t.fact("record", commas(m.Object+" "+m.ID, m.Name))
		t.known("why", ruled(m.Reason))
		if m.Created {
			t.fact("", "It was created for this call (M6).")
		}
		if t.Remembered {
			t.fact("", "Remembered: a call stays with its record (M9).")
		}
		if t.Remembered || len(t.Candidates) == 0 { // else they come below, with more
			for _, other := range m.Reason.Considered {
				t.fact("not", other)
			}
		}
		if m.WhatID != "" && m.WhatID != m.ID {
			t.fact("what", m.WhatID)
		}
	}
	for i, c := range t.Candidates {
		name := ""
		if i == 0 {
			name = "today"
		}
		verdict := "taken, if the call was matched today"
		if c.WhyNot != "" {
			verdict = "not: " + c.WhyNot
		}
		t.fact(name, fmt.Sprintf("%s %s, %s, with the number in %s, modified %s: %s", c.Object, c.ID, c.Name, c.Field, clock(c.LastModified), verdict))
	}
}

// owner shows the ladder, and who it is.
func (t *explanation) owner() {
	t.title("owner", ", by the rules O")
	if o := t.Owner; o == nil {
		t.fact("owner", "left to Salesforce")
	} else {
		t.fact("owner", commas(o.ID, t.OwnerName, "from the rung "+o.Rung))
	}
	t.fact("why", ruled(t.OwnerWhy))
	for i, rung := range t.Ladder {
		name := ""
		if i == 0 {
			name = "today"
		}
		what := "no, " + rung.Note
		if rung.UserID != "" {
			what = commas(rung.User, rung.UserID) + ": " + rung.Note
		}
		t.fact(name, strconv.Itoa(i+1)+" "+rung.Name+": "+what)
	}
	if len(t.Ladder) == 0 {
		for _, other := range t.OwnerWhy.Considered {
			t.fact("not", other)
		}
	}
}

// marks stand before the fields.
var marks = map[sfsink.FieldState]string{
	sfsink.AsWanted: "= ", sfsink.LeftOut: "- ", sfsink.Unread: "  ",
	sfsink.Edited: "≠ ", sfsink.Outdated: "≠ ", sfsink.Differing: "≠ ",
}

func (t *explanation) fields() {
	t.title("fields", ". = Salesforce holds it, ≠ it holds something else, - left out by a rule")
	for _, f := range t.Fields {
		heading := f.Name + " (" + f.Reason.Rule + ")"
		if f.CreateOnly {
			heading += ", set at creation only"
		}
		t.wrap(marks[f.State], heading)
		if f.State != sfsink.LeftOut {
			t.value("wanted", f.Wanted)
		}
		switch f.State {
		case sfsink.Edited:
			t.value("holds", f.Held)
			t.indented("", "Somebody changed it in Salesforce since it was written.")
		case sfsink.Outdated:
			t.value("holds", f.Held)
			t.indented("", "That is what was written last.")
		case sfsink.Differing:
			t.value("holds", f.Held)
			t.indented("", "That is neither what is wanted nor what was written last.")
		}
		if f.Kept {
			t.indented("", "The last write kept it as somebody had changed it (tasks.preserve_edits).")
		}
		t.indented("why", f.Reason.Why)
		if len(f.Reason.Events) > 0 {
			var from []string
			for _, e := range f.Reason.Events {
				from = append(from, t.event(e))
			}
			t.indented("from", commas(from...))
		}
		if f.Logical == "who_id" || f.Logical == "what_id" || f.Logical == "owner_id" {
			continue // told above
		}
		for _, other := range f.Reason.Considered {
			t.indented("not", other)
		}
	}
}

func (t *explanation) indented(name, text string) { t.wrap(fmt.Sprintf("  %-8s", name), text) }

// value writes a value, a text with its lines.
func (t *explanation) value(name string, v any) {
	text := "empty"
	if v != nil {
		text = cmp.Or(fmt.Sprint(v), `""`)
	}
	for line := range strings.Lines(text) {
		t.indented(name, line)
		name = ""
	}
}

// event names an event of a reason, NAME@UNIXSECONDS, as the list of events does.
func (t *explanation) event(named string) string {
	name, at, _ := strings.Cut(named, "@")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return named
	}
	for i, e := range t.call.Events {
		if e.Name == name && e.Time.Unix() == seconds {
			return fmt.Sprintf("%s (%d)", name, i+1)
		}
	}
	return name + " of " + clock(time.Unix(seconds, 0))
}

// ruled is a reason with its rule.
func ruled(r schemas.Reason) string {
	if r.Rule == "" {
		return r.Why
	}
	return r.Rule + ": " + r.Why
}
