package refold

import "testing"

// TestSeen: whatever was added is there, and hardly anything else, for ids that follow
// each other as Aircall's do.
func TestSeen(t *testing.T) {
	const calls = 100_000
	s := newSeen()
	for id := range int64(calls) {
		s.add(910400000 + 2*id)
	}
	wrong := 0
	for id := range int64(calls) {
		if !s.has(910400000 + 2*id) {
			t.Fatalf("%d was added, and is not there", 910400000+2*id)
		}
		if s.has(910400001 + 2*id) {
			wrong++
		}
	}
	if wrong > calls/100 {
		t.Errorf("%d of %d ids that were not added are there", wrong, calls)
	}
}
