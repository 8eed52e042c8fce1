package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/ingest/journal"
	"github.com/callfold/callfold/schemas"
)

// keepJournal gives the stage a journal in memory, of the size.
func keepJournal(fs vfs.FS, limit int64) func(*testing.T, *Options) {
	return func(t *testing.T, o *Options) {
		t.Helper()
		j, err := journal.Open(journal.Options{Dir: "/data", MaxBytes: limit, FS: fs, Logger: o.Logger})
		if err != nil {
			t.Fatal(err)
		}
		o.Journal = j
	}
}

// withJournal is onSite with a journal, which is closed at the end.
func withJournal(t *testing.T, fs vfs.FS, limit int64, test func(t *testing.T, s site), more ...kgo.Opt) {
	t.Helper()
	onSiteWith(t, keepJournal(fs, limit), func(t *testing.T, s site) {
		t.Helper()
		defer func() { // for what is still being published
			if err := s.o.Journal.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(t, s)
	}, more...)
}

// emptied waits until the journal is empty.
func (s site) emptied(t *testing.T, within time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(within); s.o.Journal.Stats().Events > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("after %v the journal holds %+v\n%s", within, s.o.Journal.Stats(), s.log)
		}
		time.Sleep(100 * time.Millisecond) // virtual
	}
}

