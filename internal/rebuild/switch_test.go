//go:build synctests

package rebuild

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/standin"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// outcomes writes the sink's outcomes about these states, but for one call that it has not
// seen and one of which it has seen something older.
func (w *world) outcomes(states map[string][]byte, unseen, older string) {
	w.t.Helper()
	client, err := w.open(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	w.check(err)
	defer client.Close()
	for p, records := range w.log {
		for _, r := range records {
			key := string(r.Key)
			record, err := schemas.Calls.Decode(schemas.Calls.Schema(), states[key])
			if err != nil || key == unseen {
				continue // a poison, or not folded yet
			}
			o := schemas.Outcome{CallID: record.State.ID, Result: schemas.Created, StateHash: record.State.Hash(), NextAttempt: 1} // long ago
			if key == older {
				o.StateHash = "older"
			}
			value, err := schemas.Outcomes.Encode(o)
			w.check(err)
			w.check(client.ProduceSync(context.Background(), &kgo.Record{Topic: tasks, Partition: p, Key: r.Key, Value: value,
				Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Outcomes.Schema())}, stream.NextInputHeader(1_000)}}).FirstErr())
		}
	}
}

// handedOver wants the groups to go on behind all states but the pending ones, and the
// markers to say the same.
func (w *world) handedOver(until map[int32]int64, pending ...string) {
	w.t.Helper()
	ctx := context.Background()
	reached, err := standin.Offsets(ctx, w.client, processor, events)
	w.check(err)
	begins, err := standin.Offsets(ctx, w.client, sink, blue)
	w.check(err)
	states, outcomes := w.read(blue), w.read(tasks)
	var left []string
	for p := range int32(partitions) {
		if reached[p] != until[p] {
			w.t.Errorf("partition %d: the processor goes on at %d, want %d", p, reached[p], until[p])
		}
		last := outcomes[p][len(outcomes[p])-1]
		if next := stream.NextInput(last); !stream.IsMarker(last) || next != begins[p] || next == 0 {
			w.t.Errorf("partition %d: the last record of tasks has next-input %d, the sink goes on at %d", p, next, begins[p])
		}
		for _, r := range states[p] {
			if r.Offset >= begins[p] && !stream.IsMarker(r) {
				left = append(left, string(r.Key))
			}
		}
	}
	slices.Sort(left)
	slices.Sort(pending)
	if !slices.Equal(left, pending) {
		w.t.Errorf("the sink finds the calls %v, want %v", left, pending)
	}
}

// some are two calls that the world has.
func (w *world) some(states map[string][]byte) (one, other string) {
	var keys []string
	for key := range states {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys[0], keys[len(keys)/2]
}

func (w *world) switchOver() Switched {
	w.t.Helper()
	s, err := Switch(context.Background(), w.claim(blue), tasks)
	w.check(err)
	return s
}

// TestSwitch: what the sink has seen it does not see again, what it has not seen it does.
func TestSwitch(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(30)
		w.processed(10)
		w.build(blue)
		w.receive(5)
		until := w.processed(0)
		want := w.expected(until)
		unseen, older := w.some(want)
		w.outcomes(want, unseen, older)
		if s := w.switchOver(); s.Pending != 2 || s.Written == 0 {
			t.Errorf("%+v", s)
		}
		w.holds(blue, want, until)
		w.handedOver(until, unseen, older)
		// Once more changes nothing of that.
		if s := w.switchOver(); s.Pending != 2 || s.Written != 0 {
			t.Errorf("once more: %+v", s)
		}
		w.holds(blue, want, until)
		w.handedOver(until, unseen, older)
	})
}

// TestKilledSwitch: killed at any of its transactions and run again it ends the same.
func TestKilledSwitch(t *testing.T) {
	for at := 1; at <= 12; at++ {
		t.Run(strconv.Itoa(at), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.receive(10)
				w.processed(3)
				w.build(blue)
				until := w.processed(0)
				want := w.expected(until)
				unseen, older := w.some(want)
				w.outcomes(want, unseen, older)
				ctx, kill := context.WithCancel(context.Background())
				ends := 0
				w.cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
					w.cluster.KeepControl()
					if ends++; ends == at {
						kill()
					}
					return nil, nil, false
				})
				if _, err := Switch(ctx, w.options(blue), tasks); err == nil && ends >= at {
					t.Log("it was done already")
				}
				time.Sleep(2 * time.Minute) // virtual: the groups miss who was killed
				w.switchOver()
				w.holds(blue, want, until)
				w.handedOver(until, unseen, older)
			})
		})
	}
}

// TestSwitchOfALogOfNobody: the processor goes on where the build ended, however much has
// come since, so that it rejects what cannot be folded.
func TestSwitchOfALogOfNobody(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(20)
		until := map[int32]int64{}
		for p, records := range w.log {
			until[p] = int64(len(records))
		}
		want := w.expected(until)
		w.build(blue)
		w.outcomes(want, "", "")
		w.receive(5)
		w.poison()
		w.switchOver()
		w.holds(blue, want, until)
		w.handedOver(until)
	})
}

// TestSwitchToNothing: where nothing was built of such a log the processor folds all of it.
func TestSwitchToNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(10)
		if s := w.switchOver(); s.Calls != 0 {
			t.Errorf("%+v", s)
		}
		w.handedOver(nil)
	})
}

// TestSwitchToOwn: an empty topic that the settings name already is taken, also after a
// claim that failed. One that holds anything else is not.
func TestSwitchToOwn(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(20)
		until := w.processed(0)
		want := w.expected(until)
		w.outcomes(want, "", "")
		o := w.options(blue)
		claim, err := o.openWriter(0)
		w.check(err)
		defer claim.Close()
		w.check(claim.BeginTransaction())
		w.check(claim.ProduceSync(context.Background(), &kgo.Record{Topic: blue, Key: []byte("mark")}).FirstErr())
		w.check(claim.EndTransaction(context.Background(), kgo.TryAbort))
		o.Own = true
		if s, err := Switch(context.Background(), o, tasks); err != nil || s.Pending != 0 {
			t.Fatalf("%+v: %v", s, err)
		}
		w.holds(blue, want, until)
		w.handedOver(until)

		w.produce(&kgo.Record{Topic: live, Key: []byte("1"), Value: []byte("{}"), Headers: schema})
		before := w.bytesOf(live)
		o = w.options(live)
		o.Own = true
		foreign := (*ForeignError)(nil)
		if _, err := Switch(context.Background(), o, tasks); !errors.As(err, &foreign) || w.bytesOf(live) != before {
			t.Errorf("a topic that holds something: %v", err)
		}
	})
}

// TestSwitchWhileAStageWorks: it is refused, whichever stage it is, and nothing is changed.
func TestSwitchWhileAStageWorks(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(10)
		until := w.processed(0)
		w.outcomes(w.expected(until), "", "")
		w.build(blue)
		before := w.bytesOf(blue) + w.bytesOf(tasks)
		for group, topic := range map[string]string{processor: events, sink: live} {
			member, err := w.open(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit())
			w.check(err)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			member.PollFetches(ctx)
			cancel()
			busy := (*standin.BusyError)(nil)
			if _, err := Switch(context.Background(), w.options(blue), tasks); !errors.As(err, &busy) || busy.Group != group {
				t.Errorf("while the group %s works: %v", group, err)
			}
			member.Close()
		}
		if w.bytesOf(blue)+w.bytesOf(tasks) != before {
			t.Error("something was written")
		}
	})
}
