package sfsink

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// previewed are the previews of calls as the log and the outcomes have them, by a sink
// that shares the org.
func (b *bench) previewed(change func(*Options), rematch bool, ids ...int64) []Preview {
	b.Helper()
	dry := b.newSink(func(o *Options) {
		o.DryRun = true
		if change != nil {
			change(o)
		}
	})
	var known []Known
	for _, id := range ids {
		key := strconv.FormatInt(id, 10)
		outcome, _, err := b.table.Get(key)
		if err != nil {
			b.Fatal(err)
		}
		known = append(known, Known{Record: b.states[key], Outcome: outcome})
	}
	previews, err := dry.Preview(b.Context(), known, rematch)
	if err != nil {
		b.Fatal(err)
	}
	return previews
}

// differing names the fields that differ, with a word for what people did.
func differing(p Preview, held salesforce.Record) (out []string) {
	for _, d := range p.Against(held) {
		name := d.Field
		if d.Kept {
			name += " kept"
		} else if d.Edited {
			name += " edited"
		}
		out = append(out, name)
	}
	return out
}

func TestPreviewWritesNothing(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	before := len(b.tasks())
	p := b.previewed(nil, false, 1)[0]
	if p.Decision.Action != projector.Log || p.Match == nil || p.Match.ID[:15] != curie || p.CallID != 1 || p.StateHash == "" {
		t.Errorf("preview %+v", p)
	}
	if after := len(b.tasks()); after != before {
		t.Errorf("there are %d Tasks, before there were %d", after, before)
	}
}

func TestPreviewFindsWhatDiffers(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	held := b.task(1)
	if got := differing(b.previewed(nil, false, 1)[0], held); got != nil {
		t.Errorf("just written, and already different: %v", got)
	}
	b.set("Task", held["Id"].(string), `"Subject":"Mine"`)
	held = b.task(1)
	if got := differing(b.previewed(nil, false, 1)[0], held); fmt.Sprint(got) != "[Subject edited]" {
		t.Errorf("after an edit: %v", got)
	}
	preserve := func(o *Options) { o.Settings.Tasks.PreserveEdits = []string{"subject"} }
	if got := differing(b.previewed(preserve, false, 1)[0], held); fmt.Sprint(got) != "[Subject kept]" {
		t.Errorf("after an edit that is preserved: %v", got)
	}
	french := func(o *Options) { o.Settings.Tasks.Subjects = "classic-fr" }
	if got := differing(b.previewed(french, false, 1)[0], b.task(1)); fmt.Sprint(got) != "[Subject edited]" {
		t.Errorf("with other settings: %v", got)
	}
}

func TestPreviewMatchesAnewWhereAsked(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	b.load(better)
	if p := b.previewed(nil, false, 1)[0]; p.Match.ID[:15] != curie {
		t.Errorf("the remembered match is not kept: %+v", p.Match)
	}
	if p := b.previewed(nil, true, 1)[0]; p.Match.ID[:15] != "003000000000002" {
		t.Errorf("not matched anew: %+v", p.Match)
	}
}

// TestRewriteMakesADeletedTaskAnew is what a plan promises, also where tasks.deleted
// says to leave such Tasks.
func TestRewriteMakesADeletedTaskAnew(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	gone := b.task(1)["Id"].(string)
	b.remove("Task", gone)
	b.event(1, "callfold.rewrite", 4000, `"who":"ops","why":"deleted by mistake"`)
	b.turn()
	if id := b.task(1, "Subject", "Missed call from Marie Curie on Paris")["Id"]; id == gone {
		t.Error("the deleted Task was written to")
	}
	b.outcome(1, schemas.Created)
}
