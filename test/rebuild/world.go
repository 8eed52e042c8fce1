//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/broker"
	"github.com/callfold/callfold/internal/clock"
	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/replay"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

// firstLive is the id of the first live call; those of the history are below it.
const firstLive = 1_000_000_000

// world is a broker, an org, the stages, and one who reads the outcomes.
type world struct {
	options  options
	dir      string
	broker   *broker.Broker
	org      *sfsim.Server
	server   *httptest.Server
	requests atomic.Int64         // that the org has had
	metrics  *prometheus.Registry // of the sink
	settings settings.Settings
	client   *kgo.Client
	stop     context.CancelFunc
	stages   *errgroup.Group
	// outcome is told of the records of tasks, one after the other.
	outcome func(*kgo.Record)
}

func newWorld(ctx context.Context, o options) (w *world, err error) {
	w = &world{options: o, settings: settings.Default(), stages: &errgroup.Group{}, outcome: func(*kgo.Record) {}}
	if w.dir, err = os.MkdirTemp("", "callfold-rebuild-"); err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	if w.broker, err = broker.Start(filepath.Join(w.dir, "broker"), "127.0.0.1:0"); err != nil {
		return nil, err
	}
	if w.org, err = sfsim.New(sfsim.Options{Latency: o.latency}); err != nil {
		return nil, err
	}
	if err := w.org.Load(traffic.SampleOrg()); err != nil {
		return nil, err
	}
	w.server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		w.requests.Add(1)
		w.org.ServeHTTP(out, in)
	}))
	s := &w.settings
	s.Kafka.Brokers, s.Kafka.Instance, s.Kafka.ReplicationFactor = []string{w.broker.Addr()}, "bench", 1
	s.Processor.StateDir, s.Sink.StateDir = filepath.Join(w.dir, "processor"), filepath.Join(w.dir, "sink")
	s.Salesforce.LoginURL = w.server.URL
	s.Salesforce.Auth = settings.Auth{Flow: "client_credentials", ClientID: "dev", ClientSecret: "dev"}

	if w.client, err = w.open(append(kafka.ProducerOptions(), command.ProducerOptions()...)...); err != nil {
		return nil, err
	}
	if _, err := kafka.Create(ctx, w.client, kafka.Topics(s.Kafka, false)); err != nil {
		return nil, err
	}
	return w, w.start(ctx)
}

func (w *world) open(more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := kafka.Options(w.settings.Kafka, "callfold-rebuild", quiet(), nil)
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(append(opts, more...)...)
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// start runs the stages, and the reader of outcomes.
func (w *world) start(ctx context.Context) error {
	ctx, w.stop = context.WithCancel(ctx)
	p, err := app.New(w.settings, quiet(), "processor").Processor()
	if err != nil {
		return err
	}
	sink := app.New(w.settings, quiet(), "sink", "salesforce")
	w.metrics = sink.Registry
	s, err := sink.Sink()
	if err != nil {
		return err
	}
	w.stages.Go(func() error { return p.Run(ctx) })
	w.stages.Go(func() error { return s.Run(ctx) })
	reader, err := w.open(kgo.ConsumeTopics(w.topic(kafka.Tasks)), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	w.stages.Go(func() error {
		defer reader.Close()
		for ctx.Err() == nil {
			reader.PollFetches(ctx).EachRecord(func(r *kgo.Record) { w.outcome(r) })
		}
		return nil
	})
	return nil
}

// byBulk is how many rows bulk jobs have written.
func (w *world) byBulk() (rows float64, err error) {
	families, err := w.metrics.Gather()
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "callfold_sink_bulk_rows_total" && m.GetLabel()[0].GetValue() == "written" {
				rows += m.GetCounter().GetValue()
			}
		}
	}
	return rows, err
}

func (w *world) close() error {
	w.stop()
	err := w.stages.Wait()
	w.client.Close()
	w.server.Close()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, w.broker.Close(), os.RemoveAll(w.dir))
}

func (w *world) topic(name string) string { return kafka.TopicName(w.settings.Kafka, name) }

