package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callfold/callfold/internal/history"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// lineWidth is how wide the lines of a call's text are at most, in characters.
const lineWidth = 100

// printCall writes a call's history for a person at a terminal.
func printCall(w io.Writer, c history.Call) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "call %d", c.ID)
	if kind := projector.KindOf(&c.State); kind != "" {
		fmt.Fprintf(&b, ", %s", strings.ReplaceAll(string(kind), "_", " "))
	}
	b.WriteString("\n\n")
	facts := textTable{tabwriter.NewWriter(&b, 11, 0, 2, ' ', 0)}
	facts.state(c)
	facts.end()
	facts.outcome(c)
	facts.end()
	events := textTable{tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)}
	events.events(c.Events)
	events.end()
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	for i, line := range lines {
		lines[i] = fit(line)
	}
	if _, err := io.WriteString(w, strings.Join(lines, "\n")+"\n"); err != nil {
		return fmt.Errorf("printing the call: %w", err)
	}
	return nil
}

// fit cuts a line to lineWidth.
func fit(line string) string {
	line = strings.TrimRight(line, " ")
	if runes := []rune(line); len(runes) > lineWidth {
		return string(runes[:lineWidth-1]) + "…"
	}
	return line
}

// textTable writes rows with aligned columns.
type textTable struct{ w *tabwriter.Writer }

// row writes a row. Writing to memory does not fail.
func (t textTable) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.Join(strings.Fields(cell), " ") // a tab would be a column
	}
	_, _ = fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

// known writes a row unless its value is empty.
func (t textTable) known(name, value string) {
	if value != "" {
		t.row(name, value)
	}
}

// end ends a block, with an empty line.
func (t textTable) end() {
	_, _ = fmt.Fprintln(t.w)
	_ = t.w.Flush()
}

func (t textTable) state(c history.Call) {
	s := &c.State
	t.known("direction", s.Direction.Value)
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
		t.row(what, cmp.Or(transfer.By.Name, "somebody")+" to "+cmp.Or(transfer.To.Name, "somebody"))
	}
	if to := s.ExternalTransfer.Value; to != "" {
		t.row("transfer", "to "+to)
	}
	var tags []string
	for _, tag := range s.Tags.Value {
		tags = append(tags, tag.Name)
	}
	t.known("tags", commas(tags...))
	if n := len(s.Comments.Value); n > 0 {
		t.row("notes", strconv.Itoa(n))
	}
	t.known("asset", s.Asset.Value)
	for _, command := range []struct {
		name string
		schemas.Latest[schemas.Command]
	}{{"rewrite", s.Rewrite}, {"rematch", s.Rematch}, {"retry", s.Retry}, {"erased", s.Erased}} {
		if command.Known() {
			t.row(command.name, commas(unix(command.At.Time), cmp.Or(command.Value.Who, "somebody"), command.Value.Why))
		}
	}
	t.row("folded", fmt.Sprintf("%s, partition %d, offset %d", clock(c.FoldedAt), c.Partition, c.Offset))
	t.row("state", c.StateHash)
}

func (t textTable) outcome(c history.Call) {
	o := c.Outcome
	if o == nil {
		t.row("outcome", "none: the sink has not looked at this call yet")
		return
	}
	result := string(o.Result)
	if o.Rule != "" {
		result += " (" + o.Rule + ")"
	}
	if o.StateHash != c.StateHash {
		result += ", of an older state: the sink has not looked at this one yet"
	}
	t.row("outcome", result)
	t.row("decided", clock(time.UnixMilli(o.DecidedAt)))
	t.known("Task", o.TaskID)
	if o.Match != nil {
		t.row("record", commas(o.Match.Object+" "+o.Match.ID, o.Match.Name))
		t.known("what", o.Match.WhatID)
	}
	if o.Owner != nil {
		t.row("owner", commas(o.Owner.ID, strings.ReplaceAll(o.Owner.Rung, "_", " ")))
	}
	if e := o.Error; e != nil {
		t.row("error", strings.TrimSuffix(e.Code+": "+e.Message, ": "))
		t.known("fields", commas(e.Fields...))
		t.known("fix", e.Fix)
	}
	if o.Attempts > 0 {
		t.row("attempts", strconv.Itoa(o.Attempts))
	}
	if o.NextAttempt > 0 {
		t.row("next", clock(time.UnixMilli(o.NextAttempt)))
	}
}

func (t textTable) events(events []history.Event) {
	t.row("TIME (UTC)", "EVENT", "OFFSET", "WHAT")
	for _, e := range events {
		what := e.What
		switch {
		case e.Gone:
			what = "no longer in the log"
		case e.Source == schemas.Backfill:
			what = commas(what, "by backfill")
		}
		t.row(e.Time.Format(time.DateTime), e.Name, strconv.FormatInt(e.Offset, 10), what)
	}
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
