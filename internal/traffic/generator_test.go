package traffic

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

func TestWeightsAddUpToAThousand(t *testing.T) {
	sum := 0
	for _, c := range lifeCycles {
		if c.weight <= 0 {
			t.Errorf("%s has weight %d", c.kind, c.weight)
		}
		sum += c.weight
	}
	if sum != 1000 {
		t.Errorf("weights add up to %d", sum)
	}
}

func TestEveryKindAppearsInItsProportion(t *testing.T) {
	const calls = 20000
	g := New(Options{Seed: 1})
	seen := map[Kind]int{}
	for range calls {
		seen[g.kind()]++
	}
	for _, c := range lifeCycles {
		want := c.weight * calls / 1000
		if n := seen[c.kind]; n < want*3/4 || n > want*4/3 {
			t.Errorf("%s: %d of %d calls, want about %d", c.kind, n, calls, want)
		}
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	stream := func(seed uint64) []byte {
		g := New(Options{Seed: seed, Token: "t"})
		var all []byte
		for range 150 {
			for _, d := range g.Deliver(g.Call()) {
				all = d.At.AppendFormat(all, time.RFC3339Nano)
				all = append(all, d.Body...)
			}
		}
		return all
	}
	one := stream(7)
	if !bytes.Equal(one, stream(7)) {
		t.Error("the same seed gave other bytes")
	}
	if bytes.Equal(one, stream(8)) {
		t.Error("another seed gave the same bytes")
	}
}

func TestIDsGrow(t *testing.T) {
	g := New(Options{Seed: 3, FirstID: 1000})
	var ids []int64
	for range 1000 {
		ids = append(ids, g.Call().ID)
	}
	if ids[0] != 1000 {
		t.Errorf("first id is %d", ids[0])
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Error("ids do not grow")
	}
	if step := (ids[len(ids)-1] - ids[0]) / int64(len(ids)); step < 2 || step > 15 {
		t.Errorf("ids grow by %d a call", step)
	}
}

// A process that starts again gets ids that its forerunner did not use, even
// when that made a thousand calls in each second of its life.
func TestIDsAreNewAfterARestart(t *testing.T) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	before := New(Options{Seed: 1, Start: start})
	var last int64
	for range 500 {
		last = before.Call().ID
	}
	after := New(Options{Seed: 1, Start: start.Add(500 * time.Millisecond)})
	if first := after.Call().ID; first <= last {
		t.Errorf("first id after the restart is %d, the last before it %d", first, last)
	}
}

func TestTwoEndedCallGivesItsSecondEndNext(t *testing.T) {
	g := New(Options{Seed: 5})
	out := g.CallOf(TwoEnded)
	in := g.Call()
	if in.Kind != TwoEnded || in.ID <= out.ID {
		t.Fatalf("after %d came %d, a %s", out.ID, in.ID, in.Kind)
	}
	if next := g.CallOf(TwoEnded); next.ID <= in.ID {
		t.Errorf("id %d after %d", next.ID, in.ID)
	}
}

func TestUnknownKindPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New(Options{}).CallOf("no_such_kind")
}

func BenchmarkCall(b *testing.B) {
	b.ReportAllocs()
	g := New(Options{Seed: 1})
	for b.Loop() {
		g.Call()
	}
}
