//go:build synctests

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

const partitions = 3

// shared is a broker in a bubble of virtual time, with the topic calls, and the tables of
// a sink that owns some of it.
type shared struct {
	*testing.T
	cluster *kfake.Cluster
	net     *kfake.VirtualNetwork
	client  *kgo.Client
	share   *Share

	owned    map[int32]int64
	outcomes map[string]schemas.Outcome
	records  map[int64]schemas.CallRecord // the newest
}

func inShared(t *testing.T, test func(w *shared)) {
	synctest.Test(t, func(t *testing.T) {
		w := &shared{T: t, net: &kfake.VirtualNetwork{}, owned: map[int32]int64{}, outcomes: map[string]schemas.Outcome{}, records: map[int64]schemas.CallRecord{}}
		w.share = &Share{Kafka: w.open, Calls: "calls", Events: "events", States: w}
		var err error
		w.cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9093), kfake.SleepOutOfOrder(), kfake.SeedTopics(partitions, "calls", "events"), kfake.ListenFn(w.net.Listen))
		w.check(err)
		defer w.cluster.Close()
		w.client, err = w.open()
		w.check(err)
		defer w.client.Close()
		test(w)
	})
}

// open makes a client. Its batches are not packed by zstd, whose decoders end in
// finalizers, outside of the bubble.
func (w *shared) open() (*kgo.Client, error) {
	return kgo.NewClient(append(kafka.ProducerOptions(), kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.Dialer(w.net.DialContext),
		kgo.DisableClientMetrics(), kgo.ProducerBatchCompression(kgo.SnappyCompression()))...)
}

func (w *shared) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *shared) Owned() (map[int32]int64, error) { return w.owned, nil }

func (w *shared) Get(partition int32, key string) (o schemas.Outcome, ok bool, err error) {
	if _, own := w.owned[partition]; !own {
		return o, false, stream.ErrNotOwned
	}
	o, ok = w.outcomes[key]
	return o, ok, nil
}

// put writes to the topic calls, and gives the partition.
func (w *shared) put(r *kgo.Record) int32 {
	w.Helper()
	r.Topic = "calls"
	w.check(w.client.ProduceSync(w.Context(), r).FirstErr())
	return r.Partition
}

func (w *shared) record(id int64, value []byte) *kgo.Record {
	return &kgo.Record{
		Topic: "calls", Key: strconv.AppendInt(nil, id, 10), Value: value,
		Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())}},
	}
}

// changes writes a new state of a call, and gives the partition.
func (w *shared) changes(id int64, tag string) int32 {
	w.Helper()
	record := w.records[id]
	record.State.ID = id
	record.State.Tags.At.Time++
	record.State.Tags.Value = append(slices.Clone(record.State.Tags.Value), schemas.Tag{Name: tag})
	w.records[id] = record
	value, err := schemas.Calls.Encode(record)
	w.check(err)
	return w.put(w.record(id, value))
}

// topic is the id of the topic calls.
func (w *shared) topic() string {
	w.Helper()
	topics, err := partition.Lookup(w.Context(), w.client, "calls")
	w.check(err)
	p, err := topics.Partition("calls", 0)
	w.check(err)
	return p.TopicID().String()
}

// handles has the sink handle all that there is of its partitions.
func (w *shared) handles(owned ...int32) {
	w.Helper()
	topics, err := partition.Lookup(w.Context(), w.client, "calls")
	w.check(err)
	for _, n := range owned {
		p, err := topics.Partition("calls", n)
		w.check(err)
		w.owned[n] = p.End()
	}
	for id, record := range w.records {
		w.outcomes[strconv.FormatInt(id, 10)] = schemas.Outcome{CallID: id, Result: schemas.Created, StateHash: record.State.Hash(), DecidedAt: 7}
	}
}

