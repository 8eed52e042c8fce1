package schemas

import (
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// The records of the topic calls are written by hand: through reflection it
// takes five times as long, for a third of all events. What is written is byte
// for byte what encode would write, which TestAppendWritesWhatEncodeWrites
// holds it to. Where there are fields of a newer binary, encode writes.

// encodeCallRecord is appendCallRecord into memory of its own, no more than needed.
func encodeCallRecord(r *CallRecord) ([]byte, bool) {
	scratch := scratches.Get().(*[]byte)
	defer scratches.Put(scratch)
	b, ok := appendCallRecord((*scratch)[:0], r)
	if cap(b) <= 64<<10 {
		*scratch = b
	}
	return slices.Clone(b), ok
}

var scratches = sync.Pool{New: func() any { return new([]byte) }}

// appendCallRecord appends a record to b; false where it has fields of a newer
// binary.
func appendCallRecord(b []byte, r *CallRecord) ([]byte, bool) {
	if len(r.Unknown) > 0 || len(r.Trace.Unknown) > 0 {
		return b, false
	}
	b = append(b, `{"state":`...)
	b, ok := appendCall(b, &r.State)
	if !ok {
		return b, false
	}
	b = append(b, `,"trace":{"events":[`...)
	for i := range r.Trace.Events {
		e := &r.Trace.Events[i]
		b = appendComma(b, i)
		b = appendKey(append(b, `{"at":`...), e.At)
		b = appendString(append(b, `,"event":`...), e.Event)
		b = strconv.AppendInt(append(b, `,"offset":`...), e.Offset, 10)
		b = append(b, '}')
	}
	return append(b, `]}}`...), true
}

// appendCall appends a state; false where it has fields of a newer binary.
func appendCall(b []byte, c *Call) ([]byte, bool) {
	if len(c.Unknown) > 0 {
		return b, false
	}
	w := latestWriter{c.Newest}
	b = strconv.AppendInt(append(b, `{"id":`...), c.ID, 10)
	b = appendKey(append(b, `,"newest":`...), c.Newest)
	b = w.text(b, `,"uuid":`, &c.UUID)
	b = w.text(b, `,"direction":`, &c.Direction)
	if c.Status != StatusUnknown {
		b = appendString(append(b, `,"status":`...), c.Status.String())
	}
	b = appendInt(b, `,"started_at":`, c.StartedAt)
	b = appendInt(b, `,"answered_at":`, c.AnsweredAt)
	b = w.number(b, `,"ended_at":`, &c.EndedAt)
	b = appendInt(b, `,"ended_event":`, c.EndedEvent)
	b = appendTrue(b, `,"voicemail_left":true`, c.VoicemailLeft)
	b = appendTrue(b, `,"conference":true`, c.Conference)
	b = w.text(b, `,"missed_reason":`, &c.MissedReason)
	b = w.text(b, `,"external":`, &c.External)
	b = w.callNumber(b, &c.Number)
	if c.Contact.Known() {
		b = w.at(append(b, `,"contact":`...), c.Contact.At)
		b = append(appendContact(b, &c.Contact.Value), '}')
	}
	b = w.agents(b, c.Agents)
	b = appendTransfers(b, c.Transfers)
	if c.RESTTransfer.Known() {
		b = append(w.at(append(b, `,"rest_transfer":`...), c.RESTTransfer.At), '{')
		from := len(b)
		b = append(dropComma(appendParties(b, &c.RESTTransfer.Value), from), `}}`...)
	}
	b = w.text(b, `,"external_transfer":`, &c.ExternalTransfer)
	if c.AssignedTo.Known() {
		b = w.at(append(b, `,"assigned_to":`...), c.AssignedTo.At)
		b = append(appendUser(b, &c.AssignedTo.Value), '}')
	}
	if c.Archived.Known() {
		b = w.at(append(b, `,"archived":`...), c.Archived.At)
		b = append(strconv.AppendBool(b, c.Archived.Value), '}')
	}
	b = w.texts(b, `,"ivr_options":`, &c.IVROptions)
	b = w.text(b, `,"recording":`, &c.Recording)
	b = w.text(b, `,"voicemail":`, &c.Voicemail)
	b = w.text(b, `,"asset":`, &c.Asset)
	b = w.tags(b, &c.Tags)
	b = w.comments(b, &c.Comments)
	b = w.command(b, `,"rewrite":`, &c.Rewrite)
	b = w.command(b, `,"rematch":`, &c.Rematch)
	b = w.command(b, `,"retry":`, &c.Retry)
	b = w.command(b, `,"erased":`, &c.Erased)
	return append(b, '}'), true
}

// appendString appends a text as a JSON string; what is no UTF-8 is replaced.
func appendString(b []byte, s string) []byte {
	if skipPlain(s, 0) < len(s) || !utf8.ValidString(s) {
		// The error says that something was replaced.
		b, _ = jsontext.AppendQuote(b, s)
		return b
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func appendKey(b []byte, k Key) []byte {
	b, _ = k.AppendText(append(b, '"')) // never an error
	return append(b, '"')
}

// appendInt appends a member unless it is 0.
func appendInt(b []byte, name string, t int64) []byte {
	if t == 0 {
		return b
	}
	return strconv.AppendInt(append(b, name...), t, 10)
}

// appendText appends a member unless it is empty.
func appendText(b []byte, name, s string) []byte {
	if s == "" {
		return b
	}
	return appendString(append(b, name...), s)
}

// appendTrue appends a member that is left out when it is false.
func appendTrue(b []byte, member string, v bool) []byte {
	if !v {
		return b
	}
	return append(b, member...)
}

// appendComma appends what separates the element i of a list from the one before.
func appendComma(b []byte, i int) []byte {
	if i == 0 {
		return b
	}
	return append(b, ',')
}
