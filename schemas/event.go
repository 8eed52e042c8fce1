package schemas

import (
	"time"

	"github.com/tidwall/gjson"
)

// Source says how an event got into the log.
type Source string

// The sources.
const (
	Webhook  Source = "webhook"  // posted by Aircall
	Backfill Source = "backfill" // read from Aircall's REST API
	Operator Source = "command"  // a callfold.* command
)

// Headers of the records in the topics.
const (
	// HeaderSchema names the value's schema and its version, see [Codec].
	HeaderSchema = "schema"
	// HeaderEvent is the event's name, such as call.answered (topic events).
	HeaderEvent = "event"
	// HeaderReceivedAt is when the event was received, in UNIX milliseconds as
	// decimal digits (topics events and rejected).
	HeaderReceivedAt = "received-at"
	// HeaderSource is a [Source] (topic events).
	HeaderSource = "source"
	// HeaderRedriven marks a record that was in the topic rejected before, and says
	// where: PARTITION:OFFSET (topic events).
	HeaderRedriven = "redriven"
	// HeaderNextInput is the offset after the last input of the transaction
	// that wrote the record, as decimal digits (topics calls and tasks).
	HeaderNextInput = "next-input"
)

// Event is one parsed event: its place in the order of the call's events, and
// what it says. Everything in it is a pure function of the body.
type Event struct {
	// Name is the event's name, such as call.answered; [EventREST] for a call
	// object of the REST API.
	Name string
	// CallID is Aircall's call id, 1 … 2^63−1.
	CallID int64
	// Key is the event's place in the total order of the call's events.
	Key Key

	// call is the state that knows nothing but this event, see [Of].
	call Call
}

// maxAhead is how far a timestamp may lie ahead of the reception: clocks
// differ, but an event from next week would win every join until then.
const maxAhead = 24 * time.Hour

// TooFarAhead reports whether the event's time is more than 24 hours after
// receivedAt. Such an event is to be rejected with [FutureTime]: nothing that
// comes later could correct what it says.
func (e Event) TooFarAhead(receivedAt time.Time) bool {
	return e.Key.Time > receivedAt.Add(maxAhead).Unix()
}

// Rejection is why a body is no call event that can be folded.
type Rejection struct {
	Reason RejectReason
	// Detail says in one sentence what is wrong. It may name members of the
	// body, never what they hold.
	Detail string
}

// Error implements error.
func (r *Rejection) Error() string { return r.Detail + " (" + string(r.Reason) + ")" }

// maxDepth is how deeply a body may be nested. The JSON checker calls itself
// for every level, and a stack that outgrows its limit ends the process.
const maxDepth = 10_000

// ParseEvent reads a body:
//
//   - a webhook body {"resource":"call","event":…,"timestamp":…,"data":{…}};
//   - a command body {"resource":"callfold","event":"callfold.erase",…} whose
//     data are {"id":…,"who":…,"why":…,"state_hash":…};
//   - a call object of the REST API, bare or as {"call":{…}}. It has no time
//     of its own and takes the latest one inside; its name is [EventREST].
//
// A webhook body without a usable timestamp takes the latest time inside, too.
//
// Texts are bounded here, so that every state fits a record (see text.go), and
// invalid UTF-8 is replaced by U+FFFD. Keys repeated in the envelope or among
// the members of data are refused, because readers would disagree about which
// one counts; deeper ones are tolerated, the last one counts.
//
// An error is always a *[Rejection]; the event then has its Name and CallID as
// far as they could be read, and nothing else.
func ParseEvent(body []byte) (Event, error) {
	if tooDeep(body) {
		return Event{}, &Rejection{NotJSON, "the body is nested deeper than 10,000 levels"}
	}
	start := skipBlanks(body, 0)
	if byteAt(body, start) != '{' {
		if !gjson.ValidBytes(body) {
			return Event{}, &Rejection{NotJSON, "the body is not JSON"}
		}
		return Event{}, &Rejection{NotACall, "the body is no JSON object"}
	}
	w := newWalk(body)
	defer w.release()
	if !w.envelope(start) {
		return Event{}, &Rejection{NotJSON, "the body is not JSON"}
	}
	top, data, call := &w.top, &w.data, &w.call
	top.sort()
	if name, ok := top.repeated(); ok {
		return Event{}, &Rejection{RepeatedKeys, "the body has the member " + quote(name) + " more than once"}
	}
	switch {
	case top.get("resource").exists() || top.get("event").exists():
		return parseEnvelope(top, data)
	case top.get("call").isObject():
		call.sort()
		if name, ok := call.repeated(); ok {
			return Event{}, &Rejection{RepeatedKeys, "call has the member " + quote(name) + " more than once"}
		}
		return parseREST(call)
	case top.get("direction").exists():
		return parseREST(top)
	}
	return Event{}, &Rejection{NotACall, "the body is neither an event (resource, event) nor a call object (id, direction)"}
}

