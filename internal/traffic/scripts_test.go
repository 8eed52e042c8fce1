package traffic

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// TestKindsKeepTheirPromise makes many calls of each kind and looks for what
// docs/traffic.md says of it.
func TestKindsKeepTheirPromise(t *testing.T) {
	reason := func(want string) func(call) bool {
		return func(c call) bool {
			return !c.answered() && c.last().Get("missed_call_reason").String() == want && c.last().Get("direction").Str == "inbound"
		}
	}
	promises := map[Kind]func(call) bool{
		AnsweredInbound:        func(c call) bool { return c.answered() && c.first().Get("direction").Str == "inbound" },
		AnsweredOutbound:       func(c call) bool { return c.answered() && c.first().Get("direction").Str == "outbound" },
		UnansweredOutbound:     func(c call) bool { return !c.answered() && c.first().Get("direction").Str == "outbound" },
		MissedAgentsSilent:     reason("agents_did_not_answer"),
		MissedNoAgent:          reason("no_available_agent"),
		MissedShortAbandoned:   reason("short_abandoned"),
		MissedAbandonedIVR:     reason("abandoned_in_ivr"),
		MissedAbandonedClassic: reason("abandoned_in_classic"),
		MissedAbandoned:        reason("abandoned"),
		MissedNoReason:         reason(""),
		OutOfOpeningHours: func(c call) bool {
			return reason("out_of_opening_hours")(c) && !c.last().Get("number.open").Bool()
		},
		Voicemail: func(c call) bool {
			return !c.answered() && c.has("call.voicemail_left") && strings.HasSuffix(c.last().Get("asset").Str, "/voicemail")
		},
		TransferAnswered: func(c call) bool {
			return c.has("call.transferred") && !c.has("call.unsuccessful_transfer") &&
				c.at("call.hungup").Get("user.id").Int() == c.at("call.transferred").Get("transferred_to.id").Int()
		},
		TransferFailed: func(c call) bool {
			return c.has("call.unsuccessful_transfer") && c.last().Get("transferred_to.id").Exists() &&
				c.at("call.hungup").Get("user.id").Int() == c.at("call.hungup").Get("transferred_by.id").Int()
		},
		TransferRetried: func(c call) bool {
			return c.count("call.transferred") == 2 && c.count("call.unsuccessful_transfer") == 1 &&
				c.at("call.hungup").Get("user.id").Int() == c.at("call.hungup").Get("transferred_to.id").Int()
		},
		TransferTeam: func(c call) bool {
			return c.has("call.transferred") && c.last().Get("teams.0.id").Exists()
		},
		TransferExternal: func(c call) bool { return c.has("call.external_transferred") && !c.has("call.transferred") },
		IVR:              func(c call) bool { return c.has("call.ivr_option_selected") },
		Held:             func(c call) bool { return c.has("call.hold") && c.count("call.hold") == c.count("call.unhold") },
		Tagged:           func(c call) bool { return c.count("call.tagged") >= 3 && c.has("call.untagged") },
		Noted: func(c call) bool {
			return c.count("call.commented") >= 3 && c.count("call.commented") > len(c.last().Get("comments").Array())
		},
		LongNote: func(c call) bool {
			longest := 0
			for _, n := range c.last().Get("comments").Array() {
				longest = max(longest, utf8.RuneCountInString(n.Get("content").Str))
			}
			return longest > 40000
		},
		ManyTags: func(c call) bool { return len(c.last().Get("tags").Array()) >= 300-1 }, // one may be untagged
		Conference: func(c call) bool {
			most := 0
			for _, e := range c.events {
				most = max(most, len(e.Get("participants.#(type==external)#").Array()))
			}
			tag := c.at("call.tagged").Get(`tags.#(name=="Conference").tagged_by`)
			system := false
			for _, e := range c.events {
				if e.Get(`tags.#(name=="Conference").tagged_by`).Raw == "{}" {
					system = true
				}
			}
			return most == 2 || system || tag.Raw == "{}"
		},
		Anonymous: func(c call) bool {
			return c.last().Get("raw_digits").Str == "anonymous" && !c.first().Get("contact.id").Exists()
		},
		NeverEnds: func(c call) bool { return !c.has("call.ended") },
		UnusualNames: func(c call) bool {
			name := c.at("call.answered").Get("user.name").Str
			return len(name) > len([]rune(name)) && c.has("call.commented")
		},
	}
	g := New(Options{Seed: 2})
	for _, kind := range Kinds() {
		if kind == TwoEnded {
			continue // see TestTwoEndsShareTheirLines
		}
		promise := promises[kind]
		if promise == nil {
			t.Errorf("%s: no promise", kind)
			continue
		}
		for range 40 {
			made := g.CallOf(kind)
			if c := parse(made); made.Kind != kind || !promise(c) {
				t.Fatalf("%s, call %d: the promise is not kept: %v, last %s", kind, made.ID, c.names, c.last())
			}
		}
	}
}

func TestTwoEndsShareTheirLines(t *testing.T) {
	g := New(Options{Seed: 4})
	mailboxes := 0
	for range 100 {
		out, in := parse(g.CallOf(TwoEnded)), parse(g.CallOf(TwoEnded))
		if !out.answered() || out.first().Get("direction").Str != "outbound" || in.first().Get("direction").Str != "inbound" {
			t.Fatalf("not an answered outbound and an inbound call: %s, %s", out.last(), in.last())
		}
		if out.first().Get("raw_digits").Str != in.first().Get("number.digits").Str ||
			in.first().Get("raw_digits").Str != out.first().Get("number.digits").Str {
			t.Fatalf("the ends do not name each other's lines: %s, %s", out.last(), in.last())
		}
		if in.has("call.voicemail_left") {
			mailboxes++
		}
	}
	if mailboxes == 0 || mailboxes == 100 {
		t.Errorf("%d of 100 reached a mailbox", mailboxes)
	}
}

// call is a parsed Call: the data of its events.
type call struct {
	names  []string
	events []gjson.Result
}

func parse(c Call) call {
	var p call
	for _, d := range c.Events {
		p.names = append(p.names, d.Event)
		p.events = append(p.events, gjson.GetBytes(d.Body, "data"))
	}
	return p
}

func (c call) first() gjson.Result  { return c.events[0] }
func (c call) last() gjson.Result   { return c.events[len(c.events)-1] }
func (c call) answered() bool       { return c.last().Get("answered_at").Type != gjson.Null }
func (c call) has(name string) bool { return c.count(name) > 0 }

func (c call) count(name string) int {
	n := 0
	for _, have := range c.names {
		if have == name {
			n++
		}
	}
	return n
}

// at returns the data of the first event of a name.
func (c call) at(name string) gjson.Result {
	for i, have := range c.names {
		if have == name {
			return c.events[i]
		}
	}
	return gjson.Result{}
}
