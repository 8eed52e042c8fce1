package schemas_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/callfold/callfold/schemas"
	"pgregory.net/rapid"
)

// The generators draw from tiny domains on purpose: four seconds, three users,
// three tags. So ties, duplicates, failed transfers and the like come up all
// the time. TestLaws counts the cases that matter (cases_test.go).

const (
	callID = 4242
	epoch  = 1_767_600_000 // the first of the four seconds
)

// body is a webhook body before it is written: what the detectors of cases
// look at, and what bytes are made of. A nil member is absent.
type body struct {
	name string
	at   int64
	// data are members of the call object besides id.
	data map[string]any
}

// null is a member that is there with the value null.
var null = json.RawMessage("null")

// bytes writes the body, the members of data rotated by so many places: the
// order of members must not matter.
func (b body) bytes(rotate int) []byte {
	names := []string{"id"}
	for name := range b.data {
		names = append(names, name)
	}
	slices.Sort(names)
	rotate %= len(names)
	names = append(names[rotate:], names[:rotate]...)
	var members []string
	for _, name := range names {
		value := any(callID)
		if name != "id" {
			value = b.data[name]
		}
		v, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		members = append(members, fmt.Sprintf("%q:%s", name, v))
	}
	data := "{" + strings.Join(members, ",") + "}"
	if b.name == schemas.EventREST {
		return []byte(data)
	}
	resource := "call"
	if schemas.IsCommand(b.name) {
		resource = "callfold"
	}
	return fmt.Appendf(nil, `{"timestamp":%d,"data":%s,"event":%q,"resource":%q}`, b.at, data, b.name, resource)
}

// event parses the body.
func (b body) event() schemas.Event {
	e, err := schemas.ParseEvent(b.bytes(0))
	if err != nil {
		panic(fmt.Sprintf("%s: %v", b.bytes(0), err))
	}
	return e
}

// with is the body with other members.
func (b body) with(name string, value any) body {
	data := map[string]any{name: value}
	for k, v := range b.data {
		if k != name {
			data[k] = v
		}
	}
	b.data = data
	return b
}

type object = map[string]any

// user is a user by number, 1 to 3.
func user(id int) object {
	return object{"id": id, "name": string(rune('A' + id - 1)), "email": fmt.Sprintf("%c@example.com", 'a'+id-1)}
}

func tag(name string, at int64, by int) object {
	return object{"id": int(name[0]), "name": name, "tagged_at": at, "tagged_by": user(by)}
}

func externals(n int) []object {
	list := []object{{"type": "user", "id": 1}}
	for i := range n {
		list = append(list, object{"type": "external", "phone_number": fmt.Sprint("+3312345678", i)})
	}
	return list
}

// pick draws one of the values.
func pick[V any](t *rapid.T, label string, values ...V) V {
	return rapid.SampledFrom(values).Draw(t, label)
}

// drawAt draws one of the four seconds.
func drawAt(t *rapid.T) int64 { return epoch + pick[int64](t, "second", 0, 1, 2, 3) }

var eventNames = []string{
	"call.answered", "call.created", "call.ringing_on_agent", "call.agent_declined", "call.hold", "call.unhold",
	"call.transferred", "call.unsuccessful_transfer", "call.external_transferred", "call.hungup", "call.ended",
	"call.voicemail_left", "call.comm_assets_generated", "call.tagged", "call.untagged", "call.commented",
	"call.assigned", "call.archived", "call.unarchived", "call.ivr_option_selected", schemas.EventREST,
}

var commandNames = []string{
	schemas.EventRewrite, schemas.EventRematch, schemas.EventRetry, schemas.EventErase,
}

// drawBody draws any event at all.
func drawBody(t *rapid.T) body {
	if rapid.IntRange(0, 19).Draw(t, "command") == 7 {
		return drawCommand(t)
	}
	b := body{name: rapid.SampledFrom(eventNames).Draw(t, "name"), at: drawAt(t)}
	return drawData(t, b)
}

func drawCommand(t *rapid.T) body {
	return body{name: rapid.SampledFrom(commandNames).Draw(t, "name"), at: drawAt(t), data: object{
		"who": pick(t, "who", "ann", "ben"), "why": "because", "state_hash": pick[any](t, "hash", "", "ff", null),
	}}
}

