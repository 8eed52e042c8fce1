package projector

import (
	"slices"
	"strconv"
	"strings"
)

// The parts of CallDisposition, as the setting disposition.order names them (F3).
var dispositionParts = []string{"tags", "source", "direction", "status", "number", "reason"}

// dispositionCell writes the bracketed list of F3. Whole tags are dropped from
// the end of the tag list until it fits; the other parts are never dropped.
func dispositionCell(p *projection, limit int) cell {
	tags, hidden := countedTags(p.call, p.handed)
	if !slices.Contains(p.rules.settings.Tasks.Disposition.Order, "tags") {
		tags, hidden = nil, 0
	}
	text, kept := p.disposition(tags), len(tags)
	if units(text) > limit {
		kept = p.fitting(tags, limit)
		text = p.disposition(tags[:kept])
	}
	c := p.text(text, limit, "Tags, source, direction, status, number and missed reason.", p.call.Tags.At, p.call.Direction.At, p.answered, p.call.Number.Digits.At, p.call.MissedReason.At)
	if kept < len(tags) {
		c.reason.Considered = append(c.reason.Considered, strconv.Itoa(len(tags)-kept)+" of "+strconv.Itoa(len(tags))+" tags dropped from the end: the field holds "+strconv.Itoa(limit)+" characters")
	}
	if hidden > 0 {
		c.reason.Considered = append(c.reason.Considered, strconv.Itoa(hidden)+" tags not counted: put before the transfer was answered, by somebody else")
	}
	return c
}

// fitting is how many tags fit beside the other parts.
func (p *projection) fitting(tags []string, limit int) int {
	bare := p.disposition(nil)
	room := limit - units(bare)
	if bare == "[]" {
		room += len(", ") // the first tag needs no separator
	}
	for i, t := range tags {
		if room -= len(", ") + units(quoted(t)); room < 0 {
			return i
		}
	}
	return len(tags)
}

// disposition writes the list with some tags, however long it gets.
func (p *projection) disposition(tags []string) string {
	var b strings.Builder
	b.Grow(128)
	b.WriteByte('[')
	item := func(s string) {
		if s == "" {
			return
		}
		if b.Len() > 1 {
			b.WriteString(", ")
		}
		b.WriteString(quoted(s))
	}
	for _, part := range p.rules.settings.Tasks.Disposition.Order {
		switch part {
		case "tags":
			for _, t := range tags {
				item(t)
			}
		case "source":
			item("aircall")
		case "direction":
			item(p.call.Direction.Value)
		case "status":
			if answered(p.call) {
				item("answered_call")
			} else {
				item("unanswered_call")
			}
		case "number":
			item(p.number)
		case "reason":
			item(p.call.MissedReason.Value)
		}
	}
	b.WriteByte(']')
	return b.String()
}

var quoteEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// quoted puts s in single quotes; a quote or backslash inside gets a backslash.
func quoted(s string) string {
	if strings.ContainsAny(s, `\'`) {
		s = quoteEscapes.Replace(s)
	}
	return "'" + s + "'"
}
