package projector

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/callfold/callfold/schemas"
)

// candidate is a record with what Choose found out about it.
type candidate struct {
	*Record
	kind  string
	rank  int    // place in the order of priority
	field string // where the number is stored
}

// Choose picks the record that a call belongs to among candidates, which may
// come in any order and may be more than match (M1–M4). It returns nil when
// none does. The match says in its reason what else was considered.
func (r *Rules) Choose(l Lookup, candidates []Record) *schemas.Match {
	if l.Number == "" {
		return nil
	}
	kinds := r.Objects()
	var fits []candidate
	var considered []string
	for i := range candidates {
		c := candidate{Record: &candidates[i]}
		if c.field = r.storedIn(l, c.Record); c.field == "" {
			continue // M4
		}
		var whyNot string
		c.kind, whyNot = c.Record.kind()
		if c.rank = slices.Index(kinds, c.kind); c.rank < 0 && whyNot == "" {
			whyNot = objectNames[c.kind] + " is not among match.objects"
		}
		if whyNot != "" {
			considered = append(considered, c.Object+" "+c.ID+": "+whyNot)
			continue
		}
		fits = append(fits, c)
	}
	if len(fits) == 0 {
		return nil
	}
	slices.SortFunc(fits, func(a, b candidate) int {
		return cmp.Or(
			cmp.Compare(a.rank, b.rank),
			b.LastModified.Compare(a.LastModified),
			cmp.Compare(a.ID, b.ID),
		)
	})
	best := fits[0]
	m := &schemas.Match{Object: best.kind, ID: best.ID, Name: best.Name, OwnerID: best.OwnerID}
	if m.Object == Account || m.Object == PersonAccount {
		m.WhatID = best.ID
	}
	m.Reason = schemas.Reason{Rule: "M4", Why: "The external number is in " + best.field + " of " + best.kind + " " + best.ID + "."}
	if len(fits) > 1 {
		// The nearest rival says which rule had to choose.
		m.Reason.Rule = "M1"
		if fits[1].rank == best.rank {
			m.Reason.Rule = "M2"
		}
	}
	for _, other := range fits[1:] {
		why := "modified earlier (M2)"
		if other.rank != best.rank {
			why = best.kind + " goes before " + other.kind + " (M1)"
		} else if other.LastModified.Equal(best.LastModified) {
			why = "modified at the same time, with a greater Id (M2)"
		}
		m.Reason.Considered = append(m.Reason.Considered, other.kind+" "+other.ID+": "+why)
	}
	slices.Sort(considered)
	m.Reason.Considered = short(append(m.Reason.Considered, slices.Compact(considered)...))
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
