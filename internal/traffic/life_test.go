package traffic

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

// The invariants of a call as Aircall saw it, for thousands of calls.
func TestCallsAreLikeAircalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := New(Options{Seed: rapid.Uint64().Draw(t, "seed"), Token: "0123456789abcdef0123456789abcdef"})
		for range 15 {
			c := g.Call()
			if err := checkCall(c); err != nil {
				t.Fatalf("call %d, %s: %v", c.ID, c.Kind, err)
			}
		}
	})
}

// checkCall says what is wrong with a clean call.
func checkCall(c Call) error {
	var was fields
	for i, d := range c.Events {
		if !gjson.ValidBytes(d.Body) {
			return fmt.Errorf("not JSON: %s", d.Body)
		}
		is := fieldsOf(d.Body)
		if err := checkBody(c, d, is); err != nil {
			return fmt.Errorf("event %d, %s: %w", i, d.Event, err)
		}
		if i > 0 {
			if err := checkStep(c.Events[i-1], d, was, is); err != nil {
				return fmt.Errorf("event %d, %s after %s: %w", i, d.Event, c.Events[i-1].Event, err)
			}
		}
		was = is
	}
	if err := checkTimes(c); err != nil {
		return err
	}
	return checkMedia(c)
}

// fields are the members of a call object.
type fields map[string]gjson.Result

func fieldsOf(body []byte) fields { return gjson.GetBytes(body, "data").Map() }

// Get is gjson's Get for a path without wildcards.
func (f fields) Get(path string) gjson.Result {
	first, rest, nested := strings.Cut(path, ".")
	if nested {
		return f[first].Get(rest)
	}
	return f[first]
}

func checkBody(c Call, d Delivery, data fields) error {
	b := gjson.ParseBytes(d.Body)
	started, answered, ended := data.Get("started_at").Int(), data.Get("answered_at"), data.Get("ended_at")
	outbound := data.Get("direction").Str == "outbound"
	for _, law := range []struct {
		name string
		ok   bool
	}{
		{"resource is call", b.Get("resource").Str == "call"},
		{"event is named", b.Get("event").Str == d.Event && strings.HasPrefix(d.Event, "call.")},
		{"timestamp is the second of At", b.Get("timestamp").Int() == d.At.Unix()},
		{"token is there", len(b.Get("token").Str) == 32},
		{"id is the call's", data.Get("id").Raw == fmt.Sprint(c.ID) && d.CallID == c.ID},
		{"times are in order", started <= b.Get("timestamp").Int() &&
			(answered.Type == gjson.Null || answered.Int() >= started) &&
			(ended.Type == gjson.Null || ended.Int() >= max(started, answered.Int()))},
		{"status agrees with the times", data.Get("status").Str == statusOf(answered, ended)},
		{"duration only at the end", ended.Type != gjson.Null || data.Get("duration").Int() == 0},
		{"options of the menu on their event only", data.Get("ivr_options_selected").Exists() == (d.Event == "call.ivr_option_selected")},
		{"outside number of a transfer on its event only", data.Get("external_transferred_to").Exists() == (d.Event == "call.external_transferred")},
		{"old bodies have neither uuid nor participants nor country", data.Get("call_uuid").Exists() == data.Get("participants").Exists() &&
			data.Get("call_uuid").Exists() == data.Get("country_code_a2").Exists()},
		{"raw_digits as people write them", data.Get("raw_digits").Str == "anonymous" || strings.Contains(data.Get("raw_digits").Str, " ")},
		{"lists are lists", data.Get("tags").IsArray() && data.Get("comments").IsArray() && data.Get("teams").IsArray()},
		{"messages are bulky", len(data.Get("number.messages").Raw) > 1000},
		{"no user on an unanswered inbound call but while it rings", outbound || answered.Type != gjson.Null ||
			!data.Get("user.id").Exists() || d.Event == "call.ringing_on_agent" || d.Event == "call.agent_declined"},
		{"ringing, declined and answered name their agent", data.Get("user.id").Exists() ||
			!slices.Contains([]string{"call.ringing_on_agent", "call.agent_declined", "call.answered"}, d.Event)},
		{"an outbound call rings no agent of its own", c.Kind != AnsweredOutbound || d.Event != "call.ringing_on_agent"},
	} {
		if !law.ok {
			return fmt.Errorf("%s: not so in %s", law.name, d.Body)
		}
	}
	return nil
}