// drawData adds members, each of which may be absent, null, empty or known.
func drawData(t *rapid.T, b body) body {
	b.data = object{}
	member := func(name string, values ...any) {
		values = append([]any{nil, null}, values...)
		if v := rapid.SampledFrom(values).Draw(t, name); v != nil {
			b.data[name] = v
		}
	}
	empty := object{}
	member("direction", "inbound", "outbound")
	member("status", "initial", "answered", "done", "")
	member("answered_at", epoch+1, epoch+2)
	member("ended_at", epoch+2, epoch+3, 0)
	member("user", user(1), user(2), user(3), empty, object{"id": 2})
	member("tags", []object{}, []object{tag("a", epoch, 1)}, []object{tag("b", epoch+1, 2), tag("a", epoch, 1)})
	member("comments", []object{}, []object{{"id": 1, "content": "hello", "posted_at": epoch + 2, "posted_by": user(1)}})
	member("participants", externals(1), externals(2))
	member("recording", "https://r.example/?sig=1", "https://r.example/?sig=2", "")
	member("voicemail", "https://v.example/?sig=1", "https://v.example/?sig=2")
	member("transferred_by", user(1), user(2), empty)
	member("transferred_to", user(2), user(3))
	if rapid.Bool().Draw(t, "rich") {
		member("call_uuid", "u1", "u2", "")
		member("started_at", epoch, epoch+1)
		member("missed_call_reason", "abandoned_in_ivr", "")
		member("raw_digits", "+33 1 23 45 67 89", "anonymous")
		member("number", empty, object{"id": 7, "name": "Paris", "country": "FR"}, object{"name": "Lyon", "digits": "+33 4", "time_zone": "Europe/Paris"})
		member("contact", empty, object{"id": 9}, object{"id": 9, "first_name": "Marie"}, object{"company_name": "Durand"})
		member("assigned_to", user(1), user(3), empty)
		member("external_transferred_to", "+442079460000", object{"phone_number": "+442079460001"})
		member("archived", true, false)
		member("ivr_options_selected", []object{}, []object{{"title": "Sales", "key": "1"}}, []object{{"title": "Billing"}})
		member("asset", "https://a.example/1", "https://a.example/2", "")
	}
	if b.name == schemas.EventREST { // how such an object is told from others, and its time
		b.data["direction"] = "outbound"
		b.data["started_at"] = drawAt(t)
	}
	return b
}

