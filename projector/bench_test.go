package projector

import (
	"testing"
	"time"

	"github.com/callfold/callfold/schemas"
)

// benchCall is an answered call with a transfer, tags and notes, and an org.
func benchCall(b *testing.B) (*Rules, schemas.CallRecord, *OrgFile, time.Time) {
	b.Helper()
	s := readScenario(b, "testdata/scenarios/transfers/tags_before_and_after.txtar")
	script := s.calls[1001]
	script.Events = append(script.Events, map[string]any{"+400 commented": map[string]any{
		"asset": "recording",
		"notes": []any{map[string]any{"by": "ben", "at": 400, "text": "Wants an offer until Friday, for the whole year."}},
	}})
	c := readCast(b)
	org := c.orgWith(b, map[string]any{"Contact": []any{map[string]any{
		"Id": "003000000000001AAA", "Name": "Marie Curie", "Phone": "01 99 00 12 34", "OwnerId": "005000000000004AAA",
	}}})
	bodies := script.bodies(b, c)
	return s.rulesFor(b, ""), fold(b, bodies), org, script.At.Add(time.Hour)
}

// BenchmarkProject projects one Task of a call whose match is known: what the
// sink does at each write.
func BenchmarkProject(b *testing.B) {
	r, record, org, now := benchCall(b)
	res := Resolution{Lookup: r.Lookup(record)}
	res.Match = r.Choose(res.Lookup, org.Records)
	b.ReportAllocs()
	for b.Loop() {
		d := r.Decide(record, now)
		res.Owner, res.OwnerReason = r.Own(record, res.Match, nil, org.Org)
		if t := r.Task(record, d, res, org.Org); len(t.Fields) < 20 {
			b.Fatal("fields are missing")
		}
	}
}

// BenchmarkProjectCold is the whole of Project for a number that was never seen
// before: nearly all of it is parsing that number.
func BenchmarkProjectCold(b *testing.B) {
	r, record, org, now := benchCall(b)
	b.ReportAllocs()
	for b.Loop() {
		clear(r.numbers.young)
		if p := r.Project(record, org, now); p.Resolution.Match == nil {
			b.Fatal("no match")
		}
	}
}

// BenchmarkLookup is the lookup of a number that was seen before.
func BenchmarkLookup(b *testing.B) {
	r, record, _, _ := benchCall(b)
	b.ReportAllocs()
	for b.Loop() {
		if r.Lookup(record).Number == "" {
			b.Fatal("no number")
		}
	}
}
