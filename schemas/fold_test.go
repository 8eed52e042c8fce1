package schemas

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fixtures are the bodies in testdata/bodies whose names begin so, in order.
func fixtures(t testing.TB, prefix string) (events []Event) {
	t.Helper()
	names, err := filepath.Glob("testdata/bodies/" + prefix + "*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no bodies %s*: %v", prefix, err)
	}
	slices.Sort(names)
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, parse(t, string(b)))
	}
	return events
}

// foldAll folds events in their order, offsets from 0.
func foldAll(events []Event) (r CallRecord) {
	for i, e := range events {
		r = Fold(r, e, int64(i))
	}
	return r
}

func TestEventAt(t *testing.T) {
	events := fixtures(t, "answered_inbound")
	trace := foldAll(events).Trace
	if got := trace.EventAt(events[3].Key); got != "call.answered@1767604209" {
		t.Errorf("%q", got)
	}
	if got := (Trace{}).EventAt(events[3].Key); got != "answered@1767604209" {
		t.Errorf("an event that left the trace: %q", got)
	}
	if got := trace.EventAt(Key{}); got != "" {
		t.Errorf("the zero key: %q", got)
	}
}

func TestHashFollowsTheState(t *testing.T) {
	events := fixtures(t, "answered_inbound")
	hashes := map[string]bool{}
	var c Call
	for _, e := range events {
		c = Join(c, Of(e))
		hashes[c.Hash()] = true
		if again := Join(c, Of(e)); again.Hash() != c.Hash() {
			t.Errorf("%s twice changed the hash", e.Name)
		}
	}
	if len(hashes) != len(events) {
		t.Errorf("%d events gave %d hashes", len(events), len(hashes))
	}
}

// TestFoldOfFixtures pins, for people to read, what the fixtures come to.
func TestFoldOfFixtures(t *testing.T) {
	c := foldAll(fixtures(t, "answered_inbound")).State
	if c.AnsweredAt-c.StartedAt != 9 || c.EndedAt.Value-c.AnsweredAt != 121 || c.EndedEvent != c.EndedAt.Value+30 {
		t.Errorf("times: %d, %d, %d, %d", c.StartedAt, c.AnsweredAt, c.EndedAt.Value, c.EndedEvent)
	}
	if len(c.Agents) != 2 || c.Agents[1].ID != 90002 || c.Agents[1].Seen[0] != c.StartedAt+95 {
		t.Errorf("agents: Bob's ringing must not count: %+v", c.Agents)
	}
	if len(c.Transfers) != 1 || len(c.Tags.Value) != 2 || c.IVROptions.Value[0] != "Billing" || !c.Archived.Value || !strings.Contains(c.Recording.Value, "091159Z") {
		t.Errorf("%+v", c)
	}
}