func statusOf(answered, ended gjson.Result) string {
	switch {
	case ended.Type != gjson.Null:
		return "done"
	case answered.Type != gjson.Null:
		return "answered"
	}
	return "initial"
}

// checkStep compares a body with the one before it.
func checkStep(before, d Delivery, was, is fields) error {
	if d.At.Before(before.At) {
		return fmt.Errorf("time runs backwards: %s after %s", d.At, before.At)
	}
	same := func(field string) bool { return was.Get(field).Raw == is.Get(field).Raw }
	for _, law := range []struct {
		name string
		ok   bool
	}{
		{"started_at and raw_digits never change", same("started_at") && same("raw_digits") && same("call_uuid")},
		{"answered_at is set by an answer", same("answered_at") || d.Event == "call.answered"},
		{"ended_at is set by the hang-up", same("ended_at") || d.Event == "call.hungup"},
		{"tags change on their events", same("tags") == (d.Event != "call.tagged" && d.Event != "call.untagged")},
		{"comments change on their event", same("comments") == (d.Event != "call.commented")},
		{"transferred_to is set by a transfer and stays", same("transferred_to") || d.Event == "call.transferred"},
		{"transferred_by vanishes at call.ended only", same("transferred_by") || d.Event == "call.transferred" ||
			d.Event == "call.ended" && !is.Get("transferred_by").Exists() || before.Event == "call.ended"},
		{"direction flips with a transfer only", same("direction") || is.Get("transferred_to").Exists()},
		{"assigned_to and archived change on their events", (same("assigned_to") || d.Event == "call.assigned") &&
			(same("archived") || d.Event == "call.archived")},
	} {
		if !law.ok {
			return fmt.Errorf("%s: not so from %s to %s", law.name, before.Body, d.Body)
		}
	}
	return nil
}

// checkTimes holds the call against the time lines of real ones.
func checkTimes(c Call) error {
	at := map[string]time.Time{}
	for _, d := range c.Events {
		if _, ok := at[d.Event]; !ok || d.Event != "call.hungup" {
			at[d.Event] = d.At
		}
	}
	if c.Events[0].Event != "call.created" {
		return fmt.Errorf("begins with %s", c.Events[0].Event)
	}
	hungUp, ended := at["call.hungup"], at["call.ended"]
	if c.Kind == NeverEnds {
		if !ended.IsZero() {
			return fmt.Errorf("ended at %s", ended)
		}
		return nil
	}
	if wait := ended.Sub(hungUp); wait < 29*time.Second || wait > 33*time.Second {
		return fmt.Errorf("ended %s after the hang-up", wait)
	}
	if left, ok := at["call.voicemail_left"]; ok {
		if wait := left.Sub(ended); wait < 2500*time.Millisecond || wait > 4*time.Second {
			return fmt.Errorf("voicemail left %s after the end", wait)
		}
	}
	return nil
}

