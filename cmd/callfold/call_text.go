package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidwall/gjson"

	"github.com/callfold/callfold/internal/history"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// printCall writes a call's history for a person at a terminal.
func printCall(w io.Writer, c history.Call) error {
	var t sheet
	t.heading(c)
	t.state(c)
	events := c.Events
	if c.At > 0 {
		events = events[:c.At]
	} else {
		t.b.WriteString("\n")
		t.outcome(c)
		t.decisions(c)
	}
	t.events(events, c.Partial, true)
	return t.print(w)
}

// heading says which call it is.
func (t *sheet) heading(c history.Call) {
	heading := fmt.Sprintf("call %d", c.ID)
	if kind := projector.KindOf(&c.State); kind != "" {
		heading += ", " + strings.ReplaceAll(string(kind), "_", " ")
	}
	if c.At > 0 {
		heading += fmt.Sprintf(", after event %d of %d", c.At, len(c.Events))
	}
	t.wrap("", heading)
	t.b.WriteString("\n")
}

func (t *sheet) state(c history.Call) {
	s := &c.State
	t.known("direction", s.Direction.Value)
	t.known("status", s.Status.String())
	t.known("external", s.External.Value)
	t.known("number", commas(s.Number.Name.Value, s.Number.Digits.Value, s.Number.TimeZone.Value))
	t.known("started", unix(s.StartedAt))
	t.known("answered", unix(s.AnsweredAt))
	t.known("hung up", unix(s.EndedAt.Value))
	t.known("missed", s.MissedReason.Value)
	var agents []string
	for _, a := range s.Agents {
		agents = append(agents, cmp.Or(a.Name.Value, "user "+strconv.FormatInt(a.ID, 10)))
	}
	t.known("agents", commas(agents...))
	for _, transfer := range s.Transfers {
		what := "transfer"
		if transfer.Failed {
			what = "failed"
		}
		t.fact(what, cmp.Or(transfer.By.Name, "somebody")+" to "+cmp.Or(transfer.To.Name, "somebody"))
	}
	if to := s.ExternalTransfer.Value; to != "" {
		t.fact("transfer", "to "+to)
	}
	var tags []string
	for _, tag := range s.Tags.Value {
		tags = append(tags, tag.Name)
	}
	t.known("tags", commas(tags...))
	if n := len(s.Comments.Value); n > 0 {
		t.fact("notes", strconv.Itoa(n))
	}
	t.known("menu", commas(s.IVROptions.Value...))
	t.known("assigned", s.AssignedTo.Value.Name)
	if s.Archived.Value {
		t.fact("archived", "yes")
	}
	t.known("asset", s.Asset.Value)
	for _, command := range []struct {
		name string
		schemas.Latest[schemas.Command]
	}{{"rewrite", s.Rewrite}, {"rematch", s.Rematch}, {"retry", s.Retry}, {"erased", s.Erased}} {
		if command.Known() {
			t.fact(command.name, commas(unix(command.At.Time), cmp.Or(command.Value.Who, "somebody"), command.Value.Why))
		}
	}
	if c.At == 0 {
		t.fact("folded", fmt.Sprintf("%s, partition %d, offset %d", clock(c.FoldedAt), c.Partition, c.Offset))
	}
	t.fact("state", c.StateHash)
}

func (t *sheet) outcome(c history.Call) {
	o := c.Outcome
	if o == nil {
		t.fact("outcome", "none: the sink has not looked at this call yet")
		return
	}
	result := string(o.Result)
	if o.Rule != "" {
		result += " (" + o.Rule + ")"
	}
	if o.StateHash != c.StateHash {
		result += ", of an older state: the sink has not looked at this one yet"
	}
	t.fact("outcome", result)
	t.fact("decided", clock(time.UnixMilli(o.DecidedAt)))
	t.known("Task", o.TaskID)
	if o.Match != nil {
		t.fact("record", commas(o.Match.Object+" "+o.Match.ID, o.Match.Name))
		t.known("what", o.Match.WhatID)
	}
	if o.Owner != nil {
		t.fact("owner", commas(o.Owner.ID, strings.ReplaceAll(o.Owner.Rung, "_", " ")))
	}
	if e := o.Error; e != nil {
		t.fact("error", strings.TrimSuffix(e.Code+": "+e.Message, ": "))
		t.known("fields", commas(e.Fields...))
		t.known("fix", e.Fix)
	}
	if o.Attempts > 0 {
		t.fact("attempts", strconv.Itoa(o.Attempts))
	}
	if o.NextAttempt > 0 {
		t.fact("next", clock(time.UnixMilli(o.NextAttempt)))
	}
}

