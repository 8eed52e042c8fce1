package projector

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/callfold/callfold/schemas"
)

// Candidate is a record that holds a number, and what became of it.
type Candidate struct {
	Record
	// Kind is that of M1 it is judged as; empty where it is none.
	Kind string
	// Field is where the number is stored.
	Field string
	// WhyNot says why the record is not the match; empty for the match.
	WhyNot string

	rank int // place in the order of priority
}

// name is how reasons name a candidate.
func (c *Candidate) name() string { return cmp.Or(c.Kind, c.Object) + " " + c.ID }

// Judge tells what becomes of each candidate that holds the number (M1–M4), which may
// come in any order. The match comes first, where there is one, with those in the
// order of M1 and M2 behind it; then what is no candidate at all.
func (r *Rules) Judge(l Lookup, records []Record) []Candidate {
	if l.Number == "" {
		return nil
	}
	kinds := r.Objects()
	var fits, others []Candidate
	for i := range records {
		c := Candidate{Record: records[i]}
		if c.Field = r.storedIn(l, &c.Record); c.Field == "" {
			continue // M4
		}
		c.Kind, c.WhyNot = c.kind()
		if c.rank = slices.Index(kinds, c.Kind); c.rank < 0 && c.WhyNot == "" {
			c.WhyNot = objectNames[c.Kind] + " is not among match.objects"
		}
		if c.WhyNot != "" {
			c.Kind = ""
			others = append(others, c)
			continue
		}
		fits = append(fits, c)
	}
	slices.SortFunc(fits, func(a, b Candidate) int {
		return cmp.Or(
			cmp.Compare(a.rank, b.rank),
			b.LastModified.Compare(a.LastModified),
			cmp.Compare(a.ID, b.ID),
		)
	})
	for i := range fits {
		best, other := &fits[0], &fits[i]
		switch {
		case i == 0:
		case other.rank != best.rank:
			other.WhyNot = best.Kind + " goes before " + other.Kind + " (M1)"
		case other.LastModified.Equal(best.LastModified):
			other.WhyNot = "modified at the same time, with a greater Id (M2)"
		default:
			other.WhyNot = "modified earlier (M2)"
		}
	}
	slices.SortFunc(others, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(a.name(), b.name()), cmp.Compare(a.WhyNot, b.WhyNot))
	})
	return append(fits, others...)
}

// Choose picks the record that a call belongs to among candidates, which may
// come in any order and may be more than match (M1–M4). It returns nil when
// none does. The match says in its reason what else was considered.
func (r *Rules) Choose(l Lookup, records []Record) *schemas.Match {
	judged := r.Judge(l, records)
	if len(judged) == 0 || judged[0].WhyNot != "" {
		return nil
	}
	best := &judged[0]
	m := &schemas.Match{Object: best.Kind, ID: best.ID, Name: best.Name, OwnerID: best.OwnerID}
	if m.Object == Account || m.Object == PersonAccount {
		m.WhatID = best.ID
	}
	m.Reason = schemas.Reason{Rule: "M4", Why: "The external number is in " + best.Field + " of " + best.name() + "."}
	if len(judged) > 1 && judged[1].Kind != "" {
		// The nearest rival says which rule had to choose.
		m.Reason.Rule = "M1"
		if judged[1].rank == best.rank {
			m.Reason.Rule = "M2"
		}
	}
	for i := range judged[1:] {
		other := &judged[i+1]
		m.Reason.Considered = append(m.Reason.Considered, other.name()+": "+other.WhyNot)
	}
	m.Reason.Considered = short(slices.Compact(m.Reason.Considered))
	return m
}

// Holds reports whether a record has the number in one of the compared fields
// (M3, M4). Whether it is matched is for Choose to say.
func (r *Rules) Holds(l Lookup, rec Record) bool { return r.storedIn(l, &rec) != "" }

// storedIn is the first compared field of a record that holds the number (M3,
// M4); empty when none does.
func (r *Rules) storedIn(l Lookup, rec *Record) string {
	kind := rec.Object
	if kind == Account && rec.IsPersonAccount {
		kind = PersonAccount
	}
	for _, field := range r.PhoneFields(kind) {
		if stored := rec.Phones[field]; stored != "" && r.number(stored, l.DefaultRegion).e164 == l.Number {
			return field
		}
	}
	return ""
}

// maxConsidered is how many candidates a reason names: a switchboard's number
// can be on thousands of records, and reasons are kept with each call.
const maxConsidered = 10

func short(considered []string) []string {
	if len(considered) <= maxConsidered {
		return considered
	}
	rest := len(considered) - maxConsidered
	return append(considered[:maxConsidered:maxConsidered], "and "+strconv.Itoa(rest)+" more")
}
