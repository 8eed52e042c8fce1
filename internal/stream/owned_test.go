//go:build synctests

package stream

import (
	"errors"
	"maps"
	"strconv"
	"testing"
)

// TestOwned looks at the states of two stages while they work, and when one has ended.
func TestOwned(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.start("a", func(o *Options[tally]) { o.Lanes = 2 })
		b := w.start("b")
		w.wait("stages that are ready", func() bool { return a.ready() && b.ready() })
		w.wait("partitions of both", func() bool { return len(w.owned(a)) > 0 && len(w.owned(b)) > 0 })
		w.send(40)
		w.wait("an input that is handled", w.drained)
		w.wait("states", func() bool {
			got := w.held(a)
			maps.Copy(got, w.held(b))
			return maps.Equal(got, w.sent)
		})
		own, others := w.owned(a), w.owned(b)
		for p, next := range others {
			if _, twice := own[p]; twice || next == 0 {
				t.Errorf("partition %d, up to offset %d: a has %v", p, next, own)
			}
			if _, _, err := a.engine.Get(p, "1"); !errors.Is(err, ErrNotOwned) {
				t.Errorf("of another's partition: %v", err)
			}
		}
		if len(own)+len(others) != partitions {
			t.Errorf("owned are %v and %v", own, others)
		}
		a.stop()
		if got := w.owned(a); len(got) > 0 {
			t.Errorf("a stage that has ended owns %v", got)
		}
	})
}

func (w *world) owned(s *stage) map[int32]int64 {
	w.t.Helper()
	owned, err := s.engine.Owned()
	w.check(err)
	return owned
}

// held are those that a stage has of all keys that there may be.
func (w *world) held(s *stage) map[string]tally {
	w.t.Helper()
	got := map[string]tally{}
	for p := range w.owned(s) {
		for key := range 50 {
			v, ok, err := s.engine.Get(p, strconv.Itoa(key))
			w.check(err)
			if ok {
				got[strconv.Itoa(key)] = v
			}
		}
	}
	return got
}
