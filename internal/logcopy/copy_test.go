package logcopy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/eventlog"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/schemas"
)

const (
	from, to   = "old.events", "new.events"
	partitions = 3
)

var received = time.UnixMilli(1_780_000_000_000)

// world is a cluster with a log and an empty topic to copy to.
type world struct {
	*testing.T
	cluster *kfake.Cluster
	client  *kgo.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, from, to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w := &world{T: t, cluster: cluster}
	w.client, err = w.open()
	w.check(err)
	t.Cleanup(w.client.Close)
	return w
}

func (w *world) open(more ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(append(kafka.ProducerOptions(), kgo.SeedBrokers(w.cluster.ListenAddrs()...)), more...)...)
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) put(records ...*kgo.Record) {
	w.Helper()
	w.check(w.client.ProduceSync(w.Context(), records...).FirstErr())
}

// event is the nth event of a call.
func event(topic string, call int64, n int) *kgo.Record {
	body := fmt.Appendf(nil, `{"resource":"call","event":"call.tagged","timestamp":%d,"data":{"id":%d,"direction":"inbound","status":"done","started_at":1779990000,"raw_digits":"+33 1 99 00 20 %02d","number":{"name":"Paris %d"}}}`,
		received.Unix()-100+int64(n), call, call%100, n)
	return eventlog.Record(topic, body, "call.tagged", call, schemas.Webhook, received.Add(time.Duration(n)*time.Millisecond))
}

// erase is the command that erases a call.
func (w *world) erase(call int64) *kgo.Record {
	w.Helper()
	r, err := command.Command{Event: schemas.EventErase, CallID: call}.Record(from, command.Order{Who: "dpo", Why: "request 4711"}, received)
	w.check(err)
	return r
}

// fill writes twenty calls, of which 3 and 7 are erased in between, what comes late of
// them, and what nobody can fold.
func (w *world) fill() {
	w.Helper()
	for call := range int64(20) {
		w.put(event(from, call+1, 0), event(from, call+1, 1))
	}
	w.put(w.erase(3), w.erase(7), event(from, 3, 2), w.erase(3))
	astray := event(from, 7, 3)
	astray.Key = []byte("11")
	w.put(astray, &kgo.Record{Topic: from, Key: []byte("12"), Value: []byte("{"), Timestamp: received}, &kgo.Record{Topic: from, Key: []byte("13"), Timestamp: received})
}

// copied is what of the log belongs into a copy.
func copied(r *kgo.Record) bool {
	about := bytes.Contains(r.Value, []byte(`"id":3,`)) || bytes.Contains(r.Value, []byte(`"id":7,`))
	return !about || bytes.Contains(r.Value, []byte(schemas.EventErase))
}

func (w *world) copy(ctx context.Context) (Receipt, error) {
	w.Helper()
	p := &partition.Progress{}
	receipt, err := Copy(ctx, Options{Client: w.client, Open: w.open, From: from, To: to, WithoutErased: true, Progress: p})
	if done, total := p.Done.Load(), p.Total.Load(); err == nil && done != total {
		w.Errorf("progress ends at %d of %d", done, total)
	}
	return receipt, err
}

// records are those of a topic, by partition, without the marks of a copy.
func (w *world) records(topic string) (all [partitions][]*kgo.Record) {
	w.Helper()
	found, err := partition.Lookup(w.Context(), w.client, topic)
	w.check(err)
	for number := range int32(partitions) {
		all[number] = w.partition(found, topic, number)
	}
	return all
}

// partition are the records of a partition, without the marks of a copy.
func (w *world) partition(topics *partition.Topics, topic string, number int32) (all []*kgo.Record) {
	w.Helper()
	p, err := topics.Partition(topic, number)
	w.check(err)
	_, err = p.Read(w.Context(), func(records []*kgo.Record, _ int64) error {
		for _, r := range records {
			r.Headers = unmarked(r.Headers)
		}
		all = append(all, records...)
		return nil
	})
	w.check(err)
	return all
}

