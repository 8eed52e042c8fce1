package projector

import (
	"cmp"
	"slices"
	"time"

	"github.com/callfold/callfold/schemas"
)

// The objects that a Contact's call can be related to (M5).
const (
	Case        = "Case"
	Opportunity = "Opportunity"
)

// Related is a Case or an Opportunity that belongs to a Contact: a Case by its
// ContactId, an Opportunity through an OpportunityContactRole.
type Related struct {
	Object       string // Case or Opportunity
	ID           string
	ContactID    string
	IsClosed     bool
	LastModified time.Time
}

// RelatedObject is Case or Opportunity, whichever the settings ask for, or
// empty (M5).
func (r *Rules) RelatedObject() string {
	switch r.settings.Match.Related {
	case "case":
		return Case
	case "opportunity":
		return Opportunity
	}
	return ""
}

// Relate completes a match with the Contact's open Case or Opportunity that was
// modified last, where the settings ask for one (M5). Other matches come back
// as they are.
func (r *Rules) Relate(m *schemas.Match, related []Related) *schemas.Match {
	object := r.RelatedObject()
	if m == nil || m.Object != Contact || object == "" {
		return m
	}
	var open, closed []Related
	for _, x := range related {
		if x.Object == object && x.ContactID == m.ID {
			if x.IsClosed {
				closed = append(closed, x)
			} else {
				open = append(open, x)
			}
		}
	}
	slices.SortFunc(open, func(a, b Related) int {
		return cmp.Or(b.LastModified.Compare(a.LastModified), cmp.Compare(a.ID, b.ID))
	})
	slices.SortFunc(closed, func(a, b Related) int { return cmp.Compare(a.ID, b.ID) })

	out := *m
	out.WhatID = ""
	considered := slices.Clone(m.Reason.Considered)
	for i, x := range open {
		if i == 0 {
			out.WhatID = x.ID
			continue
		}
		considered = append(considered, object+" "+x.ID+": modified earlier (M5)")
	}
	for _, x := range closed {
		considered = append(considered, object+" "+x.ID+": it is closed (M5)")
	}
	out.Reason.Considered = short(considered)
	return &out
}