// walked are the calls that a walk comes to, so many at a time.
func (w *shared) walked(most int) (ids []int64, looks int) {
	w.Helper()
	for at, end := (Place{}), false; !end; looks++ {
		calls, next, last, err := w.share.Known(w.Context(), at, most)
		w.check(err)
		if len(calls) > most || next == at && !last {
			w.Fatalf("%d calls, from %+v to %+v", len(calls), at, next)
		}
		twice := map[int64]bool{}
		for _, k := range calls {
			if !k.Current() || twice[k.Record.State.ID] {
				w.Errorf("of call %d an older state came, or it came twice", k.Record.State.ID)
			}
			twice[k.Record.State.ID] = true
			ids = append(ids, k.Record.State.ID)
		}
		at, end = next, last
	}
	slices.Sort(ids)
	return slices.Compact(ids), looks // a call without an outcome comes once in each look
}

// TestShareKnowsItsCalls walks over two partitions of three, some calls at a time.
func TestShareKnowsItsCalls(t *testing.T) {
	inShared(t, func(w *shared) {
		var want []int64
		for i := range int64(120) { // each call twice, as before a compaction
			id := i%60 + 1
			if n := w.changes(id, fmt.Sprint(i)); n != 1 && i < 60 {
				want = append(want, id)
			}
		}
		w.put(stream.NextInputMarker(5))
		w.put(&kgo.Record{Key: []byte("77"), Value: []byte("no state")})
		w.handles(0, 2)
		w.changes(want[0], "not handled yet")
		for id := range int64(10) {
			w.changes(1000+id, "not handled yet")
		}
		// Of one call no outcome is there, though it was handled; at another the sink is.
		delete(w.outcomes, strconv.FormatInt(want[3], 10))
		w.outcomes[strconv.FormatInt(want[5], 10)] = schemas.Outcome{Result: schemas.Created, StateHash: "of the state before"}
		want = slices.Delete(want, 5, 6)
		for most, fewest := range map[int]int{1: len(want), 7: len(want) / 7, 1000: 1} {
			if got, looks := w.walked(most); !slices.Equal(got, want) || looks < fewest {
				w.Errorf("%d at a time: %v in %d looks, want %v", most, got, looks, want)
			}
		}
		// One whose place is in a partition that it lost meanwhile goes on behind it.
		calls, _, end, err := w.share.Known(w.Context(), Place{w.topic(), 1, 1_000_000, 1_000_000}, 1000)
		if err != nil || !end || len(calls) == 0 || len(calls) >= len(want) {
			w.Errorf("%d calls, the end: %v, %v", len(calls), end, err)
		}
	})
}

// TestShareLeavesABusyPartition: in one, two calls come for each that is looked at.
func TestShareLeavesABusyPartition(t *testing.T) {
	inShared(t, func(w *shared) {
		of := map[int32]int{}
		for id := int64(1); of[0] < 4 || of[1] < 4; id++ {
			of[w.changes(id, "a")]++
		}
		w.handles(0, 1)
		at, looks := Place{}, 0
		for ; at.Partition == 0; looks++ {
			calls, next, _, err := w.share.Known(w.Context(), at, 1)
			if w.check(err); len(calls) != 1 || looks == of[0] {
				w.Fatalf("%d calls in look %d of a partition of %d", len(calls), looks+1, of[0])
			}
			for range 6 {
				w.changes(int64(len(w.records)+1), "b")
			}
			w.handles(0, 1)
			at = next
		}
		if at.Partition != 1 || looks != of[0] {
			w.Errorf("went on to %+v after %d looks", at, looks)
		}
	})
}

// TestShareReadsALittleAtATime: a topic that was not compacted for long has many states
// that are not the newest.
func TestShareReadsALittleAtATime(t *testing.T) {
	inShared(t, func(w *shared) {
		var old []*kgo.Record
		n := w.changes(7, "old")
		value, err := schemas.Calls.Encode(w.records[7])
		w.check(err)
		for range 2 * mostRecords {
			old = append(old, w.record(7, value))
		}
		w.check(w.client.ProduceSync(w.Context(), old...).FirstErr())
		w.changes(7, "new")
		w.handles(n)
		if got, looks := w.walked(1); !slices.Equal(got, []int64{7}) || looks != 3 {
			w.Errorf("%v in %d looks", got, looks)
		}
	})
}

