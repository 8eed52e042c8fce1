//go:build synctests

// Run with -tags synctests: franz-go then uses locks that a bubble of virtual time
// understands; with its usual ones time may stand still for ever.

package sfsink

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

var (
	drainCalls    = flag.Int("drain.calls", 0, "calls of the backlog; 0 leaves the benchmark out")
	drainInFlight = flag.Int("drain.inflight", 2, "write requests in flight")
	drainLanes    = flag.Int("drain.lanes", 2, "lanes of the sink")
	drainBatch    = flag.Int("drain.batch", 4000, "records of a turn")
)

// orgInProcess is the simulator without a network. It notes when rows were written.
type orgInProcess struct {
	sim *sfsim.Server
	mu  sync.Mutex
	log []written
}

// written is a write request that was answered.
type written struct {
	from, to time.Time
	rows     int
}

func (o *orgInProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	rows := 0
	if strings.Contains(r.URL.Path, "/composite") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		rows = len(gjson.GetBytes(body, "records").Array())
		for _, part := range gjson.GetBytes(body, "compositeRequest").Array() {
			rows += len(part.Get("body.records").Array())
		}
	}
	w := httptest.NewRecorder()
	began := time.Now()
	o.sim.ServeHTTP(w, r)
	if rows > 0 {
		o.mu.Lock()
		o.log = append(o.log, written{began, time.Now(), rows})
		o.mu.Unlock()
	}
	return w.Result(), nil
}

// done is how many rows were written.
func (o *orgInProcess) done() (rows int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range o.log {
		rows += w.rows
	}
	return rows
}

// rate is the rows a second between the answers to a half and to 95 % of them: at the
// beginning requests grow to their width, at the end not all lanes have work. Of a request that was under way at one of these moments the
// rows count by its time.
func (o *orgInProcess) rate() float64 {
	slices.SortFunc(o.log, func(a, b written) int { return a.to.Compare(b.to) })
	all, so := o.done(), 0
	var first, last time.Time
	for _, w := range o.log {
		so += w.rows
		if first.IsZero() && so >= all/2 {
			first = w.to
		}
		if last.IsZero() && so >= all*95/100 {
			last = w.to
		}
	}
	rows := 0.0
	for _, w := range o.log {
		from, to := w.from, w.to
		if from.Before(first) {
			from = first
		}
		if to.After(last) {
			to = last
		}
		rows += float64(w.rows) * max(0, to.Sub(from).Seconds()) / w.to.Sub(w.from).Seconds()
	}
	return rows / last.Sub(first).Seconds()
}

// TestDrain is a benchmark in virtual time, for which only a test can be: a backlog is
// written where Salesforce takes 150 ms for a collection, lookups and transactions
// included. It prints the share of what the requests in flight allow; how turns meet
// at the end of a small backlog moves it by some percent. What the processor takes of
// the time does not count, and is measured by sfsink/bench.
func TestDrain(t *testing.T) {
	if *drainCalls == 0 {
		t.Skip("a benchmark: make bench-sink runs it")
	}
	synctest.Test(t, func(t *testing.T) {
		const latency = 150 * time.Millisecond
		sim, err := sfsim.New(sfsim.Options{Latency: latency})
		if err != nil {
			t.Fatal(err)
		}
		defer sim.Close()
		if err := sim.Load(traffic.SampleOrg()); err != nil {
			t.Fatal(err)
		}
		org := &orgInProcess{sim: sim}
		network := &kfake.VirtualNetwork{}
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9093), kfake.SleepOutOfOrder(),
			kfake.SeedTopics(12, "calls", "tasks", "rejected"), kfake.ListenFn(network.Listen))
		if err != nil {
			t.Fatal(err)
		}
		defer cluster.Close()
		options := func() []kgo.Opt {
			return []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(network.DialContext), kgo.DisableClientMetrics()}
		}
		client, err := salesforce.New(salesforce.Options{
			LoginURL: "http://org", APIVersion: "64.0", HTTPClient: &http.Client{Transport: org},
			Flow: salesforce.ClientCredentials{ClientID: "dev", ClientSecret: "dev"},
		})
		if err != nil {
			t.Fatal(err)
		}
		sink, err := New(Options{Client: client, Settings: projector.DefaultSettings(), APIReserve: 0.2, InFlight: *drainInFlight, MaxLinger: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		engine, err := stream.New(stream.Options[schemas.Outcome]{
			Name: "sink", Client: options, Group: "g", Instance: "i", Input: "calls", Changelog: "tasks", Rejected: "rejected",
			Codec: schemas.Outcomes, Timer: Timer, Handler: sink, Linger: sink.Linger, Lanes: *drainLanes, BatchRecords: *drainBatch, HotStates: 20_000,
			Timeouts: stream.PatientTimeouts, Grace: time.Second, Health: func(string, error) {}, Now: time.Now,
			Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- engine.Run(ctx) }()
		// The group is at rest, as after an outage of Salesforce: the first turn of a lane
		// after a rebalance is aborted, and writes its rows twice. The first calls of the
		// backlog take that upon them.
		time.Sleep(time.Minute) // virtual
		fill(t, options, 500)
		time.Sleep(time.Minute) // virtual
		rows := fill(t, options, *drainCalls)
		for range 3000 {
			if org.done() >= rows {
				break
			}
			time.Sleep(100 * time.Millisecond) // virtual
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		most := float64(salesforce.MaxRows**drainInFlight) / latency.Seconds()
		share := org.rate() / most
		t.Logf("%d rows in %d requests: %.0f rows/s of %.0f, %.1f %%; %d API requests in all", org.done(), len(org.log), org.rate(), most, 100*share, client.Sent())
		if org.done() < rows { // a turn that was aborted writes its rows twice
			t.Errorf("%d of %d rows were written", org.done(), rows)
		}
	})
}

// fill writes the newest states of calls, as they wait after an outage, and tells how
// many of them want a Task.
func fill(t *testing.T, options func() []kgo.Opt, calls int) (rows int) {
	producer, err := kgo.NewClient(append(options(), kgo.ProducerBatchCompression(kgo.GzipCompression()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	rules, err := projector.New(projector.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	g := traffic.New(traffic.Options{Seed: 1})
	for range calls {
		call := g.Call()
		var record schemas.CallRecord
		for n, e := range call.Events {
			event, err := schemas.ParseEvent(e.Body)
			if err != nil {
				t.Fatal(err)
			}
			record = schemas.Fold(record, event, int64(n))
		}
		if rules.Decide(record, time.Now()).Action == projector.Log {
			rows++
		}
		value, err := schemas.Calls.Encode(record)
		if err != nil {
			t.Fatal(err)
		}
		producer.Produce(t.Context(), &kgo.Record{
			Topic: "calls", Key: strconv.AppendInt(nil, call.ID, 10), Value: value,
			Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())}},
		}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := producer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return rows
}
