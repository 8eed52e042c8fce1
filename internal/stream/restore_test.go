//go:build synctests

package stream

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/schemas"
)

// startForgetful handles some input, and starts a stage that finds all records of the
// changelog deleted, whose end stays where it was: nothing can be seen that reaches it.
func (w *world) startForgetful(instance string) *stage {
	w.t.Helper()
	w.send(60)
	before := w.start("before")
	w.expect()
	before.stop()
	time.Sleep(time.Minute) // virtual; until the group is empty
	// The records go after the stage has come, and before it restores.
	hold := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.UnstableOffsetCommit, Count: -1})
	s := w.start(instance)
	w.wait("it has partitions", func() bool { return w.assigned()["g-"+instance+"-0"] == partitions })
	for p := range int32(partitions) {
		w.check(w.cluster.DeleteRecords("state", p, w.cluster.PartitionInfo("state", p).HighWatermark))
	}
	hold.Remove()
	return s
}

func TestBarrierWhereTheEndCannotBeSeen(t *testing.T) {
	inWorld(t, func(w *world) {
		w.startForgetful("a")
		w.send(60)
		w.expect() // the states are gone, so all input was handled again
		if n := w.barriers(); n != partitions {
			t.Errorf("%d barriers, want one for each of %d partitions", n, partitions)
		}
	})
}

// barriers counts those in the changelog.
func (w *world) barriers() int {
	n := 0
	w.read("state", func(r *kgo.Record) {
		if Header(r, headerMarker) == barrierMarker {
			n++
		}
	})
	return n
}

// TestBarrierKeepsNextInput: compaction must not put a barrier in the place of a
// marker that says how far the input was handled.
func TestBarrierKeepsNextInput(t *testing.T) {
	if string(marker(barrierMarker).Key) == string(marker(nextInputMarker).Key) {
		t.Error("both kinds of markers have one key")
	}
}

// TestChangelogMadeAgain: the store is of a changelog that was deleted; the new
// one of the same name must not be taken for it, whether or not the group still
// knows how far it was.
func TestChangelogMadeAgain(t *testing.T) {
	for name, withGroup := range map[string]bool{"the group stays": false, "the group is deleted too": true} {
		dir := t.TempDir()
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				where := func(o *Options[tally]) { o.StateDir = dir }
				w.send(60)
				s := w.start("a", where)
				w.expect()
				s.stop()
				time.Sleep(time.Minute) // virtual; until the group is empty
				w.check(w.cluster.DeleteTopic("state"))
				w.check(w.cluster.CreateTopic("state", partitions, nil))
				if withGroup {
					_, err := kadm.NewClient(w.client).DeleteGroup(context.Background(), "g")
					w.check(err)
				}
				w.start("a", where)
				w.send(60)
				w.expect()
			})
		})
	}
}

func TestUnfit(t *testing.T) {
	now := time.Now()
	ends := changelogEnds{topicID: "a", highWatermark: 100, retention: 24 * time.Hour}
	fit := table.Checkpoint{Offset: 100, TopicID: "a", SavedAt: now.Add(-12 * time.Hour)}
	if why := unfit(fit, ends, now); why != "" {
		t.Errorf("a table that can be continued: %s", why)
	}
	fit.SavedAt = now.Add(time.Hour)
	if why := unfit(fit, ends, now); why != "" {
		t.Errorf("a table written before the clock was set back by an hour: %s", why)
	}
	if why := unfit(table.Checkpoint{}, ends, now); why != "" {
		t.Errorf("an empty table: %s", why)
	}
	for name, change := range map[string]func(*table.Checkpoint){
		"beyond the end":          func(c *table.Checkpoint) { c.Offset = 101 },
		"of another incarnation":  func(c *table.Checkpoint) { c.TopicID = "b" },
		"may have missed deletes": func(c *table.Checkpoint) { c.SavedAt = now.Add(-12*time.Hour - 1) },
		"of a time to come":       func(c *table.Checkpoint) { c.SavedAt = now.Add(12*time.Hour + 1) },
	} {
		c := fit
		if change(&c); unfit(c, ends, now) == "" {
			t.Errorf("a table that is %s would be continued", name)
		}
	}
}

// tallyCodec2 is that of the next version, which can still read the present one.
type tallyCodec2 struct{ tallyCodec }

func (tallyCodec2) Schema() string { return "tally/2" }
func (tallyCodec2) Decode(_ string, b []byte) (v tally, err error) {
	return v, json.Unmarshal(b, &v)
}

// TestNewerStatesPause: a member of the old version in the midst of an upgrade
// waits, and is not ready.
func TestNewerStatesPause(t *testing.T) {
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		where := func(o *Options[tally]) { o.StateDir = dir }
		newer := func(o *Options[tally]) { where(o); o.Codec = tallyCodec2{} }
		w.send(60)
		s := w.start("a", where)
		w.expect()
		s.stop()
		s = w.start("a", newer)
		w.send(60)
		w.expect()
		s.stop()

		s = w.start("a", where)
		w.send(60)
		time.Sleep(time.Minute) // virtual
		if s.ready() || s.counter("callfold_records_in_total") != 0 {
			t.Error("it works on states that it cannot read")
		}
		s.stop()
		w.start("a", newer)
		w.expect()
	})
}

// TestNewerInputPauses: the handler says that it cannot read a record yet.
func TestNewerInputPauses(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.start("a", func(o *Options[tally]) {
			o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
				for _, p := range b.Partitions {
					for _, r := range p.Records {
						if string(r.Value) == "4711" {
							return schemas.ErrNewerSchema
						}
					}
				}
				return addUp(ctx, b)
			})
		})
		w.send(60)
		w.expect()
		w.sendOne("1", 4711)
		w.send(60)
		w.wait("it says so", func() bool { return errors.Is(s.problem("g-a-0"), schemas.ErrNewerSchema) })
		time.Sleep(time.Minute) // virtual
		if s.ready() {
			t.Error("it is ready although it waits")
		}
		s.stop()
		w.start("a")
		w.expect()
	})
}
