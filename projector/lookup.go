package projector

import (
	"strings"

	"github.com/callfold/callfold/schemas"
)

// Lookup is what is known about the external party of a call before Salesforce
// is asked (M4, M8).
type Lookup struct {
	// Number is E.164 with "+"; empty when the number is withheld or not a
	// valid one. Then nothing matches and nothing is created.
	Number string
	// Display stands for the party where no record does: the number in
	// international format, an invalid one as sent, or the pack's word for
	// anonymous.
	Display string
	// Region is the ISO 3166 alpha-2 code of the number, empty when it has none.
	Region string
	// DefaultRegion is the region in which stored numbers without a country
	// code are understood: that of the Aircall number.
	DefaultRegion string
	// Patterns find candidates in SOQL, as in Phone LIKE 'PATTERN': every record
	// that holds the number, however people typed it with the digits 0 to 9 (a
	// toll-free one also with letters), and a few that do not. What matches is
	// for Choose to say.
	Patterns []string
	// Reason says how the number was understood.
	Reason schemas.Reason
}

// anonymousDigits is what Aircall sends as raw_digits of a withheld number.
const anonymousDigits = "anonymous"

// Lookup normalises the external number of a call (M4, M8). A number that
// Aircall did not send at all counts as withheld.
func (r *Rules) Lookup(record schemas.CallRecord) Lookup {
	c := &record.State
	raw := strings.TrimSpace(c.External.Value)
	l := Lookup{DefaultRegion: r.defaultRegion(c)}
	if raw == "" || strings.EqualFold(raw, anonymousDigits) {
		l.Display = r.pack.anonymous
		l.Reason = reason(&record.Trace, "M8", "The external number is withheld, so it matches nothing.", c.External.At)
		return l
	}
	n := r.number(raw, l.DefaultRegion)
	if n.e164 == "" {
		l.Display = raw
		l.Reason = reason(&record.Trace, "M4", "The external number is not a valid one, so it matches nothing.", c.External.At)
		return l
	}
	l.Number, l.Display, l.Region = n.e164, n.international, n.region
	l.Patterns = r.patterns.get(rawNumber{n.e164, l.DefaultRegion}, likePatterns)
	l.Reason = reason(&record.Trace, "M4", "The external number was normalised to E.164.", c.External.At)
	return l
}

// Number is the external number of a call in E.164; empty where it is withheld or not
// a valid one (M4, M8).
func (r *Rules) Number(record schemas.CallRecord) string {
	c := &record.State
	return r.number(strings.TrimSpace(c.External.Value), r.defaultRegion(c)).e164
}

// E164 is a number that somebody typed, in E.164; empty where it is not a valid one.
// Without a country code it is one of match.default_region.
func (r *Rules) E164(text string) string {
	return r.number(strings.TrimSpace(text), strings.ToUpper(r.settings.Match.DefaultRegion)).e164
}

// defaultRegion is the country of the Aircall number, else the one in the settings.
func (r *Rules) defaultRegion(c *schemas.Call) string {
	if c.Number.Country.Value != "" {
		return strings.ToUpper(c.Number.Country.Value)
	}
	return strings.ToUpper(r.settings.Match.DefaultRegion)
}
