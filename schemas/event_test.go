package schemas

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// parse parses a body that must be an event.
func parse(t testing.TB, body string) Event {
	t.Helper()
	e, err := ParseEvent([]byte(body))
	if err != nil {
		t.Fatalf("%.200s: %v", body, err)
	}
	return e
}

// hook is a webhook body with these members of data.
func hook(event string, at int64, data string) string {
	return fmt.Sprintf(`{"resource":"call","event":%q,"timestamp":%d,"data":{%s}}`, event, at, data)
}

func TestParseEventRejects(t *testing.T) {
	tests := []struct {
		body   string
		reason RejectReason
		callID int64
	}{
		{``, NotJSON, 0},
		{`{"resource":"call"`, NotJSON, 0},
		{"\x00\xff\x80random", NotJSON, 0},
		{strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), NotJSON, 0},
		{strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000), NotJSON, 0},
		{strings.Repeat("[", 2<<20), NotJSON, 0},
		{`null`, NotACall, 0},
		{`"call"`, NotACall, 0},
		{`[{"resource":"call"}]`, NotACall, 0},
		{`{}`, NotACall, 0},
		{`{"id":5}`, NotACall, 0},
		{`{"resource":"user","event":"user.opened","timestamp":5,"data":{"id":5}}`, NotACall, 0},
		{`{"resource":"call","timestamp":5,"data":{"id":5}}`, NotACall, 0},
		{`{"resource":"call","event":7,"timestamp":5,"data":{"id":5}}`, NotACall, 0},
		{`{"event":"call.answered","timestamp":5,"data":{"id":5}}`, NotACall, 0},
		{`{"resource":"call","event":"call.answered","timestamp":5,"data":[]}`, NotACall, 0},
		// No command comes in the guise of a call event, nor the other way round.
		{`{"resource":"call","event":"callfold.erase","timestamp":5,"data":{"id":5}}`, NotACall, 0},
		{`{"resource":"callfold","event":"call.answered","timestamp":5,"data":{"id":5}}`, NotACall, 0},
		{`{"resource":"callfold","event":"callfold.unheard_of","timestamp":5,"data":{"id":5}}`, NotACall, 0},
		{`{"resource":"call","event":"call.answered","timestamp":5}`, NoID, 0},
		{`{"resource":"call","event":"call.answered","timestamp":5,"data":null}`, NoID, 0},
		{hook("call.answered", 5, ``), NoID, 0},
		{hook("call.answered", 5, `"id":null`), NoID, 0},
		{`{"direction":"inbound","started_at":5}`, NoID, 0},
		{hook("call.answered", 5, `"id":"5"`), BadID, 0},
		{hook("call.answered", 5, `"id":5.0`), BadID, 0},
		{hook("call.answered", 5, `"id":5e3`), BadID, 0},
		{hook("call.answered", 5, `"id":0`), BadID, 0},
		{hook("call.answered", 5, `"id":-5`), BadID, 0},
		{hook("call.answered", 5, `"id":9223372036854775808`), BadID, 0},
		{hook("call.answered", 5, `"id":{"id":5}`), BadID, 0},
		{hook("call.answered", 5, `"id":true`), BadID, 0},
		{`{"resource":"call","event":"call.answered","timestamp":5,"timestamp":6,"data":{"id":5}}`, RepeatedKeys, 0},
		{hook("call.answered", 5, `"id":5,"tags":[],"tags":[]`), RepeatedKeys, 0},
		{hook("call.answered", 5, `"id":5,"\u0069d":6`), RepeatedKeys, 0},
		{`{"call":{"id":5,"id":5,"direction":"inbound"}}`, RepeatedKeys, 0},
		{`{"id":5,"id":5,"direction":"inbound"}`, RepeatedKeys, 0},
		{`{"resource":"call","event":"call.answered","data":{"id":5}}`, NoTime, 5},
		{hook("call.answered", -7, `"id":5`), NoTime, 5},
		{hook("call.answered", 0, `"id":5,"started_at":"soon"`), NoTime, 5},
		{`{"id":5,"direction":"inbound"}`, NoTime, 5},
	}
	for _, tt := range tests {
		e, err := ParseEvent([]byte(tt.body))
		shown := tt.body[:min(len(tt.body), 100)]
		var r *Rejection
		if !errors.As(err, &r) {
			t.Errorf("%s: error %v, want a *Rejection", shown, err)
			continue
		}
		if r.Reason != tt.reason || r.Detail == "" {
			t.Errorf("%s: rejected as %q (%s), want %q", shown, r.Reason, r.Detail, tt.reason)
		}
		if e.CallID != tt.callID || !reflect.DeepEqual(e.call, Call{}) {
			t.Errorf("%s: call %d, want %d and nothing else", shown, e.CallID, tt.callID)
		}
	}
}

