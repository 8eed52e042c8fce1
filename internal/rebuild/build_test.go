//go:build synctests

// Run with -tags synctests: franz-go then uses locks that a bubble of virtual time
// understands; with its usual ones time may stand still for ever.

package rebuild

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/schemas"
)

// TestTwoBuildsAreTheSame: two builds of one log up to the same offsets, which are not its
// end, hold the same bytes, and the states that the slow fold makes.
func TestTwoBuildsAreTheSame(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(40)
		w.poison()
		w.receive(5)
		until := w.processed(3)
		first := w.build(blue)
		second := w.build(green)
		want := w.expected(until)
		w.holds(blue, want, until)
		if w.bytesOf(blue) != w.bytesOf(green) {
			t.Error("the topics differ")
		}
		if first.Hash != second.Hash || len(first.Hash) != 64 {
			t.Errorf("the hashes are %s and %s", first.Hash, second.Hash)
		}
		if first.Unfoldable != 1 || first.Calls != int64(len(want)) || first.Written != first.Calls || first.Removed != 0 {
			t.Errorf("%+v", first)
		}
		for _, p := range first.Partitions {
			if p.NextInput != until[p.Number] {
				t.Errorf("partition %d accounts for %d, the group is at %d", p.Number, p.NextInput, until[p.Number])
			}
		}
		w.receive(1)
		w.processed(0)
		if third := w.build(green); third.Hash == first.Hash {
			t.Error("other states have the same hash")
		}
	})
}

// TestCatchUp: a build that is run again writes what has changed, and no more.
func TestCatchUp(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(40)
		w.processed(20)
		w.build(blue)
		if again := w.build(blue); again.Written+again.Removed != 0 {
			t.Errorf("nothing has come, and it wrote: %+v", again)
		}
		size := len(w.bytesOf(blue))
		w.receive(3)
		until := w.processed(0)
		caughtUp := w.build(blue)
		w.holds(blue, w.expected(until), until)
		if caughtUp.Written == 0 || caughtUp.Written >= caughtUp.Calls {
			t.Errorf("%d of %d calls were written", caughtUp.Written, caughtUp.Calls)
		}
		if fresh := w.build(green); fresh.Hash != caughtUp.Hash {
			t.Error("it differs from one that is made at once")
		}
		if len(w.bytesOf(blue)) <= size {
			t.Error("nothing was added: the test shows nothing")
		}
	})
}

// TestTopicOfOthers: an empty topic that was there before may be another installation's,
// which has no calls yet. Nothing is written to it.
func TestTopicOfOthers(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(5)
		w.processed(0)
		for what, work := range map[string]func(Options) error{
			"build":  func(o Options) error { _, err := Build(context.Background(), o); return err },
			"switch": func(o Options) error { _, err := Switch(context.Background(), o, tasks); return err },
		} {
			foreign := (*ForeignError)(nil)
			if err := work(w.options(blue)); !errors.As(err, &foreign) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if w.bytesOf(blue) != "" {
			t.Error("something was written")
		}
	})
}

// TestKilledClaim: a topic is known by its marks, which are all there or none, wherever the
// claim ended.
func TestKilledClaim(t *testing.T) {
	for key, known := range map[kmsg.Key]bool{kmsg.InitProducerID: false, kmsg.EndTxn: true} {
		t.Run(kmsg.NameForKey(int16(key)), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.receive(10)
				until := w.processed(0)
				ctx, kill := context.WithCancel(context.Background())
				w.cluster.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
					kill()
					return nil, nil, false
				})
				if err := Claim(ctx, w.options(blue)); (err == nil) != known {
					t.Fatalf("it was not killed where it should: %v", err)
				}
				foreign := (*ForeignError)(nil)
				if _, err := Build(context.Background(), w.options(blue)); known && err != nil || !known && !errors.As(err, &foreign) {
					t.Errorf("the build: %v", err)
				}
				if known {
					w.holds(blue, w.expected(until), until)
				}
			})
		})
	}
}

// TestKilledBuild: what a build that ended in the midst has written stays, and the next one
// writes the rest. What it wrote wrongly, as an older version might, is mended.
func TestKilledBuild(t *testing.T) {
	defer func(n int) { mostRecords = n }(mostRecords)
	mostRecords = 5
	inWorld(t, func(w *world) {
		w.receive(40)
		until := w.processed(0)
		ctx, kill := context.WithCancel(context.Background())
		ends := 0
		w.cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			if ends++; ends == 4 {
				kill()
			}
			return nil, nil, false
		})
		if _, err := Build(ctx, w.claim(blue)); !errors.Is(err, context.Canceled) {
			t.Fatalf("it was not killed: %v", err)
		}
		rest := w.build(blue)
		want := w.expected(until)
		if rest.Written == 0 || rest.Written >= int64(len(want)) {
			t.Errorf("the second build wrote %d of %d states", rest.Written, len(want))
		}
		w.holds(blue, want, until)
		wrong, extra := w.log[0][0], &kgo.Record{Topic: blue, Key: []byte("42"), Value: []byte("{}"), Headers: schema}
		w.produce(&kgo.Record{Topic: blue, Key: wrong.Key, Value: []byte("{}"), Headers: schema})
		w.produce(extra)
		if mended := w.build(blue); mended.Written != 1 || mended.Removed != 1 || mended.Hash != w.build(green).Hash {
			t.Errorf("%+v", mended)
		}
		w.holds(blue, want, until)
	})
}

