package schemas

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// The records of the topic calls are read by hand where they are exactly as
// appendCallRecord writes them: members in its order, no white space, nothing
// unknown. Of anything else a reader says that it cannot, and then
// json.Unmarshal decides. So a reader need not know what is wrong with a
// record, only that something is not as expected.

// readCallRecord reads a record into the zero CallRecord; false where it cannot.
func readCallRecord(b []byte, c *CallRecord) bool {
	if !utf8.Valid(b) {
		return false
	}
	// One copy, of which all texts are parts.
	r := &reader{bytes: b, text: string(b)}
	r.want(`{"state":`)
	r.call(&c.State)
	r.want(`,"trace":{"events":[`)
	c.Trace.Events = []TraceEvent{}
	for r.element(len(c.Trace.Events)) {
		var e TraceEvent
		r.want(`{"at":`)
		e.At = r.key()
		r.want(`,"event":`)
		e.Event = eventName(r.str())
		r.want(`,"offset":`)
		e.Offset = r.int()
		r.want(`}`)
		c.Trace.Events = append(c.Trace.Events, e)
	}
	r.want(`}}`)
	return !r.failed && r.at == len(b)
}

// reader reads JSON of which it knows what it must look like.
type reader struct {
	bytes  []byte
	text   string // the same
	at     int
	failed bool
	first  bool // see open
	newest Key  // of the state that is read
}

// fail makes everything that follows fail.
func (r *reader) fail() { r.failed, r.at = true, len(r.text) }

// have goes past s, if that is what comes.
func (r *reader) have(s string) bool {
	if !strings.HasPrefix(r.text[r.at:], s) {
		return false
	}
	r.at += len(s)
	return true
}

// want goes past s, which must come.
func (r *reader) want(s string) {
	if !r.have(s) {
		r.fail()
	}
}

// element reports whether a list, of which n elements were read, has another,
// and goes to it; else past the list.
func (r *reader) element(n int) bool {
	switch {
	case r.failed || r.have(`]`):
		return false
	case n > 0:
		r.want(`,`)
	}
	return !r.failed
}

// int reads a whole number as strconv writes it.
func (r *reader) int() int64 {
	from := r.at
	r.have(`-`)
	first := r.at
	for r.at < len(r.text) && '0' <= r.text[r.at] && r.text[r.at] <= '9' {
		r.at++
	}
	n, err := strconv.ParseInt(r.text[from:r.at], 10, 64)
	if err != nil || r.text[first] == '0' && r.text[from:r.at] != "0" {
		r.fail()
		return 0
	}
	return n
}

// str reads a text.
func (r *reader) str() string {
	from := r.at
	end := checkString(r.bytes, from)
	if end < 0 {
		r.fail()
		return ""
	}
	r.at = end
	if s := r.text[from+1 : end-1]; strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b, err := jsontext.AppendUnquote(nil, r.bytes[from:end])
	if err != nil {
		r.fail()
	}
	return string(b)
}

// key reads a key.
func (r *reader) key() (k Key) {
	r.want(`"`)
	k.Time = r.int()
	r.want(`.`)
	rank := r.int()
	r.want(`.`)
	tie := r.int()
	r.want(`.`)
	k.Rank, k.Tie = Rank(rank), int32(tie)
	hash := min(r.at+keyHashLen, len(r.text))
	if int64(k.Rank) != rank || int64(k.Tie) != tie || !k.readHash(r.bytes[r.at:hash]) {
		r.fail()
		return Key{}
	}
	r.at = hash
	r.want(`"`)
	// No record has the first; the second would be filled in.
	if k.IsZero() || k == sameAsNewest {
		r.fail()
	}
	return k
}

// opened begins a Latest and reads its key, up to its value.
func (r *reader) opened() Key {
	r.want(`{`)
	if !r.have(`"at":`) {
		r.want(`"v":`)
		return r.newest
	}
	k := r.key()
	r.want(`,"v":`)
	return k
}

// open begins an object of which any member may come first, or none.
func (r *reader) open() {
	r.want(`{`)
	r.first = true
}

// close ends one.
func (r *reader) close() {
	r.first = false
	r.want(`}`)
}

// member goes to the value of a member, if that is what comes. The name is
// given with the comma before it, which the first of an object does not have.
func (r *reader) member(name string) bool {
	if r.first {
		name = name[1:]
	}
	if !r.have(name) {
		return false
	}
	r.first = false
	return true
}