// checkMedia looks at the links: one path a call, signed anew in every body at
// the body's second, with the stable page beside it.
func checkMedia(c Call) error {
	paths, queries := map[string]bool{}, map[string]bool{}
	for _, d := range c.Events {
		data := gjson.GetBytes(d.Body, "data")
		for _, medium := range []string{"recording", "voicemail"} {
			link := data.Get(medium).Str
			if link == "" {
				continue
			}
			if data.Get("ended_at").Type == gjson.Null {
				return fmt.Errorf("a %s before the end", medium)
			}
			path, query, ok := strings.Cut(link, "?")
			if !ok || !strings.Contains(query, "X-Amz-Date="+d.At.Format("20060102T150405Z")+"&") || !strings.Contains(query, "&X-Amz-Signature=") {
				return fmt.Errorf("link is not signed as S3 does: %s", link)
			}
			if queries[query] {
				return fmt.Errorf("link was not signed anew: %s", link)
			}
			paths[path], queries[query] = true, true
			if want := fmt.Sprintf("https://assets.aircall.io/calls/%d/%s", c.ID, medium); data.Get("asset").Str != want {
				return fmt.Errorf("asset is %s, want %s", data.Get("asset").Raw, want)
			}
		}
	}
	if len(paths) > 1 {
		return fmt.Errorf("a call with several media: %v", paths)
	}
	return nil
}

// What Aircall does now and then must be there, not only be allowed.
func TestHabitsAppear(t *testing.T) {
	g := New(Options{Seed: 11})
	seen := map[string]int{}
	var sizes []int
	for range 1500 {
		c := g.Call()
		for i, d := range c.Events {
			sizes = append(sizes, len(d.Body))
			data := gjson.GetBytes(d.Body, "data")
			count := func(habit string, yes bool) {
				if yes {
					seen[habit]++
				} else {
					seen[habit] += 0
				}
			}
			user, contact := data.Get("user"), data.Get("contact")
			answered := data.Get("answered_at").Type != gjson.Null
			count("user missing", answered && !user.Exists())
			count("user null", answered && user.Exists() && user.Type == gjson.Null)
			count("user empty", answered && user.Raw == "{}")
			count("user without e-mail", user.Get("id").Exists() && !user.Get("email").Exists())
			count("contact null", contact.Exists() && contact.Type == gjson.Null)
			count("contact empty", contact.Raw == "{}")
			count("transferred_by wiped", data.Get("transferred_to").Exists() && !data.Get("transferred_by").Exists())
			count("old body", !data.Get("call_uuid").Exists())
			count("note without author", strings.Contains(data.Get("comments").Raw, `"posted_by":null`))
			count("days later", d.At.Sub(c.Events[0].At) > 24*time.Hour)
			count("anonymous", data.Get("raw_digits").Str == "anonymous")
			if d.Event == "call.ended" {
				count("ended without media", answered && data.Get("recording").Type == gjson.Null)
				count("reason null on a missed call", !answered && data.Get("direction").Str == "inbound" && data.Get("missed_call_reason").Type == gjson.Null)
			}
			if i == 0 {
				continue
			}
			before := c.Events[i-1]
			was := gjson.GetBytes(before.Body, "data")
			count("two events in one second", before.At.Unix() == d.At.Unix())
			count("contact vanished", was.Get("contact.id").Exists() && !contact.Exists())
			count("duration contradicts", was.Get("ended_at").Raw == data.Get("ended_at").Raw && was.Get("duration").Raw != data.Get("duration").Raw)
			count("direction flipped", was.Get("direction").Raw != data.Get("direction").Raw)
			count("reason comes after the hang-up", before.Event == "call.hungup" && was.Get("missed_call_reason").Raw != data.Get("missed_call_reason").Raw)
			count("note edited", d.Event == "call.commented" && len(was.Get("comments").Array()) == len(data.Get("comments").Array()))
			count("untagged", d.Event == "call.untagged")
			count("tagged twice in one second", d.Event == "call.tagged" && before.Event == d.Event && before.At.Unix() == d.At.Unix())
		}
	}
	for habit, n := range seen {
		if n == 0 {
			t.Errorf("%s: never", habit)
		}
	}
	slices.Sort(sizes)
	median := sizes[len(sizes)/2]
	t.Logf("bodies: %d, median %d bytes, 95th percentile %d, largest %d", len(sizes), median, sizes[len(sizes)*95/100], sizes[len(sizes)-1])
	if median < 2000 || median > 5000 {
		t.Errorf("median body has %d bytes", median)
	}
}
