package projector

import "testing"

func TestMemoIsBoundedAndRemembers(t *testing.T) {
	m := newMemo[int, int](10)
	computed := 0
	get := func(k int) int { return m.get(k, func(k int) int { computed++; return k * k }) }
	for k := range 1000 {
		if got := get(k); got != k*k {
			t.Fatalf("get(%d) = %d", k, got)
		}
		get(0) // in use, so it is never forgotten
	}
	if computed != 1000 {
		t.Errorf("computed %d values, want each once: 1000", computed)
	}
	if n := len(m.young) + len(m.old); n > 20 {
		t.Errorf("%d values are remembered, want at most 20", n)
	}
}