var schema = []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())}}

// TestRefused: what belongs to others is not touched, nor is what would be made of a part
// of the events.
func TestRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(20)
		until := w.processed(0)
		w.produce(&kgo.Record{Topic: live, Key: []byte("1"), Value: []byte("{}"), Headers: schema})
		before := w.bytesOf(live)
		foreign := (*ForeignError)(nil)
		if _, err := Build(context.Background(), w.options(live)); !errors.As(err, &foreign) {
			t.Errorf("a topic that was not made by this: %v", err)
		}
		w.build(blue)
		o := w.options(blue)
		o.Events = green
		o.Processor = "none"
		if _, err := Build(context.Background(), o); !errors.As(err, &foreign) {
			t.Errorf("a topic that was made from another log: %v", err)
		}
		if w.bytesOf(live) != before {
			t.Error("what is not ours was changed")
		}

		w.commit(sink, blue, map[int32]int64{0: 1})
		inUse := (*InUseError)(nil)
		if _, err := Build(context.Background(), w.options(blue)); !errors.As(err, &inUse) {
			t.Errorf("a topic that the sink reads: %v", err)
		}

		partial := (*PartialError)(nil)
		cut := kadm.Offsets{}
		cut.AddOffset(events, 1, until[1]/2, -1)
		_, err := w.adm.DeleteRecords(context.Background(), cut)
		w.check(err)
		if _, err := Build(context.Background(), w.claim(green)); !errors.As(err, &partial) || !partial.Cut {
			t.Errorf("a log whose beginning is gone: %v", err)
		}
	})
}

// TestHidden: what an open transaction hides is not left out silently.
func TestHidden(t *testing.T) {
	inWorld(t, func(w *world) {
		open, err := w.open(kgo.TransactionalID("somebody"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		w.check(err)
		defer open.Close()
		w.receive(10)
		w.check(open.BeginTransaction())
		w.check(open.ProduceSync(context.Background(), &kgo.Record{Topic: events, Partition: 1, Key: []byte("1"), Value: []byte("{}")}).FirstErr())
		w.receive(10)
		partial := (*PartialError)(nil)
		if _, err := Build(context.Background(), w.claim(blue)); !errors.As(err, &partial) || partial.Cut || partial.Partition != 1 {
			t.Error(err)
		}
		w.check(open.EndTransaction(context.Background(), kgo.TryAbort))
	})
}

// TestHiddenMark: a topic whose mark cannot be seen yet is not taken for somebody else's.
func TestHiddenMark(t *testing.T) {
	inWorld(t, func(w *world) {
		open, err := w.open(kgo.TransactionalID("somebody"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		w.check(err)
		defer open.Close()
		w.receive(10)
		w.check(open.BeginTransaction())
		w.check(open.ProduceSync(context.Background(), &kgo.Record{Topic: blue, Key: []byte("mark")}).FirstErr())
		for what, work := range map[string]func(Options) error{
			"build":  func(o Options) error { _, err := Build(context.Background(), o); return err },
			"switch": func(o Options) error { _, err := Switch(context.Background(), o, tasks); return err },
		} {
			o := w.options(blue)
			o.Own = what == "switch"
			partial := (*PartialError)(nil)
			if err := work(o); !errors.As(err, &partial) || partial.Cut || partial.Topic != blue {
				t.Errorf("%s: %v", what, err)
			}
		}
		w.check(open.EndTransaction(context.Background(), kgo.TryAbort))
	})
}

// TestTwoBuildsAtOnce: the later one ends the earlier one.
func TestTwoBuildsAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(20)
		until := w.processed(0)
		b := newBuilding(w.claim(blue))
		b.after = func(ctx context.Context, part *work) error {
			if part.number != 0 {
				return nil
			}
			_, err := Build(context.Background(), w.options(blue)) // which the end of the first one does not end
			w.check(err)
			return errors.Join(part.add(ctx, state("42", []byte("{}"))), part.flush(ctx))
		}
		if err := b.run(context.Background()); err == nil || !strings.Contains(err.Error(), "another build") {
			t.Errorf("it went on: %v", err)
		}
		w.holds(blue, w.expected(until), until)
	})
}

// TestLogOfNobody: of a copy of events, which the processor's group has never read, all is
// folded that is there; what comes then is left to the processor.
func TestLogOfNobody(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(30)
		until := map[int32]int64{}
		for p, records := range w.log {
			until[p] = int64(len(records))
		}
		want := w.expected(until)
		w.build(blue)
		w.holds(blue, want, until)
		w.receive(10)
		w.build(blue)
		w.holds(blue, want, until)
	})
}
