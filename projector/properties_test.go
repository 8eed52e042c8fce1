package projector

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/callfold/callfold/schemas"
	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

// drawCall is any state of a call with long texts of any script in it.
func drawCall(t *rapid.T) schemas.CallRecord {
	text := rapid.OneOf(rapid.String(), rapid.StringN(0, 300, -1), rapid.StringMatching(`[\\'😀אü ]{0,200}`))
	at := rapid.Int64Range(1_700_000_000, 1_700_001_000)
	c := schemas.Call{
		ID:        1,
		Direction: latest(rapid.SampledFrom([]string{"inbound", "outbound"}).Draw(t, "direction")),
		Status:    schemas.StatusDone,
		StartedAt: at.Draw(t, "started"),
		EndedAt:   latest(at.Draw(t, "ended")),
		External:  latest(rapid.SampledFrom([]string{"+33199001234", "anonymous", "112", "(415) 555-0132"}).Draw(t, "external")),
	}
	c.Newest = key(c.EndedAt.Value)
	if rapid.Bool().Draw(t, "answered") {
		c.AnsweredAt = at.Draw(t, "answeredAt")
	}
	c.Number.Name = latest(text.Draw(t, "numberName"))
	c.Number.Digits = latest(text.Draw(t, "digits"))
	c.Number.TimeZone = latest(rapid.OneOf(rapid.SampledFrom([]string{"Europe/Paris", "Local", ""}), rapid.String()).Draw(t, "zone"))
	c.MissedReason = latest(text.Draw(t, "reason"))
	c.Asset = latest(text.Draw(t, "asset"))
	c.Recording = latest(text.Draw(t, "recording"))
	for i := range rapid.IntRange(0, 4).Draw(t, "agents") {
		seen := at.Draw(t, "seen")
		c.Agents = append(c.Agents, schemas.Agent{ID: int64(i + 1), At: key(seen), Name: latest(text.Draw(t, "name")), Seen: []int64{seen}})
	}
	user := func(label string) schemas.User {
		return schemas.User{ID: rapid.Int64Range(0, 5).Draw(t, label), Name: text.Draw(t, label+"Name")}
	}
	for range rapid.IntRange(0, 4).Draw(t, "transfers") {
		c.Transfers = append(c.Transfers, schemas.Transfer{
			At: key(at.Draw(t, "transferAt")), Failed: rapid.Bool().Draw(t, "failed"),
			TransferParties: schemas.TransferParties{By: user("by"), To: user("to")},
		})
	}
	for i := range rapid.IntRange(0, 30).Draw(t, "tags") {
		c.Tags.Value = append(c.Tags.Value, schemas.Tag{ID: int64(i), Name: text.Draw(t, "tag"), TaggedAt: at.Draw(t, "taggedAt"), By: rapid.Int64Range(0, 5).Draw(t, "tagBy")})
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "notes") {
		content := strings.Repeat(text.Draw(t, "note"), rapid.SampledFrom([]int{1, 100, 5000}).Draw(t, "times"))
		c.Comments.Value = append(c.Comments.Value, schemas.Comment{ID: int64(i), Content: content, By: user("noteBy")})
	}
	return schemas.CallRecord{State: c}
}

func key(at int64) schemas.Key { return schemas.Key{Time: at, Rank: schemas.RankNoted} }

func latest[T any](v T) schemas.Latest[T] {
	return schemas.Latest[T]{At: key(1_700_000_000), Value: v}
}

// Whatever comes, no text is longer than Salesforce allows, and CallDisposition
// keeps all but tags.
func TestLimitsHold(t *testing.T) {
	rules := make(map[string]*Rules)
	for _, pack := range Packs() {
		s := DefaultSettings()
		s.Tasks.Subjects = pack
		rules[pack] = mustNew(t, s)
	}
	rapid.Check(t, func(t *rapid.T) {
		r := rules[rapid.SampledFrom(Packs()).Draw(t, "pack")]
		record := drawCall(t)
		length := rapid.SampledFrom([]int{0, 1, 5, 80, 255, 1000}).Draw(t, "length")
		org := Org{TaskFields: map[string]FieldInfo{"aircall__Answered_by__c": {true, true, length}}}
		d := r.Decide(record, time.Unix(1_700_010_000, 0))
		res := Resolution{Lookup: r.Lookup(record), Match: &schemas.Match{Object: Contact, ID: "003", Name: rapid.String().Draw(t, "record")}}
		task := r.Task(record, d, res, org)
		for _, f := range task.Fields {
			s, _ := f.Value.(string)
			limit := 255
			switch f.Name {
			case "Description":
				limit = 32000
			case "aircall__Answered_by__c":
				if length > 0 {
					limit = length
				}
			}
			if n := len(utf16.Encode([]rune(s))); n > limit {
				t.Fatalf("%s has %d units, the limit is %d", f.Name, n, limit)
			}
		}
	})
}