// decisions are the outcomes of the call, where there is more than the newest.
func (t *sheet) decisions(c history.Call) {
	if len(c.Decisions) == 0 {
		return
	}
	t.title("outcomes", ", oldest first; the topic is compacted, so older ones may be gone")
	for i := 0; i < len(c.Decisions); {
		d, more := c.Decisions[i], 1 // as many that are alike
		for i+more < len(c.Decisions) && alike(c.Decisions[i+more], d) {
			more++
		}
		i += more
		what := string(d.Result)
		if d.Rule != "" {
			what += " (" + d.Rule + ")"
		}
		if d.Attempts > 0 {
			what += ", attempt " + strconv.Itoa(d.Attempts)
		}
		what = commas(what, d.Code)
		if more > 1 {
			what += fmt.Sprintf(", %d times until %s", more, clock(c.Decisions[i-1].DecidedAt))
		}
		t.wrap(clock(d.DecidedAt)+"  ", what)
	}
}

// alike says whether two decisions look the same but for their times.
func alike(a, b history.Decision) bool {
	return a.Result == b.Result && a.Rule == b.Rule && a.Code == b.Code && a.Attempts == b.Attempts
}

// events are the events of the call, with what each changed if wanted.
func (t *sheet) events(events []history.Event, partial, changes bool) {
	about := ", in their own order; times are UTC"
	if partial {
		about += ". Older ones are no longer known, or gone from the log: what each changed is told as far as it is known"
	}
	t.title("events", about)
	for i, e := range events {
		what := e.What
		switch {
		case e.Gone:
			what = "no longer in the log"
		case e.Source == schemas.Backfill:
			what = commas(what, "by backfill")
		}
		t.wrap(fmt.Sprintf("%2d  %s  ", i+1, clock(e.Time)), fmt.Sprintf("%s, offset %d", e.Name, e.Offset))
		if what != "" {
			t.wrap("    ", what)
		}
		if !changes {
			continue
		}
		var changed []string
		for _, change := range e.Changed {
			changed = append(changed, changeText(change))
		}
		if len(changed) > 0 {
			t.wrap("      ", strings.Join(changed, "; "))
		}
	}
}

// changeText is a change of a field on one line.
func changeText(c history.Change) string {
	before, after := valueText(c.Field, c.Before), valueText(c.Field, c.After)
	switch {
	case c.Before == nil:
		return c.Field + ": " + after
	case before == after: // what is not shown is another
		return c.Field + ": " + after + ", new"
	}
	return c.Field + ": " + before + " → " + after
}

// valueText is the value of a field of the state. Notes' texts and signed links are
// left out.
func valueText(field string, v jsontext.Value) string {
	value := gjson.ParseBytes(v)
	switch {
	case v == nil:
		return "nothing"
	case field == "comments":
		return strconv.Itoa(len(value.Array()))
	case field == "recording" || field == "voicemail":
		return "a signed link"
	case strings.HasSuffix(field, "_at") || field == "ended_event":
		return unix(value.Int())
	case value.IsArray():
		var elements []string
		for _, e := range value.Array() {
			elements = append(elements, elementText(e))
		}
		return cmp.Or(commas(elements...), "none")
	}
	return cmp.Or(value.String(), `""`)
}

// elementText is an agent, a tag, a transfer or a text of a list.
func elementText(e gjson.Result) string {
	if !e.IsObject() {
		return e.String()
	}
	if by, to := e.Get("by.name").Str, e.Get("to.name").Str; e.Get("by").IsObject() || e.Get("to").IsObject() {
		text := cmp.Or(by, "somebody") + " to " + cmp.Or(to, "somebody")
		if e.Get("failed").Bool() {
			text += " (failed)"
		}
		return text
	}
	return cmp.Or(e.Get("name").Str, "user "+e.Get("id").Raw)
}

// unix is a time in UNIX seconds; 0 is unknown.
func unix(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return clock(time.Unix(seconds, 0))
}

func clock(t time.Time) string { return t.UTC().Format(time.DateTime) }

// commas joins what is not empty.
func commas(parts ...string) string {
	var known []string
	for _, p := range parts {
		if p != "" {
			known = append(known, p)
		}
	}
	return strings.Join(known, ", ")
}
