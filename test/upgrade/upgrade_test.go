//go:build upgrade

package upgrade

import (
	"strings"
	"testing"
)

// TestSideBySide is an upgrade that is half done: the present version and the
// next one share the group. The next one goes away, and the present one is given
// partitions with states that it cannot read.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.start(present, "a", t.TempDir())
	before.untilReady()
	w.put("call.created", 1)
	w.untilDone()

	stateDir := t.TempDir()
	after := w.start(next, "b", stateDir)
	w.until("both have two partitions", func() bool { o := w.owned(); return o[group+"-a-0"] == 2 && o[group+"-b-0"] == 2 })
	before.untilReady()
	after.untilReady()
	w.put("call.ringing_on_agent", 1)
	w.untilDone()
	newer := w.newer()
	if len(newer) != 2 {
		t.Fatalf("states of the next version are in partitions %v, want two of them", newer)
	}
	done := w.committed()

	after.stop()
	before.untilPaused()
	w.put("call.answered", 1)
	w.until("the partitions that the present version can read go on", func() bool {
		committed, ends := w.committed(), w.ends()
		for p := range committed {
			if !newer[int32(p)] && committed[p] != ends[p] {
				return false
			}
		}
		return true
	})
	for p := range newer {
		if got := w.committed()[p]; got != done[p] {
			t.Errorf("partition %d went on from %d to %d without its states", p, done[p], got)
		}
	}
	before.untilPaused()

	// The next version comes back and is given everything.
	after = w.start(next, "b", stateDir)
	before.stop()
	w.untilDone()
	after.untilReady()
	w.checkStates()
}

// TestDowngrade goes back to the present version after the next one has written
// states, with its state directory too, and then forward again.
func TestDowngrade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stateDir := t.TempDir()
	after := w.start(next, "a", stateDir)
	after.untilReady()
	w.put("call.created", 1)
	w.put("call.answered", 2)
	w.untilDone()
	done := w.committed()
	after.stop()

	before := w.start(present, "a", stateDir)
	w.put("call.hungup", 1)
	before.untilPaused()
	if said := before.said(); !strings.Contains(said, "the local state cannot be used; throwing it away and restoring it from Kafka") {
		t.Error("nothing was said of the state directory of the next version")
	}
	before.stop()
	if got := w.committed(); got != done {
		t.Errorf("the present version went on from %v to %v without the states", done, got)
	}

	after = w.start(next, "a", stateDir)
	w.untilDone()
	after.untilReady()
	w.checkStates()
}

// TestNewerEvents puts events of the next version before the present one, as a
// new ingest beside an old processor does.
func TestNewerEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stateDir := t.TempDir()
	before := w.start(present, "a", stateDir)
	before.untilReady()
	w.put("call.created", 1)
	w.untilDone()
	done := w.committed()
	w.put("call.answered", 2)
	before.untilPaused()
	if got := w.committed(); got != done {
		t.Errorf("went on from %v to %v over events that it cannot read", done, got)
	}
	before.stop()

	after := w.start(next, "a", stateDir)
	w.untilDone()
	after.untilReady()
	w.checkStates()
}