// compare wants the copy to hold what of the log belongs there, and to fold to the same.
func (w *world) compare() {
	w.Helper()
	source, target := w.records(from), w.records(to)
	for p := range partitions {
		want := slices.DeleteFunc(slices.Clone(source[p]), func(r *kgo.Record) bool { return !copied(r) })
		if len(want) != len(target[p]) {
			w.Fatalf("partition %d has %d records, want %d", p, len(target[p]), len(want))
		}
		for i, r := range target[p] {
			s := want[i]
			if !bytes.Equal(r.Key, s.Key) || !bytes.Equal(r.Value, s.Value) || (r.Value == nil) != (s.Value == nil) ||
				!r.Timestamp.Equal(s.Timestamp) || len(r.Headers)+len(s.Headers) > 0 && !reflect.DeepEqual(r.Headers, s.Headers) {
				w.Errorf("partition %d, record %d is %s %s %v %v, want %s %s %v %v", p, i, r.Key, r.Value, r.Headers, r.Timestamp, s.Key, s.Value, s.Headers, s.Timestamp)
			}
		}
		if got, want := folded(target[p]), folded(source[p]); !reflect.DeepEqual(got, want) {
			w.Errorf("partition %d folds to\n%+v, want\n%+v", p, got, want)
		}
	}
}

// folded are the states of calls.
func folded(records []*kgo.Record) map[int64]schemas.Call {
	all := map[int64]schemas.CallRecord{}
	for _, r := range records {
		if e, err := eventlog.Read(r); err == nil {
			all[e.CallID] = schemas.Fold(all[e.CallID], e, r.Offset)
		}
	}
	states := map[int64]schemas.Call{}
	for id, record := range all {
		states[id] = record.State
	}
	return states
}

// TestCopy: everything is there as it was, but what was erased, of which the erasures stay.
func TestCopy(t *testing.T) {
	w := newWorld(t)
	w.fill()
	receipt, err := w.copy(t.Context())
	w.check(err)
	w.compare()
	want := Receipt{From: from, To: to, Copied: 41, LeftOut: 6, Calls: []int64{3, 7}, Late: []int64{}}
	if !reflect.DeepEqual(receipt, want) {
		t.Errorf("the receipt is %+v, want %+v", receipt, want)
	}
}

// TestCopyIsKilled: at whichever transaction a copy ends, the next one goes on with
// nothing twice and nothing missing.
func TestCopyIsKilled(t *testing.T) {
	for kill := 1; kill <= partitions; kill++ {
		w := newWorld(t)
		w.fill()
		ctx, cancel := context.WithCancel(t.Context())
		ended := 0
		w.cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			if ended++; ended == kill {
				cancel() // it is committed, and nobody hears of it
			}
			return nil, nil, false
		})
		if _, err := w.copy(ctx); !errors.Is(err, context.Canceled) && kill < partitions {
			t.Errorf("killed at transaction %d: %v", kill, err)
		}
		receipt, err := w.copy(t.Context())
		w.check(err)
		if !receipt.Resumed || len(receipt.Late) > 0 {
			t.Errorf("the receipt is %+v", receipt)
		}
		w.compare()
		cancel()
	}
}

