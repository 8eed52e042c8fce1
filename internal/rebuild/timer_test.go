//go:build synctests

package rebuild

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// sinkStage is a stage on the engine as the sink is, which writes to nobody.
type sinkStage struct {
	mu        sync.Mutex
	seen, due map[string]bool
	registry  *prometheus.Registry
	stop      func()
}

// Handle remembers what came, and gives it an outcome.
func (s *sinkStage) Handle(_ context.Context, b *stream.Batch[schemas.Outcome]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range b.Partitions {
		for _, r := range p.Records {
			s.seen[string(r.Key)] = true
			p.Put(string(r.Key), schemas.Outcome{Result: schemas.Created})
		}
		for _, key := range p.Due {
			s.due[key] = true
			p.Put(key, schemas.Outcome{Result: schemas.Created})
		}
	}
	return nil
}

// keys are those of a set, in order.
func (s *sinkStage) keys(of map[string]bool) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(of))
}

// mismatches is how often states and offsets did not fit each other.
func (s *sinkStage) mismatches(t *testing.T) (n float64) {
	t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "callfold_input_mismatch_total" {
			for _, m := range f.GetMetric() {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

func (w *world) startSink() *sinkStage {
	w.t.Helper()
	s := &sinkStage{seen: map[string]bool{}, due: map[string]bool{}, registry: prometheus.NewRegistry()}
	engine, err := stream.New(stream.Options[schemas.Outcome]{
		Name: "sink", Group: sink, Instance: "a", Input: blue, Changelog: tasks, Rejected: live, Codec: schemas.Outcomes, Handler: s,
		Client: func() []kgo.Opt {
			return []kgo.Opt{
				kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.Dialer(w.net.DialContext), kgo.DisableClientMetrics(),
				kgo.ProducerBatchCompression(kgo.SnappyCompression()),
			}
		},
		Timer: func(o schemas.Outcome) (time.Time, bool) { return time.UnixMilli(o.NextAttempt), o.NextAttempt != 0 },
		Lanes: 1, BatchRecords: 100, Timeouts: stream.QuickTimeouts, Grace: time.Second,
		Health: func(string, error) {}, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Registerer: s.registry,
	})
	w.check(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	s.stop = func() {
		cancel()
		w.check(<-ended)
	}
	return s
}

// TestTimerBeforeInput: what waits for its time is looked at before the first record of the
// new topic was read, and commits an offset. The sink ends there. It must not leave out
// what is new to it, nor begin elsewhere than it was told to.
func TestTimerBeforeInput(t *testing.T) {
	inWorld(t, func(w *world) {
		w.receive(20)
		until := w.processed(0)
		want := w.expected(until)
		w.build(blue)
		unseen, older := w.some(want)
		w.outcomes(want, unseen, older)
		w.switchOver()
		topics, err := w.adm.ListTopics(context.Background(), blue)
		w.check(err)
		id, release := topics[blue].ID, make(chan struct{})
		w.cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			if topics := req.(*kmsg.FetchRequest).Topics; len(topics) > 0 && kadm.TopicID(topics[0].TopicID) == id {
				w.cluster.SleepControl(func() { <-release })
			}
			return nil, nil, false
		})

		first := w.startSink()
		time.Sleep(time.Minute) // virtual
		first.stop()
		if len(first.keys(first.due)) == 0 || len(first.keys(first.seen)) > 0 {
			t.Fatalf("%d timers went off and %d records came: the test shows nothing", len(first.due), len(first.seen))
		}
		close(release)
		second := w.startSink()
		time.Sleep(time.Minute) // virtual
		second.stop()
		if got, want := second.keys(second.seen), []string{unseen, older}; !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("the sink has seen %v, want %v", got, want)
		}
		if n := first.mismatches(t) + second.mismatches(t); n != 0 {
			t.Errorf("states and offsets did not fit %v times", n)
		}
	})
}