// keys are the record keys in a topic, each once, when n different ones are expected.
func (s site) keys(t *testing.T, topic string, n int) []string {
	t.Helper()
	var keys []string
	for _, record := range s.read(t, topic, n) {
		key, _, _ := strings.Cut(record, " ")
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func TestOutageIsSurvived(t *testing.T) {
	fs := vfs.NewMem()
	withJournal(t, fs, 1<<30, func(t *testing.T, s site) {
		s.cable.pull()
		const n = 50
		for id := range n {
			status, took := s.post(t, strings.NewReader(event(1000+id)))
			if status != 200 || took > 2*time.Second || id > 0 && took > 0 {
				t.Errorf("event %d of the outage: answered %d after %v", id, status, took)
			}
		}
		var degraded *Degraded
		if err := s.ready(); !errors.As(err, &degraded) || !strings.Contains(err.Error(), "they wait in the journal (") {
			t.Errorf("readiness says %v", err)
		}
		time.Sleep(10 * time.Minute) // virtual
		if got := s.o.Journal.Stats(); got.Events != n || got.Written != n || got.Published != 0 {
			t.Errorf("the journal holds %+v", got)
		}
		if err := s.ready(); !errors.As(err, &degraded) {
			t.Errorf("later readiness says %v", err)
		}
		s.cable.plug()
		s.emptied(t, 15*time.Second)
		if status, took := s.post(t, strings.NewReader(event(2000))); status != 200 || took > time.Second || s.o.Journal.Stats().Written != n {
			t.Errorf("afterwards: answered %d after %v, %+v", status, took, s.o.Journal.Stats())
		}
		if got := s.keys(t, "events", n+1); len(got) != n+1 {
			t.Errorf("%d of %d events are in the topic", len(got), n+1)
		}
		time.Sleep(10 * time.Second) // virtual
		if err := s.ready(); err != nil {
			t.Errorf("not ready: %v", err)
		}
		if names, err := fs.List("/data/journal"); err != nil || slices.ContainsFunc(names, func(n string) bool { return n != "LOCK" }) {
			t.Errorf("bodies linger in %q (%v)", names, err)
		}
		if !strings.Contains(s.log.String(), "Kafka takes events again") {
			t.Error("the log does not say that it is over")
		}
	})
}

// TestJournaledRecordIsTheSame compares a record that came by way of the journal.
func TestJournaledRecordIsTheSame(t *testing.T) {
	withJournal(t, vfs.NewMem(), 1<<30, func(t *testing.T, s site) {
		received := time.Now()
		s.cable.pull()
		bodies := []string{event(812), `{"resource":"call","event":"call.created","timestamp":1,"token":"secret","data":{}}`}
		for _, body := range bodies {
			if status, _ := s.post(t, strings.NewReader(body)); status != 200 {
				t.Fatalf("answered %d", status)
			}
		}
		time.Sleep(time.Hour) // virtual
		s.cable.plug()
		s.emptied(t, 15*time.Second)
		reader, err := kgo.NewClient(kgo.SeedBrokers(s.cluster.ListenAddrs()...), kgo.Dialer(s.network.DialContext), kgo.DisableClientMetrics(),
			kgo.ConsumeTopics("events", "rejected"), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		got := map[string]*kgo.Record{}
		for len(got) < 2 {
			reader.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) { got[r.Topic] = r })
		}
		r := got["events"]
		if string(r.Key) != "812" || string(r.Value) != strings.Replace(bodies[0], `"token":"secret",`, "", 1) || r.Timestamp.Sub(received) > 3*time.Second {
			t.Errorf("published %s %s of %v", r.Key, r.Value, r.Timestamp)
		}
		at := header(r, schemas.HeaderReceivedAt)
		if want := fmt.Sprint(r.Timestamp.UnixMilli()); at != want || header(r, schemas.HeaderSchema) != schemas.EventSchema ||
			header(r, schemas.HeaderEvent) != "call.created" || header(r, schemas.HeaderSource) != string(schemas.Webhook) || len(r.Headers) != 4 {
			t.Errorf("headers %q, want received-at %s", r.Headers, want)
		}
		if v := rejectedValue(t, got["rejected"]); v.Reason != schemas.NoID || got["rejected"].Key != nil {
			t.Errorf("rejected %+v", v)
		}
	})
}

func TestStartsWithoutABroker(t *testing.T) {
	fs := vfs.NewMem()
	onSiteWith(t, keepJournal(fs, 1<<30), func(t *testing.T, s site) {
		s.cable.pull()
		for id := range 20 {
			if status, _ := s.post(t, strings.NewReader(event(100+id))); status != 200 {
				t.Errorf("answered %d", status)
			}
		}
		if err := s.o.Journal.Close(); err != nil { // as the process would, with the broker still away
			t.Fatal(err)
		}
		if !strings.Contains(s.log.String(), "events stay in the journal") || !strings.Contains(s.log.String(), "events=20") {
			t.Errorf("at the end the log says\n%s", s.log)
		}
		if status, _ := s.post(t, strings.NewReader(event(812))); status != 503 {
			t.Errorf("with a closed journal: answered %d", status)
		}
	})
	// The next process begins with what is there.
	withJournal(t, fs, 1<<30, func(t *testing.T, s site) {
		s.emptied(t, 15*time.Second)
		if got := s.keys(t, "events", 20); len(got) != 20 {
			t.Errorf("published %q", got)
		}
	})
}

func TestJournalFull(t *testing.T) {
	withJournal(t, vfs.NewMem(), 64<<10, func(t *testing.T, s site) {
		s.cable.pull()
		answered := map[int]int{}
		for id := range 500 {
			status, took := s.post(t, strings.NewReader(event(1000+id)))
			answered[status]++
			if status == 503 && took > 0 {
				t.Errorf("a full journal took %v to say so", took)
			}
		}
		if answered[200] < 200 || answered[503] < 50 || answered[200]+answered[503] != 500 {
			t.Errorf("answered %v", answered)
		}
		resp, err := s.client.Post("http://localhost:8080"+Path, "application/json", strings.NewReader(event(1_000_000_000)))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !strings.Contains(string(text), "the journal is full") || resp.Header.Get("Retry-After") == "" {
			t.Errorf("answered %s", text)
		}
		time.Sleep(6 * time.Second) // virtual: readiness follows the probes
		var degraded *Degraded
		if err := s.ready(); err == nil || errors.As(err, &degraded) {
			t.Errorf("ready, though there is no room: %v", err)
		}
		metrics := s.o.Registerer.(*prometheus.Registry)
		if got := values(t, metrics, "callfold_ingest_journal_refused_total"); len(got) != 3 || slices.Max(got) < 50 {
			t.Errorf("refused are %v", got)
		}
		s.cable.plug()
		s.emptied(t, 15*time.Second)
		if got := s.keys(t, "events", answered[200]); len(got) != answered[200] {
			t.Errorf("%d events are in the topic, %d were answered with 200", len(got), answered[200])
		}
	})
}

// TestLeaderlessPartition takes one of three partitions away: everything is
// taken, the others are not held up, and nothing is lost.
func TestLeaderlessPartition(t *testing.T) {
	withJournal(t, vfs.NewMem(), 1<<30, func(t *testing.T, s site) {
		trouble := s.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "events", Partitions: []int32{1}, Err: kerr.NotLeaderForPartition, Count: -1})
		const n = 120
		var posting sync.WaitGroup
		for id := range n {
			posting.Go(func() {
				if status, took := s.post(t, strings.NewReader(event(1000+id))); status != 200 || took > 4*time.Second {
					t.Errorf("answered %d after %v", status, took)
				}
			})
			time.Sleep(50 * time.Millisecond) // virtual
		}
		posting.Wait()
		time.Sleep(30 * time.Second) // virtual
		held := s.o.Journal.Stats()
		away, place := 0, kgo.StickyKeyPartitioner(nil).ForTopic("events")
		for id := range n {
			if place.Partition(&kgo.Record{Key: fmt.Append(nil, 1000+id)}, 3) == 1 {
				away++
			}
		}
		if held.Events != away || away < n/6 || trouble.Hits() == 0 {
			t.Errorf("%d of %d events wait, %d are of the partition", held.Events, n, away)
		}
		if held.Published > 0 {
			t.Errorf("%d events of other partitions took the way by the journal\n%s", held.Published, s.log)
		}
		trouble.Remove()
		s.emptied(t, 30*time.Second)
		if got := s.keys(t, "events", n); len(got) != n {
			t.Errorf("%d of %d events are in the topic", len(got), n)
		}
	})
}