// TestShareLooksAgain leaves out the call that the sink has looked at meanwhile.
func TestShareLooksAgain(t *testing.T) {
	inShared(t, func(w *shared) {
		for id := range int64(3) {
			w.changes(id+1, "a")
		}
		w.handles(0, 1, 2)
		delete(w.outcomes, "3")
		calls, _, _, err := w.share.Known(w.Context(), Place{}, 10)
		w.check(err)
		w.outcomes["2"] = schemas.Outcome{Result: schemas.Updated, DecidedAt: 8}
		same, err := w.share.Still(w.Context(), calls)
		w.check(err)
		var ids []int64
		for _, k := range same {
			ids = append(ids, k.Record.State.ID)
		}
		if slices.Sort(ids); len(calls) != 3 || !slices.Equal(ids, []int64{1, 3}) {
			w.Errorf("of %d calls still as they were: %v", len(calls), ids)
		}
		clear(w.owned)
		if _, err := w.share.Still(w.Context(), calls); !errors.Is(err, stream.ErrNotOwned) {
			w.Errorf("of partitions that are another's now: %v", err)
		}
	})
}

// TestShareLeavesOutWhatWasTakenAway: the extra state of a call is still there below the
// tombstone of 'callfold verify --repair', in the same look or behind it.
func TestShareLeavesOutWhatWasTakenAway(t *testing.T) {
	inShared(t, func(w *shared) {
		var on []int64 // calls of one partition
		n := w.changes(1, "a")
		for id := int64(1); len(on) < 4; id++ {
			if w.changes(id, "b") == n {
				on = append(on, id)
			}
		}
		gone, again := on[0], on[1]
		for _, id := range on[:2] {
			w.put(w.record(id, nil))
		}
		w.changes(again, "c")
		w.handles(n)
		if got, _ := w.walked(1000); !slices.Equal(got, on[1:]) {
			t.Errorf("walked over %v, want %v", got, on[1:])
		}
		calls, _, _, err := w.share.Known(w.Context(), Place{}, 1)
		w.check(err)
		if len(calls) != 1 || calls[0].Record.State.ID != gone {
			t.Fatalf("one at a time %+v came first", calls)
		}
		for _, id := range on[1:] {
			calls = append(calls, sfsink.Known{Record: w.records[id]})
		}
		kept, err := w.share.Kept(w.Context(), calls)
		w.check(err)
		if want := map[int64]bool{gone: false, again: true, on[2]: true, on[3]: true}; !maps.Equal(kept, want) {
			t.Errorf("kept are %v, want %v", kept, want)
		}
	})
}

// TestShareBeginsAnewInAnotherTopic: offsets of the topic before mean nothing there.
func TestShareBeginsAnewInAnotherTopic(t *testing.T) {
	inShared(t, func(w *shared) {
		for id := range int64(20) {
			w.changes(id+1, "a")
		}
		w.handles(0, 1, 2)
		_, at, end, err := w.share.Known(w.Context(), Place{}, 15)
		if w.check(err); end || at.Partition == 0 {
			t.Fatalf("came to %+v", at)
		}
		adm := kadm.NewClient(w.client)
		_, err = adm.DeleteTopic(w.Context(), "calls")
		w.check(err)
		_, err = adm.CreateTopic(w.Context(), partitions, 1, nil, "calls")
		w.check(err)
		w.client, err = w.open() // the other knows the old topic
		w.check(err)
		defer w.client.Close()
		for id := range int64(20) {
			w.changes(id+1, "b")
		}
		w.handles(0, 1, 2)
		calls, _, end, err := w.share.Known(w.Context(), at, 1000)
		if w.check(err); len(calls) != 20 || !end {
			t.Errorf("%d calls, the end: %v", len(calls), end)
		}
	})
}