func TestRejectionHoldsNoContent(t *testing.T) {
	body := hook("call.answered", 5, `"id":"+33 1 23 45 67 89","raw_digits":"+33 1 23 45 67 89"`)
	_, err := ParseEvent([]byte(body))
	if err == nil || strings.Contains(err.Error(), "67 89") {
		t.Errorf("%v", err)
	}
}

func TestParseEventAcceptsLargestID(t *testing.T) {
	e := parse(t, hook("call.answered", 5, `"id":9223372036854775807`))
	if e.CallID != math.MaxInt64 {
		t.Errorf("id %d", e.CallID)
	}
}

func TestEventTime(t *testing.T) {
	tests := []struct {
		body string
		want int64
	}{
		{hook("call.hold", 1767600000, `"id":5,"started_at":1`), 1767600000},
		{`{"resource":"call","event":"call.hold","timestamp":1767600000.0,"data":{"id":5}}`, 1767600000},
		// The latest time inside, where the timestamp is unusable.
		{`{"resource":"call","event":"call.hold","timestamp":1767600000.5,"data":{"id":5,"started_at":70,"answered_at":80}}`, 80},
		{`{"resource":"call","event":"call.hold","timestamp":"1767600000","data":{"id":5,"started_at":70}}`, 70},
		{`{"resource":"call","event":"call.hold","timestamp":1.7676e9,"data":{"id":5,"ended_at":90}}`, 90},
		{`{"resource":"call","event":"call.hold","data":{"id":5,"started_at":70,"comments":[{"content":"x","posted_at":99}]}}`, 99},
		{`{"id":5,"direction":"inbound","started_at":70,"tags":[{"name":"x","created_at":98}]}`, 98},
		{`{"call":{"id":5,"direction":"inbound","started_at":70,"tags":[{"name":"x","tagged_at":97}]}}`, 97},
		// Milliseconds are not taken for another time: TooFarAhead rejects them.
		{hook("call.hold", 1767600000000, `"id":5,"started_at":70`), 1767600000000},
		{`{"resource":"call","event":"call.hold","timestamp":99999999999999999999,"data":{"id":5,"started_at":70}}`, math.MaxInt64},
	}
	for _, tt := range tests {
		if e := parse(t, tt.body); e.Key.Time != tt.want {
			t.Errorf("%s: time %d, want %d", tt.body, e.Key.Time, tt.want)
		}
	}
}

func TestTooFarAhead(t *testing.T) {
	received := time.Unix(1767600000, 0)
	day := int64(24 * 60 * 60)
	for at, want := range map[int64]bool{1: false, 1767600000: false, 1767600000 + day: false, 1767600001 + day: true, math.MaxInt64: true} {
		if got := parse(t, hook("call.hold", at, `"id":5`)).TooFarAhead(received); got != want {
			t.Errorf("timestamp %d: too far ahead = %v", at, got)
		}
	}
}

// TestKeyIgnoresOrderAndSignatures checks what must, and must not, change the
// content's hash.
func TestKeyIgnoresOrderAndSignatures(t *testing.T) {
	base := parse(t, hook("call.ended", 5, `"id":5,"recording":"https://x?a","asset":"y","user":{"id":1}`))
	for _, same := range []string{
		`"user":{"id":1},"asset":"y","id":5,"recording":"https://x?b"`,
		`"asset":"y","id":5,"user":{"id":1},"voicemail":"https://v"`,
	} {
		if e := parse(t, hook("call.ended", 5, same)); e.Key != base.Key {
			t.Errorf("%s changed the key from %s to %s", same, base.Key, e.Key)
		}
	}
	for _, other := range []string{
		`"id":5,"asset":"z","user":{"id":1}`,
		`"id":5,"asset":"y","user":{"id":2}`,
		`"id":5,"asset":"y","user":{"id":1},"new":null`,
	} {
		if e := parse(t, hook("call.ended", 5, other)); e.Key == base.Key {
			t.Errorf("%s did not change the key", other)
		}
	}
}

