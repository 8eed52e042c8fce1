package projector

import (
	"strings"

	"github.com/callfold/callfold/schemas"
)

// Kind is the type of a call, for which the settings say whether, when and how
// it is logged (L3). It is judged at each write: a missed call becomes a
// voicemail when one is known.
type Kind string

// The kinds. The zero Kind is that of a call whose direction is not known.
const (
	InboundAnswered    Kind = "inbound_answered"
	OutboundAnswered   Kind = "outbound_answered"
	OutboundUnanswered Kind = "outbound_unanswered"
	Missed             Kind = "missed"
	Voicemail          Kind = "voicemail"
)

// Kinds are all kinds.
var Kinds = []Kind{InboundAnswered, OutboundAnswered, OutboundUnanswered, Missed, Voicemail}

// Of is the value for one kind.
func (p PerKind) Of(k Kind) string {
	switch k {
	case InboundAnswered:
		return p.InboundAnswered
	case OutboundAnswered:
		return p.OutboundAnswered
	case OutboundUnanswered:
		return p.OutboundUnanswered
	case Missed:
		return p.Missed
	case Voicemail:
		return p.Voicemail
	}
	return ""
}

// KindOf is the kind of a call as far as it is known (L3): answered means that
// answered_at is set, also for an answering machine.
func KindOf(c *schemas.Call) Kind {
	switch c.Direction.Value {
	case schemas.Outbound:
		if answered(c) {
			return OutboundAnswered
		}
		return OutboundUnanswered
	case schemas.Inbound:
		switch {
		case answered(c):
			return InboundAnswered
		case voicemailKnown(c):
			return Voicemail
		}
		return Missed
	}
	return ""
}

func answered(c *schemas.Call) bool { return c.AnsweredAt != 0 }

// voicemailKnown reports whether somebody left a message, by any of the three
// signs of L3; any may come without the others.
func voicemailKnown(c *schemas.Call) bool {
	return c.VoicemailLeft || c.Voicemail.Value != "" || isVoicemailPage(c.Asset.Value)
}

// isVoicemailPage tells Aircall's two kinds of asset pages apart.
func isVoicemailPage(asset string) bool { return strings.HasSuffix(asset, "/voicemail") }

// conference reports whether a call has more than one external participant or
// Aircall's system tag Conference (F2). It looks at all tags, also those that
// a transfer hides; a tag of that name put by a person is an ordinary tag.
func conference(c *schemas.Call) bool {
	if c.Conference {
		return true
	}
	for _, t := range c.Tags.Value {
		if t.Name == "Conference" && t.By == 0 {
			return true
		}
	}
	return false
}
