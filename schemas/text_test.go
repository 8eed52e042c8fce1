package schemas

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	tests := []struct {
		in    string
		units int
		want  string
	}{
		{"plain", 10, "plain"},
		{"plain", 3, "pla"},
		{"aé😀b", 3, "aé"},  // the emoji takes two units and is not cut in half
		{"aé😀b", 4, "aé😀"}, //
		{"שלום", 3, "שלו"}, //
		{"a\xffb", 9, "a\ufffdb"},
		{"a\x00\x1bb\n\t\r", 9, "a\ufffd\ufffdb\n\t\r"},
		{"", 5, ""},
	}
	for _, tt := range tests {
		if got := clean(tt.in, tt.units); got != tt.want || !utf8.ValidString(got) {
			t.Errorf("clean(%q, %d) = %q, want %q", tt.in, tt.units, got, tt.want)
		}
	}
}

func TestLinkIsNeverCut(t *testing.T) {
	for n, known := range map[int]bool{maxLink: true, maxLink + 1: false} {
		c := Of(parse(t, hook("call.ended", 5, fmt.Sprintf(`"id":5,"recording":%q`, strings.Repeat("x", n)))))
		if c.Recording.Known() != known {
			t.Errorf("a link of %d bytes: known = %v", n, c.Recording.Known())
		}
	}
}

func TestNewestNotesAreKept(t *testing.T) {
	type note = map[string]any
	var notes []note
	for i := range 5 {
		notes = append(notes, note{"id": i, "posted_at": 100 + i, "content": strings.Repeat("x", 20_000)})
	}
	notes = append(notes, note{"id": 9, "posted_at": 1, "content": strings.Repeat("y", 40_000)})
	c := Of(parse(t, hook("call.commented", 500, `"id":5,"comments":`+toJSON(t, notes))))
	if got := c.Comments.Value; len(got) != 3 || got[2].ID != 4 || got[0].ID != 2 {
		t.Errorf("%d notes", len(got))
	}
	c = Of(parse(t, hook("call.commented", 500, `"id":5,"comments":`+toJSON(t, notes[5:]))))
	if got := c.Comments.Value; len(got) != 1 || len(got[0].Content) != MaxNote {
		t.Errorf("%d notes", len(got))
	}
}

// inside is a JSON object without its braces.
func inside(object string) string { return object[1 : len(object)-1] }

func toJSON(t testing.TB, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestLargestState folds events that are as large as can be in everything, and
// more of them than a state keeps: the record still fits the topic's limit,
// with room for an outcome around it.
func TestLargestState(t *testing.T) {
	long := strings.Repeat("€", 2*maxName)     // three bytes a unit
	quotes := strings.Repeat(`"`, maxLink)     // two bytes a unit in JSON
	controls := strings.Repeat("\x01", 40_000) // would be six
	type object = map[string]any
	user := func(id int) object { return object{"id": 1<<62 + id, "name": long, "email": long} }
	var tags, notes []object
	for i := range maxTags + 100 {
		tags = append(tags, object{"id": 1<<62 + i, "name": long[:3+(i%62)*3], "tagged_at": maxTime, "tagged_by": user(1)})
		notes = append(notes, object{"id": 1<<62 + i, "content": controls[:1+i%200], "posted_at": maxTime, "posted_by": object{"id": 1, "name": "x"}})
	}
	options := slices.Repeat([]object{{"title": long}}, 12)
	notes = append(notes, object{"id": 1, "content": controls, "posted_at": maxTime, "posted_by": user(1)})
	all := inside(toJSON(t, object{
		"id": int64(1 << 62), "call_uuid": long, "direction": "outbound", "status": "answered", "started_at": maxTime, "answered_at": maxTime,
		"ended_at": maxTime, "missed_call_reason": long, "raw_digits": long, "assigned_to": user(1),
		"number":         object{"id": 1 << 62, "name": long, "digits": long, "country": long, "time_zone": long},
		"contact":        object{"first_name": long, "last_name": long, "company_name": long},
		"transferred_by": user(1), "transferred_to": user(2), "external_transferred_to": long, "archived": true,
		"ivr_options_selected": options, "recording": quotes, "voicemail": quotes, "asset": quotes,
		"tags": tags, "comments": notes,
	}))
	var r CallRecord
	fold := func(body string) { r = Fold(r, parse(t, body), 1<<62) }
	for i := range maxAgents + 20 {
		data := inside(toJSON(t, object{"id": int64(1 << 62), "user": user(i), "transferred_by": user(1), "transferred_to": user(2)}))
		fold(hook(EventTransferred, maxTime-int64(i), data))
		for second := range int64(maxSeen) {
			fold(hook("call.hold", maxTime-second, data))
		}
	}
	fold(hook("call.hold", maxTime-100, all))
	fold("{" + all + "}")
	for i, event := range []string{EventRewrite, EventRematch, EventRetry} {
		fold(fmt.Sprintf(`{"resource":"callfold","event":%q,"timestamp":%d,"data":%s}`, event, maxTime+int64(i),
			toJSON(t, object{"id": int64(1 << 62), "who": long, "why": long, "state_hash": long})))
	}
	for i := range maxTrace {
		fold(hook("call."+long, maxTime+int64(i)+10, fmt.Sprintf(`"id":%d`, 1<<62)))
	}
	b, err := Calls.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the largest state takes %d bytes; %d agents, %d tags, %d notes", len(b), len(r.State.Agents), len(r.State.Tags.Value), len(r.State.Comments.Value))
	if limit := 2<<20 - 256<<10; len(b) > limit {
		t.Errorf("a state of %d bytes, more than %d", len(b), limit)
	}
}