func TestTieOfTagEvents(t *testing.T) {
	two := `"id":5,"tags":[{"id":1,"name":"a"},{"id":2,"name":"b"}]`
	for event, want := range map[string]int32{EventTagged: 2, EventUntagged: -2, "call.commented": 0} {
		if e := parse(t, hook(event, 5, two)); e.Key.Tie != want {
			t.Errorf("%s: tie %d, want %d", event, e.Key.Tie, want)
		}
	}
}

// TestOf checks what one event says, by members.
func TestOf(t *testing.T) {
	none := Call{}
	tests := []struct {
		event, data string
		got         func(Call) any
		want        any
	}{
		{"call.hold", `"user":{"id":1,"name":"Ada"}`, func(c Call) any { return c.Agents[0].ID }, int64(1)},
		{EventRinging, `"user":{"id":1}`, func(c Call) any { return c.Agents }, none.Agents},
		{EventDeclined, `"user":{"id":1}`, func(c Call) any { return c.Agents }, none.Agents},
		{EventTransferred, `"user":{"id":1}`, func(c Call) any { return c.Agents }, none.Agents},
		{EventUnsuccessful, `"user":{"id":1}`, func(c Call) any { return c.Agents }, none.Agents},
		{"call.hold", `"user":{"name":"Ada"}`, func(c Call) any { return c.Agents }, none.Agents},
		{"call.hold", `"user":{"id":"1"}`, func(c Call) any { return c.Agents }, none.Agents},
		{EventTransferred, `"transferred_by":{"id":1},"transferred_to":{"id":2}`, func(c Call) any { return c.Transfers[0].TransferParties }, TransferParties{User{ID: 1}, User{ID: 2}}},
		{EventTransferred, `"transferred_to":{"name":"Bob"}`, func(c Call) any { return c.Transfers[0].TransferParties }, TransferParties{To: User{Name: "Bob"}}},
		{EventUnsuccessful, `"transferred_to":{"id":2}`, func(c Call) any { return c.Transfers[0].Failed }, true},
		{"call.ended", `"transferred_to":{"id":2}`, func(c Call) any { return c.Transfers }, none.Transfers},
		{"call.ended", `"transferred_to":{"id":2}`, func(c Call) any { return c.RESTTransfer }, none.RESTTransfer},
		{EventEnded, `"status":"done"`, func(c Call) any { return c.EndedEvent }, int64(50)},
		{"call.hungup", `"status":"done"`, func(c Call) any { return c.EndedEvent }, int64(0)},
		{EventVoicemail, ``, func(c Call) any { return c.VoicemailLeft }, true},
		{"call.hold", `"status":"missed"`, func(c Call) any { return c.Status }, StatusUnknown},
		{"call.hold", `"direction":"sideways"`, func(c Call) any { return c.Direction }, none.Direction},
		{"call.hold", `"contact":{"id":3}`, func(c Call) any { return c.Contact }, none.Contact},
		{"call.hold", `"contact":{"id":3,"company_name":"Durand"}`, func(c Call) any { return c.Contact.Value }, Contact{ID: 3, Company: "Durand"}},
		{"call.hold", `"external_transferred_to":"+44"`, func(c Call) any { return c.ExternalTransfer.Value }, "+44"},
		{"call.hold", `"external_transferred_to":{"phone_number":"+44"}`, func(c Call) any { return c.ExternalTransfer.Value }, "+44"},
		{"call.hold", `"ivr_options_selected":[{"title":"Billing","key":"2"},{"title":null},7]`, func(c Call) any { return c.IVROptions.Value }, []string{"Billing"}},
		{"call.hold", `"participants":[{"type":"external"},{"type":"user"}]`, func(c Call) any { return c.Conference }, false},
		{"call.hold", `"participants":[{"type":"external"},{"type":"external"}]`, func(c Call) any { return c.Conference }, true},
		{"call.hold", `"conference_participants":[{"type":"external"},{"type":"external"}]`, func(c Call) any { return c.Conference }, true},
		{"call.hold", `"tags":[]`, func(c Call) any { return c.Tags.Known() }, true},
		{"call.hold", `"tags":null`, func(c Call) any { return c.Tags.Known() }, false},
		{"call.hold", `"tags":{}`, func(c Call) any { return c.Tags.Known() }, false},
		{"call.hold", `"tags":[{"id":2,"name":"b","tagged_at":9},{"id":1,"name":"a","created_at":9,"tagged_by":{"id":4}}]`, func(c Call) any { return c.Tags.Value }, []Tag{{ID: 1, Name: "a", TaggedAt: 9, By: 4}, {ID: 2, Name: "b", TaggedAt: 9}}},
		{"call.hold", `"comments":[{"id":1,"content":"hi","posted_at":8,"posted_by":null}]`, func(c Call) any { return c.Comments.Value }, []Comment{{ID: 1, Content: "hi", PostedAt: 8}}},
		{"call.hold", `"started_at":40.0`, func(c Call) any { return c.StartedAt }, int64(40)},
		{"call.hold", `"started_at":40.5`, func(c Call) any { return c.StartedAt }, int64(0)},
		{"call.hold", `"started_at":999999999999999`, func(c Call) any { return c.StartedAt }, int64(0)},
		{"call.hold", `"archived":false`, func(c Call) any { return c.Archived.Known() }, true},
		{"call.hold", `"archived":"no"`, func(c Call) any { return c.Archived.Known() }, false},
		// Deeper repetitions are tolerated; the last one counts.
		{"call.hold", `"number":{"name":"a","name":"b"}`, func(c Call) any { return c.Number.Name.Value }, "b"},
		{"call.hold", `"raw_digits":"a\ud800b` + "\xff" + `c\u0000"`, func(c Call) any { return c.External.Value }, "a\ufffdb\ufffdc\ufffd"},
	}
	for _, tt := range tests {
		data := strings.TrimSuffix(`"id":5,`+tt.data, ",")
		if got := tt.got(Of(parse(t, hook(tt.event, 50, data)))); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s {%s}: %v, want %v", tt.event, tt.data, got, tt.want)
		}
	}
}