// TestForbiddenTopic lets the rejected ones through while events are not allowed.
func TestForbiddenTopic(t *testing.T) {
	withJournal(t, vfs.NewMem(), 1<<30, func(t *testing.T, s site) {
		trouble := s.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "events", Err: kerr.TopicAuthorizationFailed, Count: -1})
		for id := range 5 {
			for _, body := range []string{event(100 + id), `{"resource":"call","event":"call.created","timestamp":1,"token":"secret","data":{}}`} {
				if status, _ := s.post(t, strings.NewReader(body)); status != 200 {
					t.Errorf("answered %d", status)
				}
			}
		}
		if got := s.read(t, "rejected", 5); len(got) < 5 {
			t.Errorf("%d of 5 are in rejected", len(got))
		}
		time.Sleep(time.Minute) // virtual
		if held := s.o.Journal.Stats().Events; held != 5 || s.replay.stuck.Load() != 0 {
			t.Errorf("%d events wait, %d are taken for refused", held, s.replay.stuck.Load())
		}
		trouble.Remove()
		s.emptied(t, 2*time.Minute)
		if got := s.keys(t, "events", 5); len(got) != 5 {
			t.Errorf("in the topic are %q", got)
		}
	})
}

// choosy is a producer that decides about each record by itself.
type choosy struct {
	mu     sync.Mutex
	decide func(key string, company int) error // nil takes it; errHold says nothing
	taken  map[string]int
	held   []func()
	batch  []func(company int)
}

var errHold = errors.New("no answer for the time being")

// TryProduce puts what comes within ten milliseconds into one batch, which is
// refused as a whole.
func (c *choosy) TryProduce(_ context.Context, r *kgo.Record, promise func(*kgo.Record, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := string(r.Key)
	c.batch = append(c.batch, func(company int) {
		err := c.decide(key, company)
		if err == nil {
			c.taken[key]++
		}
		if errors.Is(err, errHold) {
			c.held = append(c.held, func() { promise(r, nil) })
			return
		}
		go promise(r, err)
	})
	if len(c.batch) == 1 {
		time.AfterFunc(10*time.Millisecond, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, answer := range c.batch {
				answer(len(c.batch))
			}
			c.batch = nil
		})
	}
}

func (c *choosy) set(decide func(key string, company int) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.decide = decide
}

