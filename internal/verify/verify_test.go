//go:build synctests

package verify

import (
	"context"
	"errors"
	"github.com/twmb/franz-go/pkg/kadm"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/standin"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

func TestSound(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(traffic.New(traffic.Options{Seed: 1}), 40)
		w.publish(7, []byte(`no event`))
		w.process(w.folded)
		r := w.sound()
		if r.Calls != 40 || r.Events < 200 {
			t.Errorf("%d calls of %d events", r.Calls, r.Events)
		}
	})
}

// TestWhileTheProcessorGoesOn: events that calls does not account for yet make no
// difference, and neither do older states of a call.
func TestWhileTheProcessorGoesOn(t *testing.T) {
	inWorld(t, func(w *world) {
		generator := traffic.New(traffic.Options{Seed: 1})
		w.receive(generator, 20)
		id := w.any()
		older := w.folded[id]
		older.Trace.Events = older.Trace.Events[:1]
		w.process(map[int64]schemas.CallRecord{id: older})
		w.process(w.folded)
		w.receive(generator, 20)
		if r := w.sound(); r.Calls != 20 {
			t.Errorf("%d calls were folded, calls accounts for 20", r.Calls)
		}
	})
}

// TestDifferences: one of each kind, and then all of them repaired.
func TestDifferences(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(traffic.New(traffic.Options{Seed: 1}), 20)
		w.publish(7, []byte(`no event`))
		w.process(w.folded)
		ids := make([]int64, 0, len(w.folded))
		for id := range w.folded {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		missing, different, extra := ids[0], ids[1], int64(42)
		w.put(missing, nil)
		wrong := w.folded[different]
		wrong.State.StartedAt++
		value, err := schemas.Calls.Encode(wrong)
		w.check(err)
		w.put(different, value)
		w.where[extra] = 2
		w.put(extra, value)

		r := w.verify()
		if r.Missing != 1 || r.Different != 1 || r.Extra != 1 || r.Calls != 20 {
			t.Fatal(found(r))
		}
		type kind struct {
			id    int64
			kind  Kind
			field string
		}
		var got []kind
		for _, d := range r.Differences {
			got = append(got, kind{d.CallID, d.Kind, d.Field})
			if len(d.Events) == 0 || d.Events[0].Name == "" || d.Events[0].Time.IsZero() {
				t.Errorf("call %d: events %v", d.CallID, d.Events)
			}
		}
		if want := []kind{{extra, Extra, ""}, {missing, Missing, ""}, {different, Different, "state.started_at"}}; !slices.Equal(got, want) {
			t.Errorf("differences %v, want %v", got, want)
		}
		for _, id := range []int64{missing, different} {
			r := w.verify(func(o *Options) { o.IDs = []int64{id} })
			if r.Wrong() != 1 || r.Calls != 1 || len(r.Unknown) > 0 {
				t.Errorf("call %d alone: %s of %d calls, %v unknown", id, found(r), r.Calls, r.Unknown)
			}
		}
		if r := w.verify(func(o *Options) { o.IDs = []int64{5, missing, different, ids[2], 4} }); !slices.Equal(r.Unknown, []int64{4, 5}) {
			t.Errorf("of 4, 5 and three that are known %v are unknown", r.Unknown)
		}

		_, repaired, err := w.repair()
		w.check(err)
		if repaired != 3 {
			t.Errorf("%d were repaired", repaired)
		}
		w.sound()
		offsets, err := w.adm.FetchOffsets(context.Background(), group)
		w.check(err)
		for p, next := range w.reached {
			if o, ok := offsets.Lookup(events, p); ok && o.At != next {
				t.Errorf("partition %d: the group goes on at %d, the states account for %d", p, o.At, next)
			}
		}
	})
}

// TestEmptiedCalls: when calls has lost everything, it is for the group's offset to
// tell what it should hold.
func TestEmptiedCalls(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(traffic.New(traffic.Options{Seed: 1}), 20)
		w.consumed()
		r, repaired, err := w.repair()
		w.check(err)
		if r.Missing != 20 || repaired != 20 {
			t.Errorf("%s, %d repaired", found(r), repaired)
		}
		w.sound()
	})
}

// consumed commits the group's offsets, as if the processor had handled all.
func (w *world) consumed() {
	w.t.Helper()
	client := w.broker.Client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(events), kgo.DisableAutoCommit())
	defer client.Close()
	for n := int64(0); n < w.all(); {
		fetches := client.PollFetches(context.Background())
		w.check(fetches.Err())
		n += int64(fetches.NumRecords())
	}
	w.check(client.CommitUncommittedOffsets(context.Background()))
}

