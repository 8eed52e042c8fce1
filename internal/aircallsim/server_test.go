package aircallsim

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// world is a server whose clock is a variable.
type world struct {
	*testing.T
	*Server
	now time.Time
}

func newWorld(t *testing.T, perMinute int) *world {
	w := &world{T: t, now: start}
	w.Server = New(Options{PerMinute: perMinute, Now: func() time.Time { return w.now }})
	return w
}

func (w *world) get(path string) (int, gjson.Result, http.Header) {
	w.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://aircall.test"+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	r.SetBasicAuth("dev", "dev")
	answer, err := w.Client().Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		w.Fatal(err)
	}
	if !gjson.ValidBytes(body) {
		w.Fatalf("%s: no JSON: %s", path, body)
	}
	return answer.StatusCode, gjson.ParseBytes(body), answer.Header
}

// TestCallsAsTheyAre: a call is shown as it was at the moment of asking, in the
// shape of the REST API, and folds as its webhooks do.
func TestCallsAsTheyAre(t *testing.T) {
	w := newWorld(t, 1_000_000)
	g := traffic.New(traffic.Options{Seed: 7, Start: start.Add(time.Hour)})
	calls := map[int64]traffic.Call{}
	for _, kind := range traffic.Kinds() {
		c := g.CallOf(kind)
		w.Add(c)
		calls[c.ID] = c
	}
	if _, list, _ := w.get("/v1/calls?per_page=50"); list.Get("meta.total").Int() != 0 {
		t.Errorf("%d calls are shown before they began", list.Get("meta.total").Int())
	}
	w.now = start.Add(30 * 24 * time.Hour)
	_, list, _ := w.get("/v1/calls?per_page=50&fetch_contact=true&from=0")
	if n := len(list.Get("calls").Array()); n != len(calls) {
		t.Fatalf("%d calls, want %d", n, len(calls))
	}
	for _, object := range list.Get("calls").Array() {
		e, err := schemas.ParseEvent([]byte(object.Raw))
		if err != nil || e.Name != schemas.EventREST {
			t.Fatalf("%v: %s", err, object.Raw)
		}
		rest := schemas.Of(e)
		var folded schemas.CallRecord
		for _, d := range calls[e.CallID].Events {
			webhook, err := schemas.ParseEvent(d.Body)
			if err != nil {
				t.Fatal(err)
			}
			folded = schemas.Fold(folded, webhook, 0)
		}
		hooks := folded.State
		got := fmt.Sprint(rest.StartedAt, rest.EndedAt.Value, rest.External.Value, rest.Tags.Value, len(rest.Comments.Value), rest.Asset.Value, rest.Status, rest.UUID.Value, rest.Archived.Value)
		want := fmt.Sprint(hooks.StartedAt, hooks.EndedAt.Value, hooks.External.Value, hooks.Tags.Value, len(hooks.Comments.Value), hooks.Asset.Value, hooks.Status, hooks.UUID.Value, hooks.Archived.Value)
		if got != want && calls[e.CallID].Kind != traffic.NeverEnds {
			t.Errorf("%s:\n got %s\nwant %s", calls[e.CallID].Kind, got, want)
		}
		if (rest.AnsweredAt == 0) != (hooks.AnsweredAt == 0) {
			t.Errorf("%s: answered at %d, by its webhooks at %d", calls[e.CallID].Kind, rest.AnsweredAt, hooks.AnsweredAt)
		}
		for _, name := range []string{"call_uuid", "participants", "ivr_options_selected", "external_transferred_to"} {
			if object.Get(name).Exists() {
				t.Errorf("%s has %s, which the REST API does not", calls[e.CallID].Kind, name)
			}
		}
	}
	if _, plain, _ := w.get("/v1/calls?per_page=50&from=0"); plain.Get("calls.#(contact)").Exists() {
		t.Error("contacts are shown that nobody asked for")
	}
}

// TestDeletedUser: who was deleted is gone from past calls, also as an author.
func TestDeletedUser(t *testing.T) {
	w := newWorld(t, 1_000_000)
	g := traffic.New(traffic.Options{Seed: 7, Start: start.Add(-60 * 24 * time.Hour)})
	c := g.CallOf(traffic.Noted)
	w.Add(c)
	path := fmt.Sprintf("/v1/calls/%d", c.ID)
	_, before, _ := w.get(path)
	user := before.Get("call.user.id").Int()
	if user == 0 || !before.Get(fmt.Sprintf("call.comments.#(posted_by.id==%d)", user)).Exists() {
		t.Fatalf("the call has no user who wrote a note: %s", before.Raw)
	}
	w.DeleteUser(user)
	_, after, _ := w.get(path)
	if after.Get("call.user").Type != gjson.Null || after.Get(fmt.Sprintf("call.comments.#(posted_by.id==%d)", user)).Exists() {
		t.Errorf("the user is still there: %s", after.Raw)
	}
}

// TestListEnds: a list ends after 10,000 calls, and its total does not tell.
func TestListEnds(t *testing.T) {
	w := newWorld(t, 1_000_000)
	g := traffic.New(traffic.Options{Seed: 1, Start: start.Add(-90 * 24 * time.Hour)})
	for range mostCalls + 100 {
		w.Add(g.CallOf(traffic.MissedNoAgent))
	}
	_, last, _ := w.get("/v1/calls?per_page=50&page=200&order=asc")
	_, beyond, _ := w.get("/v1/calls?per_page=50&page=201&order=asc")
	if last.Get("meta.total").Int() != mostCalls || last.Get("meta.next_page_link").Type != gjson.Null || len(last.Get("calls").Array()) != 50 || len(beyond.Get("calls").Array()) != 0 {
		t.Errorf("the last page: %s, the one beyond has %d calls", last.Get("meta").Raw, len(beyond.Get("calls").Array()))
	}
	_, first, _ := w.get("/v1/calls?from=1&fetch_contact=true")
	if link := first.Get("meta.next_page_link").String(); first.Get("meta.count").Int() != 20 || link != "https://api.aircall.io/v1/calls?from=1&page=2" {
		t.Errorf("the first page: %s", first.Get("meta").Raw)
	}
}

// TestLimit: any 60 seconds have no more requests than allowed; refused ones count.
func TestLimit(t *testing.T) {
	w := newWorld(t, 3)
	for i := range 4 {
		status, _, h := w.get("/v1/ping")
		if (status == 429) != (i == 3) || h.Get("X-AircallApi-Limit") != "3" {
			t.Errorf("request %d: %d, %v", i, status, h)
		}
	}
	if _, _, h := w.get("/v1/ping"); h.Get("Retry-After") != "60" {
		t.Errorf("%v", h)
	}
	w.now = w.now.Add(time.Minute)
	if status, _, _ := w.get("/v1/ping"); status != 200 {
		t.Errorf("a minute later: %d", status)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, 1000)
	for path, want := range map[string]int{
		"/v1/calls/1": 404, "/v1/calls/x": 404, "/v1/nothing": 404, "/v1/calls?per_page=51": 400, "/v1/calls?page=0": 400,
		"/v1/users": 200, "/v1/webhooks": 200, "/v1/ping": 200,
	} {
		if status, body, _ := w.get(path); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, body.Raw, want)
		}
	}
	w.o.Token = "other"
	if status, _, _ := w.get("/v1/ping"); status != 401 {
		t.Errorf("a wrong key: %d", status)
	}
}