// TestEventKeepsNothingOfTheBody: the body's memory may be used again.
func TestEventKeepsNothingOfTheBody(t *testing.T) {
	names, _ := filepath.Glob("testdata/bodies/*.json")
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		e := parse(t, string(body))
		scribbled, err := ParseEvent(body)
		if err != nil {
			t.Fatal(err)
		}
		for i := range body {
			body[i] = 'x'
		}
		if !reflect.DeepEqual(scribbled, e) {
			t.Errorf("%s: the event changed with the body", name)
		}
	}
}

func TestRESTObject(t *testing.T) {
	c := Of(parse(t, `{"id":5,"sid":"CA1","direction":"inbound","status":"done","started_at":40,"ended_at":60,"transferred_to":{"id":2}}`))
	if c.UUID.Value != "CA1" || c.RESTTransfer.Value.To.ID != 2 || c.EndedEvent != 60 || c.Transfers != nil || c.Newest.Rank != RankREST {
		t.Errorf("%+v", c)
	}
}

func TestCommandSaysNothingElse(t *testing.T) {
	body := `{"resource":"callfold","event":"callfold.rematch","timestamp":50,"data":{"id":5,"who":"ann","why":"wrong record","state_hash":"ff","user":{"id":1},"tags":[]}}`
	e := parse(t, body)
	want := Call{ID: 5, Newest: e.Key, Rematch: Latest[Command]{e.Key, Command{Who: "ann", Why: "wrong record", StateHash: "ff"}}}
	if got := Of(e); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

// TestFixtures parses the bodies that the other tests start from.
func TestFixtures(t *testing.T) {
	names, _ := filepath.Glob("testdata/bodies/*.json")
	if len(names) < 20 {
		t.Fatalf("only %d bodies", len(names))
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		parse(t, string(b))
	}
}