// motifs are the situations that architecture and experience name. Each draws
// the events that make it up, among which chance then mixes others.
var motifs = []func(t *rapid.T) []body{
	func(t *rapid.T) []body { // A→C answered, then C→B failed
		return []body{
			{"call.transferred", epoch, object{"transferred_by": user(1), "transferred_to": user(3)}},
			{pick(t, "sighting", "call.answered", "call.hold", "call.hungup"), epoch + pick[int64](t, "after", 0, 1), object{"user": user(3)}},
			{"call.unsuccessful_transfer", epoch + 2, object{"transferred_by": user(3), "transferred_to": user(2)}},
		}
	},
	func(t *rapid.T) []body { // a failed B and a transferred C in one second
		at := drawAt(t)
		return []body{
			{"call.unsuccessful_transfer", at, object{"transferred_by": user(1), "transferred_to": user(2)}},
			{"call.transferred", at, object{"transferred_by": user(1), "transferred_to": user(3)}},
		}
	},
	func(t *rapid.T) []body { // [a] and [a,b] in one second, tagged or untagged
		at, name := drawAt(t), pick(t, "name", "call.tagged", "call.untagged")
		return []body{
			{name, at, object{"tags": []object{tag("a", epoch, 1)}}},
			{name, at, object{"tags": []object{tag("a", epoch, 1), tag("b", epoch, 2)}}},
		}
	},
	func(t *rapid.T) []body { // [] against null
		list := pick(t, "list", "tags", "comments")
		full := drawData(t, body{name: "call.hold", at: epoch}).with(list, []object{{"id": 1, "name": "a", "content": "a"}})
		return []body{full,
			full.with(list, []object{}).moved("call.unhold", epoch+1),
			full.with(list, null).moved("call.hungup", epoch+2),
		}
	},
	func(t *rapid.T) []body { // bodies that differ only in signatures
		b := drawData(t, body{name: "call.ended", at: drawAt(t)})
		return []body{
			b.with("recording", "https://r.example/?sig=1").with("voicemail", "https://v.example/?sig=2"),
			b.with("recording", "https://r.example/?sig=2").with("voicemail", "https://v.example/?sig=1"),
		}
	},
	func(t *rapid.T) []body { // ringing(B) after answered(A)
		at := drawAt(t)
		return []body{
			{"call.answered", at, object{"user": user(1), "answered_at": at}},
			{"call.ringing_on_agent", at + 1, object{"user": user(2), "answered_at": at}},
		}
	},
	func(t *rapid.T) []body { // participants 2→1
		return []body{
			{"call.answered", epoch, object{"participants": externals(2)}},
			{"call.hungup", epoch + 1, object{"participants": externals(1)}},
		}
	},
	func(t *rapid.T) (many []body) { // more events than a trace holds
		for i := range int64(33) {
			many = append(many, body{"call.hold", epoch + i/2, object{"user": user(int(i%3) + 1), "cost": i}})
		}
		return many
	},
	func(t *rapid.T) []body { // more transfers, and more seconds of one agent, than a state holds
		var many []body
		for i := range int64(18) {
			many = append(many,
				body{"call.transferred", epoch + i, object{"transferred_by": user(1), "transferred_to": user(2)}},
				body{"call.hold", epoch + i, object{"user": user(1)}})
		}
		return many
	},
	drawErasure, drawErasure, // twice, so that it comes twice as often
	func(t *rapid.T) []body { // a created that may come late
		return []body{
			{"call.created", epoch, object{"direction": "inbound", "started_at": epoch}},
			{"call.answered", epoch + 1, object{"direction": "outbound", "status": "answered", "answered_at": epoch + 1}},
		}
	},
}

func drawErasure(t *rapid.T) []body {
	return []body{{schemas.EventErase, epoch + pick[int64](t, "at", 0, 5), object{"who": "ann", "why": "asked"}}}
}

// moved is the body as another event.
func (b body) moved(name string, at int64) body {
	b.name, b.at = name, at
	return b
}

// entry is an event in a log: the order of a log is that of arrival, and
// offsets need not follow it (a partition may be read again from an earlier
// offset).
type entry struct {
	body   body
	event  schemas.Event
	offset int64
}

// drawLog draws the log of one call, in the order of arrival, with duplicates.
func drawLog(t *rapid.T) []entry {
	bodies := rapid.SliceOfN(rapid.Custom(drawBody), 0, 5).Draw(t, "events")
	for range rapid.IntRange(1, 3).Draw(t, "motifs") {
		// Not SampledFrom: it prefers the first ones.
		i := rapid.Uint64().Draw(t, "motif") % uint64(len(motifs))
		bodies = append(bodies, motifs[i](t)...)
	}
	for range rapid.IntRange(0, 3).Draw(t, "duplicates") {
		bodies = append(bodies, bodies[rapid.IntRange(0, len(bodies)-1).Draw(t, "duplicate")])
	}
	order := make([]int, len(bodies))
	for i := range order {
		order[i] = i
	}
	arrival := rapid.Permutation(order).Draw(t, "arrival")
	offsets := rapid.Permutation(order).Draw(t, "offsets")
	log := make([]entry, len(bodies))
	for i, b := range bodies {
		e, err := schemas.ParseEvent(b.bytes(rapid.IntRange(0, 9).Draw(t, "rotate")))
		if err != nil {
			t.Fatalf("%s: %v", b.bytes(0), err)
		}
		log[arrival[i]] = entry{b, e, int64(offsets[i])}
	}
	// An erasure comes first or last more often than chance would have it.
	if i := slices.IndexFunc(log, func(l entry) bool { return l.body.name == schemas.EventErase }); i >= 0 {
		place := pick(t, "erased", i, 0, len(log)-1)
		log[i], log[place] = log[place], log[i]
	}
	return log
}