// CallDisposition drops as few tags as it must, whatever else is in it.
func TestDispositionDropsNoTagTooMany(t *testing.T) {
	record, now := answeredCall(t)
	rapid.Check(t, func(t *rapid.T) {
		s := DefaultSettings()
		s.Tasks.Disposition.Order = []string{"tags"}
		if parts := rapid.IntRange(-3, 6).Draw(t, "parts"); parts > 0 {
			s.Tasks.Disposition.Order = rapid.Permutation(dispositionParts).Draw(t, "order")[:parts]
		}
		limit := rapid.IntRange(70, 255).Draw(t, "limit")
		r, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		call := record
		call.State.Tags.Value = nil
		for i := range rapid.IntRange(0, 30).Draw(t, "tags") {
			call.State.Tags.Value = append(call.State.Tags.Value, schemas.Tag{ID: int64(i), Name: rapid.StringMatching(`[a-z'😀]{1,30}`).Draw(t, "tag")})
		}
		org := Org{TaskFields: map[string]FieldInfo{"CallDisposition": {true, true, limit}}}
		disposition := func() string {
			for _, f := range r.Task(call, r.Decide(call, now), Resolution{}, org).Fields {
				if f.Name == "CallDisposition" {
					return f.Value.(string)
				}
			}
			t.Fatal("no CallDisposition")
			return ""
		}
		all := call.State.Tags.Value
		got := disposition()
		if !slices.Contains(s.Tasks.Disposition.Order, "tags") {
			return
		}
		// Take tags away until nothing is dropped: this many fit.
		n := len(all)
		org.TaskFields = nil
		for ; n >= 0; n-- {
			call.State.Tags.Value = all[:n]
			p := &projection{rules: r, call: &call.State, number: r.aircallNumber(&call.State)}
			names, _ := countedTags(p.call, nil)
			if whole := p.disposition(names); units(whole) <= limit {
				if got != whole {
					t.Fatalf("limit %d: got  %s\nwant %s", limit, got, whole)
				}
				return
			}
		}
	})
}

// The order of candidates does not matter, and what is chosen is a candidate
// with the number.
func TestChooseIgnoresOrder(t *testing.T) {
	r := mustNew(t, DefaultSettings())
	l := r.Lookup(schemas.CallRecord{State: schemas.Call{External: latest("+33199001234")}})
	rapid.Check(t, func(t *rapid.T) {
		var records []Record
		for i := range rapid.IntRange(0, 15).Draw(t, "n") {
			records = append(records, Record{
				Object:          rapid.SampledFrom([]string{Contact, Lead, Account, "Case"}).Draw(t, "object"),
				ID:              fmt.Sprintf("%03d", i),
				Phones:          map[string]string{rapid.SampledFrom([]string{"Phone", "MobilePhone", "Fax", "PersonMobilePhone"}).Draw(t, "field"): rapid.SampledFrom([]string{"+33 1 99 00 12 34", "0033199001234", "+33199001235", ""}).Draw(t, "phone")},
				LastModified:    time.Unix(rapid.Int64Range(0, 2).Draw(t, "modified"), 0),
				IsConverted:     rapid.Bool().Draw(t, "converted"),
				IsPersonAccount: rapid.Bool().Draw(t, "person"),
			})
		}
		first := marshal(t, r.Choose(l, records))
		shuffled := rapid.Permutation(records).Draw(t, "order")
		if again := marshal(t, r.Choose(l, shuffled)); !bytes.Equal(first, again) {
			t.Fatalf("chosen first %s, then %s", first, again)
		}
		if m := r.Choose(l, records); m != nil {
			i := slices.IndexFunc(records, func(r Record) bool { return r.ID == m.ID })
			if c := records[i]; c.IsConverted && c.Object == Lead || c.IsPersonAccount != (m.Object == PersonAccount) && c.Object != Lead {
				t.Fatalf("chosen %+v", c)
			}
			if account := m.Object == Account || m.Object == PersonAccount; account != (m.WhatID == m.ID) {
				t.Fatalf("the match %+v has a wrong WhatID", m)
			}
		}
	})
}

// The same call gives the same answer from rules that have answered others
// before, and from fresh ones.
func TestProjectIsDeterministic(t *testing.T) {
	used := mustNew(t, DefaultSettings())
	org := readCast(t).orgWith(t, map[string]any{"Contact": []any{map[string]any{"Id": "003000000000001AAA", "Name": "Marie Curie", "Phone": "+33199001234"}}})
	rapid.Check(t, func(t *rapid.T) {
		record := drawCall(t)
		before := marshal(t, record)
		now := time.Unix(rapid.Int64Range(1_700_000_000, 1_700_002_000).Draw(t, "now"), 0)
		first := marshal(t, used.Project(record, org, now))
		if fresh := marshal(t, mustNewRapid(t).Project(record, org, now)); !bytes.Equal(first, fresh) {
			t.Fatalf("used rules say %s\nfresh ones %s", first, fresh)
		}
		if after := marshal(t, record); !bytes.Equal(before, after) {
			t.Fatal("projecting changed the record")
		}
	})
}

func mustNewRapid(t *rapid.T) *Rules {
	r, err := New(DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func marshal(t *rapid.T, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
