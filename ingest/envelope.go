package ingest

import "slices"

import "github.com/tidwall/gjson"

// envelope is where the top-level members of a webhook body lie.
//
// It is found by a scanner of our own: JSON packages give no byte offsets on a
// body that is broken or cut off, and there the token has to be found (to
// authenticate) and taken out (to store) just the same. The scanner does not
// judge, whether a body is JSON is gjson's to say. It keeps no stack, so
// nesting costs nothing.
type envelope struct {
	members []member
	// end is the offset behind the last byte that was understood. Behind it
	// there is nothing in a body that is JSON.
	end int
}

// member is one top-level member: body[start:end], from the first quote of its
// key to the last byte of its value.
type member struct {
	key               []byte // unescaped
	start, value, end int
}

func (m member) isToken() bool { return string(m.key) == "token" }

// scanEnvelope finds the top-level members of a body, as far as it can be
// understood. A body that is not an object has none. Where it breaks off
// inside a value, that value counts to the body's end; half a token counts as
// not understood.
func scanEnvelope(body []byte) envelope {
	var e envelope
	i := skipSpace(body, 0)
	if i == len(body) || body[i] != '{' {
		return e
	}
	i++
	e.end = i
	e.members = make([]member, 0, 8) // Aircall sends five
	for {
		i = skipSpace(body, i)
		if i < len(body) && body[i] == '}' {
			e.end = i + 1
			if i = skipSpace(body, e.end); i == len(body) {
				e.end = i
			}
			return e
		}
		if len(e.members) > 0 {
			if i == len(body) || body[i] != ',' {
				return e
			}
			i = skipSpace(body, i+1)
		}
		m := member{start: i}
		if i = skipString(body, i); i < 0 {
			return e
		}
		m.key = unquote(body[m.start:i])
		i = skipSpace(body, i)
		if i == len(body) || body[i] != ':' {
			return e
		}
		m.value = skipSpace(body, i+1)
		if i = skipValue(body, m.value); i < 0 {
			if m.isToken() {
				return e
			}
			i = len(body)
		}
		m.end = i
		e.end = i
		e.members = append(e.members, m)
	}
}

// value is the first member of that name; it does not exist where there is none.
func (e envelope) value(body []byte, key string) gjson.Result {
	for _, m := range e.members {
		if string(m.key) == key {
			return gjson.ParseBytes(body[m.value:m.end])
		}
	}
	return gjson.Result{}
}

// withoutTokens returns a copy of what was understood of the body, without its
// top-level members named token. Each goes with one comma and the white space
// up to its neighbour; every other byte stays as it came, and what was JSON
// still is.
func (e envelope) withoutTokens(body []byte) []byte {
	out := make([]byte, 0, e.end)
	from := 0  // where the bytes begin that are copied next
	kept := -1 // end of the last member that stays
	for i, m := range e.members {
		if !m.isToken() {
			kept = m.end
			continue
		}
		if from > m.start {
			continue // cut already, together with its left neighbour
		}
		next := i
		for next < len(e.members) && e.members[next].isToken() {
			next++
		}
		start, end := m.start, e.members[next-1].end
		switch {
		case next < len(e.members):
			end = e.members[next].start // and the comma behind
		case kept >= 0:
			start = kept // and the comma before
		}
		out = append(out, body[from:start]...)
		from = end
	}
	return append(out, body[from:e.end]...)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skipString returns the offset behind the string that begins at i, or -1
// where none begins or it does not end.
func skipString(b []byte, i int) int {
	if i == len(b) || b[i] != '"' {
		return -1
	}
	for i++; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return -1
}

// skipValue returns the offset behind the value that begins at i, or -1 where
// none begins or it does not end.
func skipValue(b []byte, i int) int {
	if i == len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
	default:
		return skipLiteral(b, i)
	}
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			if i = skipString(b, i); i < 0 {
				return -1
			}
			i--
		}
	}
	return -1
}

// skipLiteral skips a number, true, false or null, or what stands in its place.
func skipLiteral(b []byte, i int) int {
	start := i
	for ; i < len(b); i++ {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\r', '\t':
			if i == start {
				return -1
			}
			return i
		}
	}
	return -1
}

// unquote returns the text of a string literal, without copying where nothing
// is escaped.
func unquote(quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	if slices.Contains(inner, '\\') {
		return []byte(gjson.ParseBytes(quoted).Str)
	}
	return inner
}