// TestShareStopsAtAnOpenTransaction: what it hides is for the next look, not for the next
// round.
func TestShareStopsAtAnOpenTransaction(t *testing.T) {
	inShared(t, func(w *shared) {
		n := w.changes(1, "a")
		writer, err := kgo.NewClient(append(w.client.Opts(), kgo.TransactionalID("writer"))...)
		w.check(err)
		defer writer.Close()
		w.check(writer.BeginTransaction())
		w.check(writer.ProduceSync(w.Context(), &kgo.Record{Topic: "calls", Key: []byte("1")}).FirstErr())
		w.changes(1, "b")
		w.handles(n)
		calls, at, end, err := w.share.Known(w.Context(), Place{}, 10)
		if w.check(err); len(calls) > 0 || end {
			t.Errorf("%d calls, the end: %v", len(calls), end)
		}
		if _, err := w.share.Kept(w.Context(), []sfsink.Known{{Record: w.records[1]}}); !errors.Is(err, ErrBehind) {
			t.Errorf("which calls are kept cannot be known: %v", err)
		}
		w.check(writer.EndTransaction(w.Context(), kgo.TryAbort))
		calls, _, end, err = w.share.Known(w.Context(), at, 10)
		if w.check(err); len(calls) != 1 || !end {
			t.Errorf("%d calls, the end: %v", len(calls), end)
		}
	})
}

// TestShareNeedsReaders: while nobody would handle what it sends, nothing is looked at, nor
// sent.
func TestShareNeedsReaders(t *testing.T) {
	inShared(t, func(w *shared) {
		w.handles(w.changes(1, "a"))
		astray := errors.New("the processor reads another log")
		w.share.Readers = func(context.Context, *kadm.Client) error { return astray }
		rewrites := []command.Command{{Event: schemas.EventRewrite, CallID: 1}}
		for _, want := range []error{astray, nil} {
			astray = want
			if _, _, _, err := w.share.Known(w.Context(), Place{}, 10); !errors.Is(err, want) {
				t.Errorf("looking: %v, want %v", err, want)
			}
			if err := w.share.Send(w.Context(), rewrites, command.Order{Who: "me", Why: "so"}); !errors.Is(err, want) {
				t.Errorf("sending: %v, want %v", err, want)
			}
		}
		ends, err := kadm.NewClient(w.client).ListEndOffsets(w.Context(), "events")
		w.check(err)
		var sent int64
		ends.Each(func(o kadm.ListedOffset) { sent += o.Offset })
		if sent != 1 {
			t.Errorf("%d commands are in the log, want the one", sent)
		}
	})
}

// TestShareKnowsWhatItDoesNotKnow: what is of another partition is for another process to
// say, and what waits is known, too.
func TestShareKnowsWhatItDoesNotKnow(t *testing.T) {
	inShared(t, func(w *shared) {
		var keys, want []string
		topics, err := partition.Lookup(w.Context(), w.client, "calls")
		w.check(err)
		for id := range int64(40) {
			key := strconv.FormatInt(id+1, 10)
			n, err := topics.NumberOf("calls", key)
			w.check(err)
			keys = append(keys, key)
			switch {
			case id < 20:
				w.changes(id+1, "handled")
			case n != 1 && id < 30:
				want = append(want, key)
			}
		}
		w.handles(0, 2)
		for id := range int64(10) {
			w.changes(31+id, "waits")
		}
		slices.Sort(want)
		if got, err := w.share.Unknown(w.Context(), keys); err != nil || !slices.Equal(got, want) || len(got) == 0 {
			w.Errorf("unknown are %v, %v, want %v", got, err, want)
		}
		if owns, err := w.share.Owns(); err != nil || !owns {
			w.Errorf("owns something: %v, %v", owns, err)
		}

		// With more of a backlog than can be looked through, nothing is said.
		var backlog []*kgo.Record
		for i := range partitions * 2 * mostWaiting {
			backlog = append(backlog, w.record(int64(i), nil))
		}
		w.check(w.client.ProduceSync(w.Context(), backlog...).FirstErr())
		if got, err := w.share.Unknown(w.Context(), keys); !errors.Is(err, ErrBehind) {
			w.Errorf("with a backlog: %v, %v", got, err)
		}
		if got, err := w.share.Unknown(w.Context(), keys[:20]); err != nil || len(got) > 0 {
			w.Errorf("of calls that are known nothing has to be looked through: %v, %v", got, err)
		}
		clear(w.owned)
		if got, err := w.share.Unknown(w.Context(), keys); err != nil || len(got) > 0 {
			w.Errorf("without partitions: %v, %v", got, err)
		}
		if owns, err := w.share.Owns(); err != nil || owns {
			w.Errorf("owns something: %v, %v", owns, err)
		}
	})
}
