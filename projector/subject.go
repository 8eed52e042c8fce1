package projector

import (
	"github.com/callfold/callfold/schemas"
)

// subject is a template with the sentence that says where it is from.
type subject struct {
	template
	why string
}

// subjectName is the name of the template of a call (F2). An unanswered
// conference is an unanswered call.
func subjectName(c *schemas.Call) string {
	kind := KindOf(c)
	if conference(c) {
		switch kind {
		case OutboundAnswered:
			return conferenceOutbound
		case InboundAnswered:
			return conferenceInbound
		}
	}
	return string(kind)
}

// subject is the Task's Subject before it is cut (F2).
func (r *Rules) subject(c *schemas.Call, l Lookup, m *schemas.Match) string {
	return r.subjects[subjectName(c)].render(func(placeholder string) string {
		switch placeholder {
		case "record":
			if m != nil && m.Name != "" {
				return m.Name
			}
			return l.Display
		case "number":
			return r.numberName(c)
		default:
			if a := onThePhone(c); a != nil {
				return agentName(a)
			}
			return signature
		}
	})
}

// signature stands where Aircall names no user (F18, F2).
const signature = "Aircall"

// numberName is the Aircall number's name; a number without one is shown by
// its digits.
func (r *Rules) numberName(c *schemas.Call) string {
	switch {
	case c.Number.Name.Value != "":
		return c.Number.Name.Value
	case c.Number.Digits.Value != "":
		return c.Number.Digits.Value
	}
	return signature
}

func subjectCell(p *projection, limit int) cell {
	why := p.rules.subjects[subjectName(p.call)].why
	c := p.text(p.rules.subject(p.call, p.Lookup, p.Match), limit, why, p.call.Direction.At, p.call.Number.Name.At)
	if a := onThePhone(p.call); a != nil {
		c.reason.Events = appendNew(c.reason.Events, p.event(a.At))
	}
	if p.Match == nil {
		for _, e := range p.Lookup.Reason.Events {
			c.reason.Events = appendNew(c.reason.Events, e)
		}
	}
	return c
}
