//go:build synctests

package stream

import (
	"maps"
	"testing"
)

// TestWalk walks over the states of a stage while it works, a few at a time, and when
// it has ended.
func TestWalk(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.start("a", func(o *Options[tally]) { o.Lanes = 2 })
		w.wait("a stage that is ready", a.ready)
		w.send(40)
		w.wait("an input that is handled", w.drained)
		w.wait("states", func() bool { return len(walkOver(t, a.engine, 1000)) == len(w.sent) })
		for _, most := range []int{1, 7, 1000} {
			if got := walkOver(t, a.engine, most); !maps.Equal(got, w.sent) {
				t.Errorf("%d at a time: %v, want %v", most, got, w.sent)
			}
		}
		a.stop()
		if got := walkOver(t, a.engine, 7); len(got) != 0 {
			t.Errorf("of a stage that has ended: %v", got)
		}
	})
}

// walkOver walks to the end, and wants every state once.
func walkOver(t *testing.T, e *Engine[tally], most int) map[string]tally {
	t.Helper()
	got := map[string]tally{}
	for at, end := (Place{}), false; !end; {
		n := 0
		var err error
		at, end, err = e.Walk(at, most, func(key string, v tally) error {
			if _, twice := got[key]; twice {
				t.Errorf("%s came twice", key)
			}
			n++
			got[key] = v
			return nil
		})
		if err != nil || n > most || n == 0 && !end {
			t.Fatalf("%d states at a time: %d, %v", most, n, err)
		}
	}
	return got
}