// parseEnvelope reads a webhook body or a command, and its data.
func parseEnvelope(top, data *members) (Event, error) {
	resource := top.get("resource").str()
	event, ok := knownEvent(top.get("event").str())
	if !ok {
		event = text(top.get("event"), maxName)
	}
	reject := func(reason RejectReason, detail string) (Event, error) {
		return Event{Name: event}, &Rejection{reason, detail}
	}
	switch {
	case resource != "call" && resource != "callfold":
		return reject(NotACall, "resource is not call")
	case event == "":
		return reject(NotACall, "event is missing or no text")
	case (resource == "callfold") != IsCommand(event):
		// Nobody gets a command into the log in the guise of a call event.
		return reject(NotACall, "resource and event do not belong together")
	case IsCommand(event) && !knownCommand(event):
		return reject(NotACall, "event is no command that is known")
	}
	switch v := top.get("data"); {
	case !v.exists() || v.isNull():
		return reject(NoID, "data is missing")
	case !v.isObject():
		return reject(NotACall, "data is no object")
	}
	data.sort()
	if name, ok := data.repeated(); ok {
		return reject(RepeatedKeys, "data has the member "+quote(name)+" more than once")
	}
	e := Event{Name: event}
	if err := e.read(data, timestamp(top.get("timestamp"))); err != nil {
		return Event{Name: e.Name, CallID: e.CallID}, err
	}
	return e, nil
}

// parseREST reads a call object of the REST API.
func parseREST(data *members) (Event, error) {
	e := Event{Name: EventREST}
	if err := e.read(data, 0); err != nil {
		return Event{Name: e.Name, CallID: e.CallID}, err
	}
	return e, nil
}

// read sets all but the name from data. A time of 0 means that the latest one
// inside counts.
func (e *Event) read(data *members, at int64) error {
	id := data.get("id")
	if !id.exists() || id.isNull() {
		return &Rejection{NoID, "the call has no id"}
	}
	if e.CallID = identifier(id); e.CallID == 0 {
		return &Rejection{BadID, "id is no whole number from 1 to 9223372036854775807 in plain digits"}
	}
	s := snapshot{call: &e.call}
	if IsCommand(e.Name) {
		s.readCommand(e.Name, data)
	} else {
		s.readCall(e.Name, data)
	}
	if at == 0 {
		at = s.latest
	}
	if at == 0 {
		return &Rejection{NoTime, "timestamp is no time in UNIX seconds, and the call has none either"}
	}
	e.Key = Key{Time: at, Rank: RankOf(e.Name), Tie: s.tie(e.Name), Hash: data.hash()}
	s.stamp(e.CallID, e.Key)
	return nil
}

// knownCommand reports whether event is a command that this version folds. A
// newer one comes with a newer schema header and is not read at all.
func knownCommand(event string) bool {
	switch event {
	case EventRewrite, EventRematch, EventRetry, EventErase:
		return true
	}
	return false
}

// tooDeep reports whether body is nested deeper than maxDepth.
func tooDeep(body []byte) bool {
	// No body can be deeper than it is long, or has brackets: nearly all end here.
	if len(body) <= maxDepth || opening(body) <= maxDepth {
		return false
	}
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// quote makes a member's name fit for a message.
func quote(name string) string { return `"` + clean(name, 100) + `"` }