func (w *world) all() (n int64) {
	for _, next := range w.reached {
		n += next
	}
	return n
}

// TestRangeOfTime: the generator's calls are received a second apart.
func TestRangeOfTime(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(traffic.New(traffic.Options{Seed: 1}), 30)
		w.process(w.folded)
		between := func(o *Options) { o.From, o.To = received.Add(10*time.Second), received.Add(20*time.Second) }
		if r := w.sound(between); r.Calls < 10 || r.Calls > 12 {
			t.Errorf("%d calls have an event in the ten seconds", r.Calls)
		}
		if r := w.sound(func(o *Options) { o.From = received.Add(time.Hour) }); r.Calls != 0 {
			t.Errorf("%d calls have an event after the last", r.Calls)
		}
	})
}

// TestRepairWhileSomebodyWorks: neither when the repair begins nor later.
func TestRepairWhileSomebodyWorks(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(traffic.New(traffic.Options{Seed: 1}), 20)
		w.consumed()
		member := w.member()
		var busy *standin.BusyError
		if _, _, err := w.repair(); !errors.As(err, &busy) {
			t.Errorf("with a member in the group: %v", err)
		}
		member.Close()

		// One that joins later, in the midst of the work.
		v := w.run()
		r, err := standin.Join(context.Background(), standin.Options{Client: w.client, Open: w.broker.Open, Group: group, Topic: events, ID: "repair"})
		w.check(err)
		defer r.Close()
		defer w.member().Close()
		for _, part := range v.parts {
			if err := part.repair(context.Background(), r, part.wrong); !errors.As(err, &busy) {
				t.Errorf("with a member that joined later: %v", err)
			}
		}
		w.check(v.Close())
		if r := w.verify(); r.Missing != 20 {
			t.Errorf("%s, although nothing could be repaired", found(r))
		}
	})
}

// member joins the group.
func (w *world) member() *kgo.Client {
	client := w.broker.Client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(events), kgo.DisableAutoCommit())
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client.PollFetches(ctx)
	return client
}

// TestOpenTransaction: what it hides is not looked at, and that is said.
func TestOpenTransaction(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(traffic.New(traffic.Options{Seed: 1}), 20)
		w.process(w.folded)
		open := w.broker.Client(kgo.TransactionalID("somebody"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		defer open.Close()
		w.check(open.BeginTransaction())
		w.check(open.ProduceSync(context.Background(), &kgo.Record{Topic: calls, Partition: 1, Key: []byte("1"), Value: []byte("{}")}).FirstErr())
		w.put(42, []byte("{}"))
		w.where[43] = 1
		w.put(43, []byte("{}")) // behind it
		r := w.verify()
		if !slices.Equal(r.Hidden, []int32{1}) || r.Extra != 1 {
			t.Errorf("hidden %v, %s", r.Hidden, found(r))
		}
		w.check(open.EndTransaction(context.Background(), kgo.TryAbort))
	})
}

// TestEventsThatAreGone: states whose events were deleted look wrong and may be right.
func TestEventsThatAreGone(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(traffic.New(traffic.Options{Seed: 1}), 20)
		w.process(w.folded)
		cut := kadm.Offsets{}
		for p, next := range w.reached {
			cut.AddOffset(events, p, next/2, -1)
		}
		_, err := w.adm.DeleteRecords(context.Background(), cut)
		w.check(err)
		var partial *PartialError
		if r, _, err := w.repair(); !errors.As(err, &partial) || len(r.Cut) != partitions || r.Wrong() == 0 {
			t.Errorf("%s, cut %v, error %v", found(r), r.Cut, err)
		}
	})
}

// TestHiddenEvents: states of a part of the events are not written.
func TestHiddenEvents(t *testing.T) {
	inWorld(t, func(w *world) {
		open := w.broker.Client(kgo.TransactionalID("somebody"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		defer open.Close()
		generator := traffic.New(traffic.Options{Seed: 1})
		w.receive(generator, 10)
		w.check(open.BeginTransaction())
		w.check(open.ProduceSync(context.Background(), &kgo.Record{Topic: events, Partition: 1, Key: []byte("1"), Value: []byte("{}")}).FirstErr())
		w.receive(generator, 10)
		w.process(w.folded)
		var partial *PartialError
		if r, _, err := w.repair(); !errors.As(err, &partial) || r.Wrong() == 0 {
			t.Errorf("%s, hidden %v, error %v", found(r), r.Hidden, err)
		}
		w.check(open.EndTransaction(context.Background(), kgo.TryAbort))
	})
}
