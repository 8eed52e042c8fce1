package kafka

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/callfold/callfold/internal/kafka"
)

// moveGroup sets where the group goes on, in every partition, by a function of
// where it was. The group must have no members.
func (w *world) moveGroup(move func(int64) int64) {
	w.Helper()
	offsets, err := w.adm.FetchOffsets(w.patiently(), w.group())
	check(w.T, err)
	moved := kadm.Offsets{}
	offsets.Each(func(o kadmOffset) { moved.AddOffset(o.Topic, o.Partition, move(o.At), -1) })
	w.eventually("the group has no members and can be moved", func(ctx context.Context) error {
		return w.adm.CommitAllOffsets(ctx, w.group(), moved)
	})
}

// TestGroupMovedBack: what is handled again changes nothing.
func TestGroupMovedBack(t *testing.T) {
	w := newWorld(t)
	w.load(manyCalls / 2)
	p := w.processor("a")
	w.drained()
	p.stop()
	w.moveGroup(func(at int64) int64 { return at / 2 })
	p = w.processor("a")
	p.ready()
	w.drained()
	if p.metric("callfold_input_mismatch_total") == 0 {
		t.Error("nobody noticed that the group's offset was moved")
	}
	// What is no event is rejected again then: the one thing that shows.
	if got := len(w.readAll(kafka.Rejected)); got < w.poison {
		t.Errorf("%d rejected, want %d at the least", got, w.poison)
	}
	want, _ := w.expected()
	w.verifyCalls(want)
}

// TestGroupMovedForward: what would be left out is gone back to.
func TestGroupMovedForward(t *testing.T) {
	w := newWorld(t)
	w.load(manyCalls / 2)
	p := w.processor("a")
	w.drained()
	p.stop()
	w.load(manyCalls / 4)
	w.moveGroup(func(at int64) int64 { return at + 50 })
	p = w.processor("a")
	p.ready()
	w.drained()
	if p.metric("callfold_input_mismatch_total") == 0 {
		t.Error("nobody noticed that the group's offset was moved")
	}
	w.verify()
}
