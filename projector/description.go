package projector

import (
	"slices"
	"strconv"
	"strings"

	"github.com/callfold/callfold/schemas"
)

// blankLine separates the parts of a Description (F18).
const blankLine = "\n\n"

// descriptionCell writes the link and the notes (F18). What does not fit costs
// the oldest notes first; the newest is cut only if it alone is too long.
func descriptionCell(p *projection, limit int) cell {
	link, unsigned := p.mediaSentence()
	notes := p.call.Comments.Value

	c := p.is(nil, "The media link and the notes, oldest first.", p.media.at, p.call.Comments.At)
	room := limit
	if n := units(link); n > room { // a link is never cut (F11)
		c.reason.Considered = append(c.reason.Considered, "the link: it has more characters than the field")
		link, unsigned = "", ""
	} else if n > 0 {
		room -= n + len(blankLine)
	}

	// From the newest backwards: parts holds them newest first.
	var parts []string
	for i := len(notes) - 1; i >= 0; i-- {
		text := p.note(&notes[i])
		n := units(text)
		if len(parts) == 0 && n > room && room > 0 {
			text = cut(text, room)
			n = room
			c.reason.Considered = append(c.reason.Considered, "the newest note: cut, the field holds "+strconv.Itoa(limit)+" characters")
		}
		if n > room {
			c.reason.Considered = append(c.reason.Considered, strconv.Itoa(i+1)+" oldest notes: left out, the field holds "+strconv.Itoa(limit)+" characters")
			break
		}
		parts = append(parts, text)
		room -= n + len(blankLine)
	}

	if link == "" && len(parts) == 0 {
		c.reason.Why = "There is neither a media link nor a note."
		return c
	}
	c.value = joined(link, parts)
	if unsigned != link {
		c.compare = joined(unsigned, parts)
	}
	return c
}

// joined puts the first part and the others, given newest first, in order.
func joined(first string, newestFirst []string) string {
	var b strings.Builder
	b.WriteString(first)
	for _, n := range slices.Backward(newestFirst) {
		if b.Len() > 0 {
			b.WriteString(blankLine)
		}
		b.WriteString(n)
	}
	return b.String()
}

// mediaSentence is the first part of a Description, and the same with the link
// unsigned. It is in English in every pack, as in the contract. A voicemail is
// named for missed calls only.
func (p *projection) mediaSentence() (sentence, unsigned string) {
	intro := "Find recording here : "
	switch {
	case p.media.link == "":
		return "", ""
	case p.decision.Kind == Voicemail:
		intro = "Find voicemail here : "
	case p.media.voicemail:
		return "", ""
	}
	return intro + p.media.link, intro + p.media.unsigned()
}

// note is one note with its author. A note without an author was added through
// the API and is signed Aircall.
func (p *projection) note(n *schemas.Comment) string {
	author := signature
	if n.By.ID != 0 {
		author = userName(p.call, n.By)
	}
	return author + p.rules.pack.comment + n.Content
}