// replaying runs a server whose journal has n events, on a producer.
func replaying(t *testing.T, n int, producer *choosy, test func(t *testing.T, s *Server, log *strings.Builder, fs vfs.FS)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log, fs := new(strings.Builder), vfs.NewMem()
		o := testOptions()
		o.Producer, o.Now, o.Logger = producer, time.Now, slog.New(slog.NewTextHandler(log, nil))
		keepJournal(fs, 1<<30)(t, &o)
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		for id := range n {
			r := &kgo.Record{Topic: journaledEvent, Key: fmt.Append(nil, 100+id), Value: []byte("{}"), Timestamp: time.Now()}
			if err := o.Journal.Append(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = s.Run(ctx) })
		test(t, s, log, fs)
		cancel()
		running.Wait()
		if err := o.Journal.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestPoisonRecord refuses one record for good, and every batch that it is in.
// The others are published, it is kept, tried again, and goes when it may.
func TestPoisonRecord(t *testing.T) {
	refuse := func(key string, company int) error {
		if key == "107" || company > 1 {
			return kerr.MessageTooLarge
		}
		return nil
	}
	producer := &choosy{decide: refuse, taken: map[string]int{}}
	replaying(t, 20, producer, func(t *testing.T, s *Server, log *strings.Builder, fs vfs.FS) {
		time.Sleep(5 * time.Minute) // virtual
		synctest.Wait()
		if len(producer.taken) != 19 || producer.taken["107"] != 0 || producer.taken["119"] != 1 {
			t.Errorf("published %v", producer.taken)
		}
		if got := s.o.Journal.Stats(); got.Events != 1 || got.Bytes > 300 {
			t.Errorf("the journal holds %+v", got)
		}
		if got := s.replay.stuck.Load(); got != 1 {
			t.Errorf("%d are said to be stuck", got)
		}
		if lines := strings.Count(log.String(), "Kafka refuses an event for good"); lines != 1 || !strings.Contains(log.String(), "call=107") {
			t.Errorf("the log says\n%s", log)
		}
		producer.set(func(string, int) error { return nil })
		time.Sleep(11 * time.Minute) // virtual
		synctest.Wait()
		if producer.taken["107"] != 1 || s.o.Journal.Stats().Events != 0 || s.replay.stuck.Load() != 0 {
			t.Errorf("afterwards %v, %+v", producer.taken["107"], s.o.Journal.Stats())
		}
		if names, _ := fs.List("/data/journal"); len(names) != 1 {
			t.Errorf("files %q", names)
		}
	})
}

// TestRemovedAfterTheAck leaves the file until the last ack is there.
func TestRemovedAfterTheAck(t *testing.T) {
	// A bubble's clock begins there.
	began := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	producer := &choosy{taken: map[string]int{}, decide: func(key string, _ int) error {
		switch {
		case key == "103":
			return errHold
		case key == "104" && time.Since(began) < time.Minute: // so that the segment is gone through again and again
			return kerr.NotEnoughReplicas
		}
		return nil
	}}
	replaying(t, 10, producer, func(t *testing.T, s *Server, _ *strings.Builder, fs vfs.FS) {
		time.Sleep(time.Hour) // virtual
		synctest.Wait()
		if len(producer.taken) != 9 || s.o.Journal.Stats().Events != 1 {
			t.Errorf("published %v, left %+v", producer.taken, s.o.Journal.Stats())
		}
		if names, _ := fs.List("/data/journal"); len(names) != 2 {
			t.Errorf("the file is gone before the ack: %q", names)
		}
		if len(producer.held) != 1 {
			t.Errorf("it was handed over %d times without an answer", len(producer.held))
		}
		producer.held[0]()
		time.Sleep(5 * time.Second) // virtual
		synctest.Wait()
		if names, _ := fs.List("/data/journal"); len(names) != 1 || s.o.Journal.Stats().Events != 0 {
			t.Errorf("left are %q", names)
		}
	})
}

// TestReplayIsPaced counts what is on its way at a time.
func TestReplayIsPaced(t *testing.T) {
	most, producer := 0, &choosy{taken: map[string]int{}}
	producer.decide = func(_ string, company int) error { most = max(most, company); return nil }
	replaying(t, 2000, producer, func(t *testing.T, s *Server, _ *strings.Builder, _ vfs.FS) {
		time.Sleep(time.Minute) // virtual
		synctest.Wait()
		if most > replayRecords || most < replayRecords/2 || len(producer.taken) != 2000 {
			t.Errorf("%d at a time, %d in all", most, len(producer.taken))
		}
	})
}

// values are those of a metric's series.
func values(t *testing.T, from prometheus.Gatherer, name string) (values []float64) {
	t.Helper()
	all, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			if family.GetName() == name {
				values = append(values, m.GetCounter().GetValue()+m.GetGauge().GetValue())
			}
		}
	}
	return values
}

// TestMetricsWithoutAJournal wants them to be there, so that an alert on them
// does not depend on the settings.
func TestMetricsWithoutAJournal(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"events", "bytes", "limit_bytes", "oldest_seconds", "stuck_events", "damaged_files", "written_total", "published_total"} {
		if got := values(t, f.metrics, "callfold_ingest_journal_"+name); len(got) != 1 || got[0] != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	if w := f.post([]byte(event(812))); w.Code != http.StatusOK {
		t.Errorf("answered %d", w.Code)
	}
}
