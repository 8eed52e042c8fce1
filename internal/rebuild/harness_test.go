//go:build synctests

package rebuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/eventlog"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/schemas/oracle"
)

const (
	events, live, blue, green, tasks = "e", "c", "blue.c", "green.c", "t"
	processor, sink                  = "callfold-processor", "callfold-sink"
	partitions                       = 3
)

// world is a broker in a bubble of virtual time, and one who writes as ingest and the
// stages do.
type world struct {
	t         *testing.T
	cluster   *kfake.Cluster
	net       *kfake.VirtualNetwork
	client    *kgo.Client
	adm       *kadm.Client
	generator *traffic.Generator
	log       map[int32][]*kgo.Record
	claimed   map[string]bool
}

func inWorld(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: &kfake.VirtualNetwork{}, generator: traffic.New(traffic.Options{Seed: 1}), log: map[int32][]*kgo.Record{}, claimed: map[string]bool{}}
		var err error
		w.cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9093), kfake.SleepOutOfOrder(),
			kfake.SeedTopics(partitions, events, live, blue, green, tasks), kfake.ListenFn(w.net.Listen))
		w.check(err)
		defer w.cluster.Close()
		w.client, err = w.open()
		w.check(err)
		defer w.client.Close()
		w.adm = kadm.NewClient(w.client)
		test(w)
	})
}

// open makes a client. Its batches are not packed by zstd, whose decoders end in
// finalizers, outside of the bubble.
func (w *world) open(more ...kgo.Opt) (*kgo.Client, error) {
	opts := append(kafka.ProducerOptions(), kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.Dialer(w.net.DialContext), kgo.DisableClientMetrics())
	return kgo.NewClient(append(append(opts, more...), kgo.ProducerBatchCompression(kgo.SnappyCompression()))...)
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) produce(r *kgo.Record) {
	w.t.Helper()
	w.check(w.client.ProduceSync(context.Background(), r).FirstErr())
}

// receive publishes the events of so many calls.
func (w *world) receive(calls int) {
	w.t.Helper()
	for range calls {
		for _, d := range w.generator.Deliver(w.generator.Call()) {
			r := eventlog.Record(events, d.Body, d.Event, d.CallID, schemas.Webhook, d.At)
			w.produce(r)
			w.log[r.Partition] = append(w.log[r.Partition], r)
		}
	}
}

// poison publishes what cannot be folded.
func (w *world) poison() {
	w.t.Helper()
	r := &kgo.Record{Topic: events, Key: []byte("7"), Value: []byte("no event")}
	w.produce(r)
	w.log[r.Partition] = append(w.log[r.Partition], r)
}

// commit moves a group to offsets of a topic.
func (w *world) commit(group, topic string, offsets map[int32]int64) {
	w.t.Helper()
	to := kadm.Offsets{}
	for p, at := range offsets {
		to.AddOffset(topic, p, at, -1)
	}
	answers, err := w.adm.CommitOffsets(context.Background(), group, to)
	w.check(errors.Join(err, answers.Error()))
}

// processed is the processor's offset behind all but so many records of each partition.
func (w *world) processed(but int) map[int32]int64 {
	w.t.Helper()
	offsets := map[int32]int64{}
	for p, records := range w.log {
		offsets[p] = int64(len(records) - but)
	}
	w.commit(processor, events, offsets)
	return offsets
}

// options are those of a build of a topic.
func (w *world) options(to string) Options {
	return Options{Client: w.client, Open: w.open, Events: events, Calls: to, Processor: processor, Sink: sink, Progress: &Progress{}}
}

// claim is options for a topic that is claimed, the first time.
func (w *world) claim(to string) Options {
	w.t.Helper()
	o := w.options(to)
	if !w.claimed[to] {
		w.check(Claim(context.Background(), o))
		w.claimed[to] = true
	}
	return o
}

// build builds.
func (w *world) build(to string) Report {
	w.t.Helper()
	o := w.claim(to)
	r, err := Build(context.Background(), o)
	w.check(err)
	if done, total := o.Progress.Done.Load(), o.Progress.Total.Load(); done != total {
		w.t.Errorf("progress ends at %d of %d", done, total)
	}
	return r
}

// expected are the states of the events before these offsets, folded the slow way.
func (w *world) expected(until map[int32]int64) map[string][]byte {
	w.t.Helper()
	var logged []oracle.Logged
	for p, records := range w.log {
		for _, r := range records {
			if e, err := schemas.ParseEvent(r.Value); err == nil && r.Offset < until[p] {
				logged = append(logged, oracle.Logged{Event: e, Offset: r.Offset})
			}
		}
	}
	states := map[string][]byte{}
	for id, record := range oracle.Records(logged) {
		value, err := schemas.Calls.Encode(record)
		w.check(err)
		states[strconv.FormatInt(id, 10)] = value
	}
	return states
}

// read gives all records of a topic, by partition.
func (w *world) read(topic string) map[int32][]*kgo.Record {
	w.t.Helper()
	found, err := partition.Lookup(context.Background(), w.client, topic)
	w.check(err)
	all := map[int32][]*kgo.Record{}
	for number := range int32(partitions) {
		p, err := found.Partition(topic, number)
		w.check(err)
		complete, err := p.Read(context.Background(), func(records []*kgo.Record, _ int64) error {
			all[number] = append(all[number], records...)
			return nil
		})
		w.check(err)
		if !complete {
			w.t.Fatalf("a transaction stays open in %s, partition %d", topic, number)
		}
	}
	return all
}

// holds wants these states in a topic, and next-input at these offsets.
func (w *world) holds(topic string, want map[string][]byte, until map[int32]int64) {
	w.t.Helper()
	got := map[string][]byte{}
	for number, records := range w.read(topic) {
		next := int64(0)
		for _, r := range records {
			if n := stream.NextInput(r); n > 0 {
				next = n
			}
			switch {
			case stream.IsMarker(r):
			case r.Value == nil:
				delete(got, string(r.Key))
			default:
				got[string(r.Key)] = r.Value
			}
		}
		if next != until[number] {
			w.t.Errorf("%s, partition %d: next-input is %d, want %d", topic, number, next, until[number])
		}
	}
	for key, value := range want {
		if !bytes.Equal(got[key], value) {
			w.t.Errorf("%s, call %s:\n got %s\nwant %s", topic, key, got[key], value)
		}
	}
	if len(got) != len(want) || len(want) == 0 {
		w.t.Errorf("%s holds %d calls, want %d", topic, len(got), len(want))
	}
}

// bytesOf is all that a topic holds, but for the times.
func (w *world) bytesOf(topic string) string {
	w.t.Helper()
	var all bytes.Buffer
	for number, records := range w.read(topic) {
		records = slices.Clone(records)
		for _, r := range records {
			fmt.Fprintf(&all, "%d %d %q %q %q\n", number, r.Offset, r.Key, r.Value, r.Headers)
		}
	}
	lines := bytes.Split(all.Bytes(), []byte("\n"))
	slices.SortFunc(lines, bytes.Compare)
	return string(bytes.Join(lines, []byte("\n")))
}
