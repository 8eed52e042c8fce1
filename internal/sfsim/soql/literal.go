package soql

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// LiteralKind tells which fields of a [Literal] count.
type LiteralKind int

// The kinds of literals.
const (
	Null LiteralKind = iota
	Boolean
	Number
	Text
	Date     // a calendar day without zone
	DateTime // an instant
	Range    // a date literal such as TODAY or LAST_N_DAYS:7
)

// Literal is a value written in a query.
type Literal struct {
	Kind   LiteralKind
	Bool   bool
	Number float64
	Text   string    // the string without its escapes
	Time   time.Time // Date (midnight UTC) and DateTime, in UTC
	Pos    int

	raw   string // the string with its escapes, for LIKE
	name  string // of a Range, in upper case
	count int    // of a Range such as LAST_N_DAYS:n
}

func (p *parser) literal() (Literal, *Error) {
	t := p.peek()
	l := Literal{Pos: t.pos}
	switch t.kind {
	case text:
		s, err := unescape(t)
		if err != nil {
			return l, err
		}
		l.Kind, l.Text, l.raw = Text, s, t.body
	case number:
		n, err := strconv.ParseFloat(t.body, 64)
		if err != nil {
			return l, p.unexpected()
		}
		l.Kind, l.Number = Number, n
	case date:
		d, err := time.Parse(time.DateOnly, t.body)
		if err != nil {
			return l, malformed(t.pos, "Invalid date: %s", t.body)
		}
		l.Kind, l.Time = Date, d
	case moment:
		m, ok := parseMoment(t.body)
		if !ok {
			return l, malformed(t.pos, "line 1:%d no viable alternative at character '%s'", t.pos, t.body)
		}
		l.Kind, l.Time = DateTime, m
	case word:
		switch {
		case t.is("NULL"):
		case t.is("TRUE"), t.is("FALSE"):
			l.Kind, l.Bool = Boolean, t.is("TRUE")
		default:
			name, arg, counted := strings.Cut(strings.ToUpper(t.body), ":")
			n, err := 0, error(nil)
			if counted {
				n, err = strconv.Atoi(arg)
			}
			if rule, known := dateLiterals[name]; !known || rule.counted != counted || err != nil || n < 0 || n > 100_000 {
				return l, p.unexpected()
			}
			l.Kind, l.name, l.count = Range, name, n
		}
	default:
		return l, p.unexpected()
	}
	p.take()
	return l, nil
}

// parseMoment reads the date-time forms of "Date Formats": a zone is required.
func parseMoment(s string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700"} {
		if t, err := time.Parse(layout, s); err == nil { // a fraction of a second is read too
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// escapes are those of "Quoted String Escape Sequences"; \_ and \% mean the
// characters themselves, which matters to LIKE only.
var escapes = map[byte]byte{
	'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f', '"': '"', '\'': '\'', '\\': '\\', '_': '_', '%': '%',
	'N': '\n', 'R': '\r', 'T': '\t', 'B': '\b', 'F': '\f',
}

func unescape(t token) (string, *Error) {
	if !strings.Contains(t.body, `\`) {
		return t.body, nil
	}
	var b strings.Builder
	for i := 0; i < len(t.body); i++ {
		c := t.body[i]
		if c == '\\' {
			i++
			known := false
			if c, known = escapes[t.body[i]]; !known {
				return "", malformed(t.pos, `invalid string literal '%s'. Illegal character sequence '\%c' in string literal.`, t.body, t.body[i])
			}
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

// Pattern is the compiled right-hand side of LIKE.
type Pattern struct{ elements []element }

type element struct {
	char rune
	wild byte // '%', '_' or 0 for the character itself
}

// Pattern compiles a string literal for LIKE: % stands for any characters, _ for
// exactly one, and an escaped one for itself. Case does not matter.
func (l Literal) Pattern() Pattern {
	var p Pattern
	escaped := false
	for _, r := range l.raw {
		switch {
		case escaped:
			if c, known := escapes[byte(r)]; known && r < 0x80 {
				r = rune(c)
			}
			p.elements = append(p.elements, element{char: r})
			escaped = false
		case r == '\\':
			escaped = true
		case r == '%', r == '_':
			p.elements = append(p.elements, element{wild: byte(r)})
		default:
			p.elements = append(p.elements, element{char: r})
		}
	}
	for i, e := range p.elements {
		p.elements[i].char = unicode.ToLower(e.char)
	}
	return p
}

// Match tells whether the whole of s fits the pattern.
func (p Pattern) Match(s string) bool {
	runes := []rune(s)
	// The usual two-pointer walk: on a mismatch go back to the last % and let it
	// swallow one character more. Linear for what people write.
	i, j, star, mark := 0, 0, -1, 0
	for i < len(runes) {
		switch {
		case j < len(p.elements) && p.elements[j].wild == '%':
			star, mark = j, i
			j++
		case j < len(p.elements) && (p.elements[j].wild == '_' || p.elements[j].wild == 0 && p.elements[j].char == unicode.ToLower(runes[i])):
			i++
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	for j < len(p.elements) && p.elements[j].wild == '%' {
		j++
	}
	return j == len(p.elements)
}
