//go:build upgrade

package upgrade

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

const (
	partitions = 4
	// calls is enough for each partition to have several.
	calls = 40
	// patience is for a process to do what it should, on a machine under load.
	patience = 5 * time.Minute
	group    = "callfold-processor"
)

// world is a broker with the topics, and all events that were put into them.
type world struct {
	*testing.T
	brokers []string
	client  *kgo.Client
	adm     *kadm.Client
	events  []*kgo.Record // with their offsets
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	s := settings.Default().Kafka
	s.Brokers, s.Partitions, s.ReplicationFactor = cluster.ListenAddrs(), partitions, 1
	opts, err := kafka.Options(s, "upgrade-test", slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(append(opts, kafka.ProducerOptions()...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w := &world{T: t, brokers: s.Brokers, client: client, adm: kadm.NewClient(client)}
	if _, err := kafka.Create(t.Context(), client, kafka.Topics(s, false)); err != nil {
		t.Fatal(err)
	}
	return w
}

// put writes one event of each call, as an ingest of that version does.
func (w *world) put(event string, version int) {
	w.Helper()
	at := 1772442000 + len(w.events)
	var records []*kgo.Record
	for i := range calls {
		id := 910400000 + i
		body := fmt.Sprintf(`{"resource":"call","event":%q,"timestamp":%d,"data":{"id":%d,"direction":"inbound","status":"initial","started_at":1772442000,"raw_digits":"+44 20 7946 0018"}}`, event, at, id)
		records = append(records, &kgo.Record{
			Topic: "aircall.events", Key: []byte(strconv.Itoa(id)), Value: []byte(body), Timestamp: time.Unix(int64(at), 0),
			Headers: []kgo.RecordHeader{
				{Key: schemas.HeaderSchema, Value: []byte("callfold.event/" + strconv.Itoa(version))},
				{Key: schemas.HeaderReceivedAt, Value: strconv.AppendInt(nil, int64(at)*1000, 10)},
				{Key: schemas.HeaderSource, Value: []byte(schemas.Webhook)},
			},
		})
	}
	if err := w.client.ProduceSync(w.Context(), records...).FirstErr(); err != nil {
		w.Fatal(err)
	}
	w.events = append(w.events, records...)
}

// until waits for the condition.
func (w *world) until(what string, condition func() bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	for !condition() {
		select {
		case <-time.After(50 * time.Millisecond): // polling
		case <-ctx.Done():
			w.Fatalf("waited %s in vain until %s", patience, what)
		}
	}
}

// ends are the ends of events; committed where the processor's group goes on.
func (w *world) ends() (ends [partitions]int64) {
	w.Helper()
	listed, err := w.adm.ListEndOffsets(w.Context(), "aircall.events")
	if err != nil {
		w.Fatal(err)
	}
	for p := range ends {
		o, _ := listed.Lookup("aircall.events", int32(p))
		ends[p] = o.Offset
	}
	return ends
}

func (w *world) committed() (offsets [partitions]int64) {
	w.Helper()
	fetched, err := w.adm.FetchOffsets(w.Context(), group)
	if err != nil {
		w.Fatal(err)
	}
	for p := range offsets {
		if o, ok := fetched.Lookup("aircall.events", int32(p)); ok {
			offsets[p] = o.At
		}
	}
	return offsets
}

// untilDone waits until all events are folded.
func (w *world) untilDone() {
	w.Helper()
	w.until("all events are folded", func() bool { return w.committed() == w.ends() })
}

// owned are the partitions of each process, by its instance.
func (w *world) owned() map[string]int {
	w.Helper()
	described, err := w.adm.DescribeGroups(w.Context(), group)
	if err != nil {
		w.Fatal(err)
	}
	count := map[string]int{}
	for _, m := range described[group].Members {
		if assigned, ok := m.Assigned.AsConsumer(); ok && m.InstanceID != nil {
			for _, topic := range assigned.Topics {
				count[*m.InstanceID] += len(topic.Partitions)
			}
		}
	}
	return count
}

// state is the newest record of a call in the topic calls.
type state struct {
	schema    string
	value     []byte
	partition int32
}

// states are those of all calls, committed.
func (w *world) states() map[string]state {
	w.Helper()
	committed, err := w.adm.ListCommittedOffsets(w.Context(), "aircall.calls")
	if err != nil {
		w.Fatal(err)
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.ConsumeTopics("aircall.calls"), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		w.Fatal(err)
	}
	defer reader.Close()
	missing := map[int32]int64{}
	committed.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			missing[o.Partition] = o.Offset
		}
	})
	states := map[string]state{}
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	for len(missing) > 0 && ctx.Err() == nil {
		reader.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			if r.Offset+1 >= missing[r.Partition] {
				delete(missing, r.Partition)
			}
			if !r.Attrs.IsControl() && !stream.IsMarker(r) {
				states[string(r.Key)] = state{stream.Header(r, schemas.HeaderSchema), r.Value, r.Partition}
			}
		})
	}
	if len(missing) > 0 {
		w.Fatalf("the topic calls could not be read to its end: %v are missing", missing)
	}
	return states
}

// checkStates compares the states, byte for byte, with a fold of all events.
func (w *world) checkStates() {
	w.Helper()
	folded := map[string]schemas.CallRecord{}
	for _, r := range w.events {
		event, err := schemas.ParseEvent(r.Value)
		if err != nil {
			w.Fatal(err)
		}
		folded[string(r.Key)] = schemas.Fold(folded[string(r.Key)], event, r.Offset)
	}
	got := w.states()
	if len(got) != calls || len(folded) != calls {
		w.Fatalf("%d states and %d calls, want %d", len(got), len(folded), calls)
	}
	for key, record := range folded {
		want, err := schemas.Calls.Encode(record)
		if err != nil {
			w.Fatal(err)
		}
		if !bytes.Equal(got[key].value, want) {
			w.Errorf("call %s: the state is\n%s\nthe fold of its events is\n%s", key, got[key].value, want)
		}
	}
}

// newer are the partitions that hold states of the next version.
func (w *world) newer() map[int32]bool {
	w.Helper()
	found := map[int32]bool{}
	for _, s := range w.states() {
		if strings.HasSuffix(s.schema, "/2") {
			found[s.partition] = true
		}
	}
	return found
}
