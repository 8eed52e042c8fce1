package traffic

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

func TestDeliverKeepsEveryEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := New(Options{
			Seed:          rapid.Uint64().Draw(t, "seed"),
			DuplicateRate: rapid.Float64Range(-1, 1).Draw(t, "duplicates"),
			ReorderRate:   rapid.Float64Range(-1, 1).Draw(t, "reorders"),
		})
		for range 4 {
			c := g.Call()
			got := g.Deliver(c)
			if !slices.IsSortedFunc(got, func(a, b Delivery) int { return a.At.Compare(b.At) }) {
				t.Fatalf("call %d: not in the order of sending", c.ID)
			}
			for _, d := range got {
				if d.At.Unix() < gjson.GetBytes(d.Body, "timestamp").Int() {
					t.Fatalf("call %d: %s is sent before it is built", c.ID, d.Event)
				}
			}
			want, have := bare(c.Events), bare(got)
			for body := range want {
				if have[body] < want[body] {
					t.Fatalf("call %d: an event is missing: %s", c.ID, body)
				}
				delete(have, body)
			}
			if len(have) > 0 {
				t.Fatalf("call %d: events that never were: %v", c.ID, have)
			}
		}
	})
}

// unsigned is a body without the queries of its links.
func unsigned(body []byte) string {
	var b strings.Builder
	for part := range strings.SplitSeq(string(body), `"`) {
		link, _, _ := strings.Cut(part, "?X-Amz-")
		b.WriteString(link)
		b.WriteByte('"')
	}
	return b.String()
}

// bare counts bodies without the signatures of their links.
func bare(ds []Delivery) map[string]int {
	n := map[string]int{}
	for _, d := range ds {
		n[d.Event+unsigned(d.Body)]++
	}
	return n
}

func TestDeliverDuplicatesAndReorders(t *testing.T) {
	g := New(Options{Seed: 9})
	events, again, identical, resigned, overtaken := 0, 0, 0, 0, 0
	for range 400 {
		c := g.Call()
		got := g.Deliver(c)
		events += len(c.Events)
		again += len(got) - len(c.Events)
		for i, d := range got {
			if i > 0 && gjson.GetBytes(d.Body, "timestamp").Int() < gjson.GetBytes(got[i-1].Body, "timestamp").Int() {
				overtaken++
			}
			for _, e := range got[:i] {
				switch {
				case bytes.Equal(d.Body, e.Body):
					identical++
				case d.Event == e.Event && unsigned(d.Body) == unsigned(e.Body):
					resigned++
					if !strings.Contains(string(d.Body), "X-Amz-Date="+d.At.Format("20060102T150405Z")) && !strings.Contains(string(e.Body), "X-Amz-Date="+e.At.Format("20060102T150405Z")) {
						t.Errorf("call %d: neither %s was signed when it was sent", c.ID, d.Event)
					}
				}
			}
		}
	}
	t.Logf("%d events: %d again (%d identical, %d signed anew), %d overtaken", events, again, identical, resigned, overtaken)
	if share := float64(again) / float64(events); share < 0.08 || share > 0.12 {
		t.Errorf("%.3f of the events came again", share)
	}
	if identical == 0 || resigned == 0 || overtaken < events/20 {
		t.Error("a way of delivery is missing")
	}
}

func TestNegativeRatesLeaveTheCleanList(t *testing.T) {
	g := New(Options{Seed: 9, DuplicateRate: -1, ReorderRate: -1})
	for range 50 {
		c := g.Call()
		got := g.Deliver(c)
		same := slices.EqualFunc(got, c.Events, func(a, b Delivery) bool {
			return a.At.Equal(b.At) && a.Event == b.Event && bytes.Equal(a.Body, b.Body)
		})
		if !same {
			t.Fatalf("call %d is not delivered as it was", c.ID)
		}
	}
}