// TestCopyIsFenced: of two copies at a time the first writes nothing once the second has
// begun.
func TestCopyIsFenced(t *testing.T) {
	w := newWorld(t)
	w.fill()
	began := false
	w.cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		if !began {
			began = true
			w.cluster.SleepControl(func() {
				if _, err := w.copy(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		return nil, nil, false
	})
	if _, err := w.copy(t.Context()); err == nil {
		t.Error("the first copy met no error")
	}
	w.compare()
}

// TestCopyAgain: a later copy takes in what has come since, also where the copy is in use
// already, and tells of calls that were erased too late.
func TestCopyAgain(t *testing.T) {
	w := newWorld(t)
	w.fill()
	_, err := w.copy(t.Context())
	w.check(err)
	w.put(event(from, 30, 0), event(from, 3, 9))
	receipt, err := w.copy(t.Context())
	w.check(err)
	w.compare()
	if !receipt.Resumed || receipt.Copied != 1 || receipt.LeftOut != 1 || len(receipt.Late) != 0 {
		t.Errorf("the second receipt is %+v", receipt)
	}
	w.put(event(to, 31, 0), w.erase(4), w.erase(40)) // call 40 has nothing there
	receipt, err = w.copy(t.Context())
	w.check(err)
	if receipt.Copied != 2 || !slices.Equal(receipt.Late, []int64{4}) {
		t.Errorf("the third receipt is %+v", receipt)
	}
}

// TestForeign: a topic that holds anything else is left as it is.
func TestForeign(t *testing.T) {
	for name, before := range map[string]func(w *world){
		"records of somebody": func(w *world) { w.put(event(to, 1, 0)) },
		"a copy of a log that was deleted": func(w *world) {
			_, err := w.copy(w.Context())
			w.check(err)
			admin := kadm.NewClient(w.client)
			_, err = admin.DeleteTopic(w.Context(), from)
			w.check(err)
			_, err = admin.CreateTopic(w.Context(), partitions, 1, nil, from)
			w.check(err)
			w.client.Close()
			w.client, err = w.open()
			w.check(err)
			w.fill()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fill()
			before(w)
			there := w.records(to)
			foreign := (*ForeignError)(nil)
			if _, err := w.copy(t.Context()); !errors.As(err, &foreign) {
				t.Errorf("got %v", err)
			}
			for p, records := range w.records(to) {
				if len(records) != len(there[p]) {
					t.Errorf("partition %d was written to", p)
				}
			}
		})
	}
}

// TestMorePartitions: in a topic with another number of partitions everything is where
// its key belongs, in order, also when the copy was killed at any of its transactions.
func TestMorePartitions(t *testing.T) {
	for _, count := range []int32{1, 2 * partitions} {
		for kill := range partitions + 1 {
			w := newWorld(t)
			w.fill()
			const wide = "wide.events"
			_, err := kadm.NewClient(w.client).CreateTopic(t.Context(), count, 1, nil, wide)
			w.check(err)
			ctx, cancel := context.WithCancel(t.Context())
			ended := 0
			w.cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
				w.cluster.KeepControl()
				if ended++; ended == kill {
					cancel()
				}
				return nil, nil, false
			})
			o := Options{Client: w.client, Open: w.open, From: from, To: wide, WithoutErased: true, Progress: &partition.Progress{}}
			if _, err := Copy(ctx, o); kill > 0 && kill < partitions && !errors.Is(err, context.Canceled) {
				t.Errorf("killed at transaction %d: %v", kill, err)
			}
			cancel()
			w.put(event(from, 30, 0), event(from, 30, 1), event(from, 3, 9)) // what has come since
			o.Progress = &partition.Progress{}
			receipt, err := Copy(t.Context(), o)
			w.check(err)
			if done, total := o.Progress.Done.Load(), o.Progress.Total.Load(); !receipt.Resumed && kill > 0 || done != total {
				t.Errorf("the receipt is %+v, progress ends at %d of %d", receipt, done, total)
			}

			source, target := w.byKey(from, partitions), w.byKey(wide, count)
			for key, records := range source {
				want := slices.DeleteFunc(slices.Clone(records), func(r *kgo.Record) bool { return !copied(r) })
				if !slices.EqualFunc(target[key], want, func(a, b *kgo.Record) bool {
					return bytes.Equal(a.Value, b.Value) && a.Timestamp.Equal(b.Timestamp) && len(a.Headers) == len(b.Headers)
				}) {
					t.Errorf("%d partitions, killed at %d: call %s has %d records, want %d", count, kill, key, len(target[key]), len(want))
				}
			}
			if len(target) > len(source) {
				t.Errorf("the copy has %d keys, the log %d", len(target), len(source))
			}
		}
	}
}

// byKey are the records of a topic by key; each key is in the partition where it belongs.
func (w *world) byKey(topic string, count int32) map[string][]*kgo.Record {
	w.Helper()
	found, err := partition.Lookup(w.Context(), w.client, topic)
	w.check(err)
	all := map[string][]*kgo.Record{}
	for number := range count {
		for _, r := range w.partition(found, topic, number) {
			if belongs, err := found.NumberOf(topic, string(r.Key)); err != nil || belongs != number {
				w.Errorf("a record of call %s is in partition %d of %s, not in %d; %v", r.Key, number, topic, belongs, err)
			}
			all[string(r.Key)] = append(all[string(r.Key)], r)
		}
	}
	return all
}
