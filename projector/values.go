package projector

import (
	"strconv"
	"strings"

	"github.com/callfold/callfold/schemas"
)

func callConstant(p *projection, _ int) cell {
	return p.is("Call", "Every Aircall call is a Task of this kind.")
}

func callTypeCell(p *projection, _ int) cell {
	value := "Inbound"
	if p.call.Direction.Value == schemas.Outbound {
		value = "Outbound"
	}
	return p.is(value, "The direction that the call's first event shows.", p.call.Direction.At)
}

func activityDateCell(p *projection, _ int) cell {
	if p.call.StartedAt == 0 {
		return p.is(nil, "It is not known when the call was created.")
	}
	return p.is(activityDate(p.call), "The UTC date of started_at.", p.created)
}

func talkCell(p *projection, _ int) cell {
	why := "From answer to end."
	switch {
	case !answered(p.call):
		why = "Nobody answered."
	case p.call.EndedAt.Value == 0:
		why = "The call has not ended yet."
	}
	return p.is(talk(p.call), why, p.answered, p.call.EndedAt.At)
}

func waitingCell(p *projection, _ int) cell {
	why := "From reception to answer."
	switch {
	case p.call.Direction.Value == schemas.Outbound:
		return p.is(int64(0), "It is 0 for outbound calls.")
	case !answered(p.call):
		return p.is(waiting(p.call), "From reception to the end, since nobody answered.", p.created, p.call.EndedAt.At)
	}
	return p.is(waiting(p.call), why, p.created, p.answered)
}

func answeredByCell(p *projection, limit int) cell {
	switch {
	case !answered(p.call):
		return p.is(nil, "Nobody answered.")
	case p.answerer == nil:
		return p.is(nil, "No event names the user who answered.", p.answered)
	}
	c := p.text(agentName(p.answerer), limit, "The last Aircall user who was on the phone.", p.answerer.At, p.answerer.Name.At)
	for i := range p.call.Agents {
		if a := &p.call.Agents[i]; a.ID != p.answerer.ID {
			c.reason.Considered = append(c.reason.Considered, agentName(a)+": on the phone earlier")
		}
	}
	c.reason.Considered = short(c.reason.Considered)
	return c
}

// aircallNumber is the Aircall number in E.164 without "+" (F9). Digits that
// are no valid number stay as they are.
func (r *Rules) aircallNumber(c *schemas.Call) string {
	digits := c.Number.Digits.Value
	if n := r.number(digits, r.defaultRegion(c)); n.e164 != "" {
		return n.e164[1:]
	}
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, digits)
}

func phoneNumberCell(p *projection, limit int) cell {
	return p.text(p.number, limit, "The Aircall number in E.164 without the plus sign.", p.call.Number.Digits.At)
}

func countryCell(p *projection, limit int) cell {
	c := p.text(p.rules.countries[p.Lookup.Region], limit, "The country of the external number.")
	c.reason.Events = p.Lookup.Reason.Events
	if c.value == nil {
		c.reason.Why = "The external number is withheld or belongs to no country."
	}
	return c
}

func recordingCell(p *projection, limit int) cell {
	m := p.media
	if m.link == "" {
		return p.is(nil, "No recording or voicemail is known.")
	}
	why := "The stable page of the recording or voicemail."
	if m.signed {
		why = "The signed link, since no stable page is known; it is dead within the hour."
	}
	c := p.is(m.link, why, m.at)
	if n := units(m.link); n > limit {
		c.value, c.absent = nil, true
		c.reason.Why = "Left out: the link has " + strconv.Itoa(n) + " characters, the field holds " + strconv.Itoa(limit) + ", and a link is never cut."
		return c
	}
	if m.signed {
		c.compare = m.unsigned()
	}
	return c
}

func transferredToCell(p *projection, limit int) cell {
	name, why, keys := transferredTo(p.call, p.handed)
	c := p.text(name, limit, why, keys...)
	for i := range p.call.Transfers {
		if t := &p.call.Transfers[i]; t.Failed {
			c.reason.Considered = append(c.reason.Considered, "the transfer that failed, "+p.event(t.At))
		}
	}
	return c
}

func timeZoneCell(p *projection, limit int) cell {
	return p.text(p.call.Number.TimeZone.Value, limit, "The time zone of the Aircall number.", p.call.Number.TimeZone.At)
}

func hourCell(p *projection, limit int) cell {
	if p.call.StartedAt == 0 {
		return p.is(nil, "It is not known when the call was created.")
	}
	hhmm, valid := p.rules.localTime(p.call)
	why := "started_at in the time zone of the Aircall number."
	if !valid {
		why = "started_at in UTC: the Aircall number has no valid time zone."
	}
	return p.text(hhmm, limit, why, p.created, p.call.Number.TimeZone.At)
}

func connectionCell(p *projection, limit int) cell {
	switch KindOf(p.call) {
	case InboundAnswered:
		return p.text("connected", limit, "Somebody answered the inbound call.", p.answered)
	case Missed, Voicemail:
		return p.text("not connected", limit, "Nobody answered the inbound call.")
	}
	return p.is(nil, "It is empty for outbound calls.")
}

func hasConnectedCell(p *projection, _ int) cell {
	if KindOf(p.call) == InboundAnswered {
		return p.is(true, "Somebody answered the inbound call.", p.answered)
	}
	return p.is(false, "It is true for inbound calls that were answered.")
}

func statusCell(p *projection, _ int) cell {
	return p.is(p.decision.Status, "Calls of the kind "+string(p.decision.Kind)+" are logged as "+p.rules.settings.Tasks.Log.Of(p.decision.Kind)+" (L3).")
}

func recordTypeCell(p *projection, _ int) cell {
	return p.is(p.rules.settings.Tasks.RecordTypeID, "The settings name this record type.")
}
