//go:build synctests

// Run with -tags synctests: franz-go then uses locks that a bubble of virtual time
// understands; with its usual ones time may stand still for ever.

package sfsink

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka/bubble"
	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
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

// latency is what a collection takes, and any other request.
const latency = 150 * time.Millisecond

// busyOrg is the sample org, which takes its time for a request as Salesforce does.
func busyOrg(t *testing.T) *sfsim.Server {
	t.Helper()
	sim, err := sfsim.New(sfsim.Options{Latency: latency})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	if err := sim.Load(traffic.SampleOrg()); err != nil {
		t.Fatal(err)
	}
	return sim
}

func clientOf(t *testing.T, org http.RoundTripper) *salesforce.Client {
	t.Helper()
	client, err := salesforce.New(salesforce.Options{
		LoginURL: "http://org", APIVersion: "64.0", HTTPClient: &http.Client{Transport: org},
		Flow: salesforce.ClientCredentials{ClientID: "dev", ClientSecret: "dev"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// startSink runs a sink on the engine until it is stopped.
func startSink(t *testing.T, broker *bubble.Broker, sink *Sink, instance string, lanes, batch int) (stop func()) {
	t.Helper()
	engine, err := stream.New(stream.Options[schemas.Outcome]{
		Name: "sink", Client: broker.Options, Group: "g", Instance: instance, Input: "calls", Changelog: "tasks", Rejected: "rejected",
		Codec: schemas.Outcomes, Timer: Timer, Handler: sink, Linger: sink.Linger, Lanes: lanes, BatchRecords: batch, HotStates: 20_000,
		Timeouts: stream.PatientTimeouts, Grace: time.Second, Health: func(string, error) {}, Now: time.Now,
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// folded is the state of a call after these events.
func folded(t *testing.T, bodies ...[]byte) (record schemas.CallRecord) {
	t.Helper()
	for n, body := range bodies {
		event, err := schemas.ParseEvent(body)
		if err != nil {
			t.Fatal(err)
		}
		record = schemas.Fold(record, event, int64(n))
	}
	return record
}

// put writes a state to the topic calls, as the processor does.
func put(t *testing.T, producer *kgo.Client, record schemas.CallRecord) {
	t.Helper()
	value, err := schemas.Calls.Encode(record)
	if err != nil {
		t.Fatal(err)
	}
	producer.Produce(t.Context(), &kgo.Record{
		Topic: "calls", Key: strconv.AppendInt(nil, record.State.ID, 10), Value: value,
		Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())}},
	}, func(_ *kgo.Record, err error) {
		if err != nil {
			t.Error(err)
		}
	})
}
