package projector

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/schemas"
	"github.com/go-json-experiment/json"
)

// callScript is the compact notation of a call in the scenarios. An event says
// only what differs; the bodies made from it carry the whole call as it was
// then, as Aircall's do.
type callScript struct {
	ID        int64          `yaml:"id"`
	Direction string         `yaml:"direction"`
	External  any            `yaml:"external"` // raw_digits; null = not sent
	Number    any            `yaml:"number"`   // a name of the cast, or the number's members
	At        time.Time      `yaml:"at"`       // started_at
	Contact   map[string]any `yaml:"contact"`  // Aircall's contact
	// Events are "+SECONDS NAME" or {"+SECONDS NAME": {…}}. Members: user, by
	// and to (of a transfer), tags, notes, asset, recording, voicemail,
	// missed_call_reason, participants, and data for anything else.
	Events []any `yaml:"events"`
}

// body is one webhook body, or a REST call object.
type body struct {
	at   int64 // seconds after the call's start
	json []byte
}

var eventLine = regexp.MustCompile(`^\+(\d+) ([a-z_.]+)$`)

// bodies writes the script's events as Aircall would post them.
func (s *callScript) bodies(t testing.TB, cast *cast) []body {
	t.Helper()
	start := s.At.Unix()
	// state is what stays from event to event.
	state := map[string]any{
		"id": s.ID, "direction": s.Direction, "status": "initial", "started_at": start,
		"answered_at": nil, "ended_at": nil, "duration": 0, "missed_call_reason": nil,
		"raw_digits": s.External, "number": cast.number(t, s.Number),
		"archived": false, "teams": []any{}, "comments": []any{}, "tags": []any{},
	}
	if s.Contact != nil {
		state["contact"] = s.Contact
	}
	var out []body
	for i, e := range s.Events {
		line, details := "", map[string]any{}
		switch e := e.(type) {
		case string:
			line = e
		case map[string]any:
			for k, v := range e {
				line = k
				details, _ = v.(map[string]any)
			}
		}
		m := eventLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("event %d: %q is not of the form +SECONDS NAME", i, line)
		}
		at, _ := strconv.ParseInt(m[1], 10, 64)
		name, now := m[2], start+at
		switch name {
		case "answered":
			state["status"] = "answered"
			if state["answered_at"] == nil {
				state["answered_at"] = now
			}
		case "hungup":
			state["status"], state["ended_at"] = "done", now
		}
		once := map[string]any{"voicemail": nil, "recording": nil, "asset": nil}
		for _, k := range slices.Sorted(maps.Keys(details)) {
			v := details[k]
			switch k {
			case "user":
				u := cast.agent(t, v)
				// Only who is on the phone stays in later bodies.
				if name == "answered" || name == "created" || v == nil {
					state["user"] = u
				}
				once["user"] = u
			case "by":
				state["transferred_by"] = cast.agent(t, v)
			case "to":
				state["transferred_to"] = cast.agent(t, v)
			case "tags":
				state["tags"] = cast.tags(t, v, start)
			case "notes":
				state["comments"] = cast.notes(t, v, start)
			case "missed_call_reason":
				state[k] = v
			case "participants":
				once[k] = cast.participants(t, v)
			case "asset":
				once[k] = fmt.Sprintf("https://assets.aircall.io/calls/%d/%v", s.ID, v)
			case "recording", "voicemail":
				// Signed anew on every event.
				once[k] = fmt.Sprintf("https://media.example.com/%v?X-Amz-Expires=600&X-Amz-Signature=%d", v, i)
			case "data":
				maps.Copy(once, v.(map[string]any))
			default:
				t.Fatalf("event %q: no such member %q", line, k)
			}
		}
		data := maps.Clone(state)
		maps.Copy(data, once)
		maps.DeleteFunc(data, func(k string, v any) bool { return k == "user" && v == nil })
		var value any = data
		switch {
		case name == "rest":
		case strings.HasPrefix(name, "callfold."):
			value = map[string]any{"resource": "callfold", "event": name, "timestamp": now, "data": map[string]any{"id": s.ID, "who": "op", "why": "asked"}}
		default:
			value = map[string]any{"resource": "call", "event": "call." + name, "timestamp": now, "data": data}
		}
		b, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, body{at, b})
	}
	return out
}

// fold folds bodies in the order given.
func fold(t testing.TB, bodies []body) schemas.CallRecord {
	t.Helper()
	var record schemas.CallRecord
	for i, b := range bodies {
		e, err := schemas.ParseEvent(b.json)
		if err != nil {
			t.Fatalf("parsing %s: %v", b.json, err)
		}
		record = schemas.Fold(record, e, int64(i))
	}
	return record
}

// cast is testdata/cast.yaml.
type cast struct {
	Agents  map[string]map[string]any `yaml:"agents"`
	Numbers map[string]map[string]any `yaml:"numbers"`
	Org     map[string]any            `yaml:"org"`
}

func (c *cast) agent(t testing.TB, v any) any {
	t.Helper()
	if name, ok := v.(string); ok {
		if c.Agents[name] == nil {
			t.Fatalf("no agent %q in the cast", name)
		}
		return c.Agents[name]
	}
	return v // null, or a user's members
}

func (c *cast) number(t testing.TB, v any) any {
	t.Helper()
	if name, ok := v.(string); ok {
		if c.Numbers[name] == nil {
			t.Fatalf("no number %q in the cast", name)
		}
		return c.Numbers[name]
	}
	return v
}

// tags are {name, by, at}, at in seconds after the call's start; by is null for
// a system tag. {repeat: "Tag %03d", times: 300} makes many.
func (c *cast) tags(t testing.TB, v any, start int64) []any {
	t.Helper()
	out := []any{}
	if many, ok := v.(map[string]any); ok {
		for i := range many["times"].(int) {
			out = append(out, map[string]any{"id": 1000 + i, "name": fmt.Sprintf(many["repeat"].(string), i), "tagged_at": start + int64(i), "tagged_by": c.agent(t, many["by"])})
		}
		return out
	}
	for i, v := range v.([]any) {
		tag := v.(map[string]any)
		made := map[string]any{"id": 1000 + i, "name": tag["name"], "tagged_by": map[string]any{}}
		if at, ok := tag["at"]; ok {
			made["tagged_at"] = start + int64(at.(int))
		}
		if tag["by"] != nil {
			made["tagged_by"] = c.agent(t, tag["by"])
		}
		out = append(out, made)
	}
	return out
}

// notes are {by, at, text}; {repeat: "x", times: 40000} is a long text.
func (c *cast) notes(t testing.TB, v any, start int64) []any {
	t.Helper()
	out := []any{}
	for i, v := range v.([]any) {
		note := v.(map[string]any)
		content := note["text"]
		if long, ok := content.(map[string]any); ok {
			content = strings.Repeat(long["repeat"].(string), long["times"].(int))
		}
		out = append(out, map[string]any{"id": 2000 + i, "content": content, "posted_at": start + int64(note["at"].(int)), "posted_by": c.agent(t, note["by"])})
	}
	return out
}

// participants are "external" or names of agents.
func (c *cast) participants(t testing.TB, v any) []any {
	t.Helper()
	out := []any{}
	for i, v := range v.([]any) {
		if v == "external" {
			out = append(out, map[string]any{"phone_number": fmt.Sprintf("+3314276%04d", i), "type": "external"})
			continue
		}
		u := maps.Clone(c.agent(t, v).(map[string]any))
		u["type"] = "user"
		out = append(out, u)
	}
	return out
}
