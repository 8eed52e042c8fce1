package projector

import "github.com/callfold/callfold/schemas"

// whoCell is the Contact or Lead matched (F19).
func whoCell(p *projection, _ int) cell {
	m := p.Match
	if m == nil {
		return p.noMatch()
	}
	if m.Object == Contact || m.Object == Lead {
		return p.matched(m.ID, m.Reason.Why)
	}
	return p.matched(nil, "The call is matched to an account, which goes into WhatId.")
}

// whatCell is the account matched, or what a Contact's call is related to
// (F20). Salesforce refuses it beside a Lead.
func whatCell(p *projection, _ int) cell {
	m := p.Match
	switch {
	case m == nil:
		return p.noMatch()
	case m.Object == Account || m.Object == PersonAccount:
		return p.matched(m.ID, m.Reason.Why)
	case m.Object == Lead:
		return p.matched(nil, "Salesforce refuses a WhatId beside a Lead.")
	case m.WhatID != "":
		return p.matched(m.WhatID, "The Contact's open "+p.rules.settings.Match.Related+" that was modified last (M5).")
	case p.rules.RelatedObject() != "":
		return p.matched(nil, "The Contact has no open "+p.rules.settings.Match.Related+" (M5).")
	}
	return p.matched(nil, "By match.related nothing goes beside a Contact.")
}

// matched is a reference that follows from the match.
func (p *projection) matched(value any, why string) cell {
	return cell{value: value, reason: schemas.Reason{Why: why, Events: p.Lookup.Reason.Events, Considered: p.Match.Reason.Considered}}
}

// noMatch leaves a reference out: by M8 or M4 if the number can match nothing,
// else by M6.
func (p *projection) noMatch() cell {
	why := p.Lookup.Reason
	if p.Lookup.Number != "" {
		why.Rule, why.Why = "M6", "No record has the external number, and none was created."
	}
	return cell{absent: true, reason: why}
}

// ownerCell is the Task's owner (F21), by the rules O.
func ownerCell(p *projection, _ int) cell {
	if p.Owner == nil {
		return cell{absent: true, reason: p.OwnerReason}
	}
	return cell{value: p.Owner.ID, reason: p.OwnerReason}
}