// event is an event of a missed call, as ingest publishes it. A hundred numbers call.
func (w *world) event(id int64, event, more string) *kgo.Record {
	body := fmt.Appendf(nil, `{"resource":"call","event":%q,"timestamp":1780000030,"data":{"id":%d,"direction":"inbound","status":"done","started_at":1780000000,"ended_at":1780000020,"raw_digits":"+33 1 99 00 %02d 00","number":{"id":7,"name":"Paris","digits":"+33 1 76 36 00 11","country":"FR","time_zone":"Europe/Paris"}%s}}`,
		event, id, id%100, more)
	return &kgo.Record{Topic: w.topic(kafka.Events), Key: strconv.AppendInt(nil, id, 10), Value: body, Headers: []kgo.RecordHeader{
		{Key: schemas.HeaderSchema, Value: []byte(schemas.EventSchema)}, {Key: schemas.HeaderEvent, Value: []byte(event)},
		{Key: schemas.HeaderReceivedAt, Value: strconv.AppendInt(nil, time.Now().UnixMilli(), 10)},
		{Key: schemas.HeaderSource, Value: []byte(schemas.Webhook)},
	}}
}

// history makes the calls that are to be rebuilt, and waits for their Tasks.
func (w *world) history(ctx context.Context) error {
	written := kgo.AbortingFirstErrPromise(w.client)
	for id := range int64(w.options.calls) {
		w.client.Produce(ctx, w.event(id+1, "call.hungup", ""), written.Promise())
	}
	if err := written.Err(); err != nil {
		return fmt.Errorf("publishing the history: %w", err)
	}
	for len(w.org.Records("Task")) < w.options.calls {
		if err := clock.Sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return clock.Sleep(ctx, 3*time.Second) // the last turn commits
}

// deleteTasks deletes all Tasks, as somebody would.
func (w *world) deleteTasks() (n int, err error) {
	var b strings.Builder
	for _, r := range w.org.Records("Task") {
		b.WriteString([]string{"", ","}[min(n, 1)])
		fmt.Fprintf(&b, `{"Id":%q,"IsDeleted":true}`, r["Id"])
		n++
	}
	return n, w.org.Load([]byte(`{"Task":[` + b.String() + `]}`))
}

// planner makes what plans are made with.
func (w *world) planner() (replay.Options, error) {
	sink, org, err := app.Preview(w.settings)
	return replay.Options{
		Kafka: w.client, Calls: w.topic(kafka.Calls), Tasks: w.topic(kafka.Tasks), Sink: sink, Org: org, Progress: &replay.Progress{},
	}, err
}

func (w *world) plan(ctx context.Context) (p *replay.Plan, err error) {
	o, err := w.planner()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(w.dir, fmt.Sprintf("%d.plan", time.Now().UnixNano()))
	out, err := replay.NewWriter(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	summary, err := replay.Make(ctx, o, out.Add)
	if err != nil {
		return nil, err
	}
	if err := out.Finish(&replay.Header{Summary: summary}); err != nil {
		return nil, err
	}
	return replay.Open(path)
}

// apply has a plan carried out. begun is called at the first results: before them the
// sink knows of no rebuild.
func (w *world) apply(ctx context.Context, plan *replay.Plan, begun func()) error {
	var first sync.Once
	return replay.Apply(ctx, replay.ApplyOptions{
		Plan: plan, Order: command.Order{Who: "bench", Why: "a benchmark"}, Kafka: w.client, Reader: w.open,
		Events: w.topic(kafka.Events), Calls: w.topic(kafka.Calls), Tasks: w.topic(kafka.Tasks),
		Group: kafka.GroupName(w.settings.Kafka, kafka.SinkGroup),
		Again: func(ctx context.Context, ids map[int64]bool, each func(replay.Row) error) error {
			o, err := w.planner()
			if err != nil {
				return err
			}
			o.Filter.IDs = ids
			_, err = replay.Make(ctx, o, each)
			return err
		},
		Bulk:     app.BulkRewrites(w.settings.Sink),
		Requests: func(context.Context) (int64, error) { return w.requests.Load(), nil },
		Tell: func(s replay.State) {
			if s.Known() > 0 {
				first.Do(begun)
			}
		},
		Now: time.Now,
	})
}
