package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// sinkWorld is what the stage runs between: a broker and an org.
type sinkWorld struct {
	*testing.T
	settings settings.Settings
	org      *sfsim.Server
	client   *kgo.Client    // reads the topic tasks, writes the topic calls
	change   func(*app.App) // of the next run; nil = none
}

func newSinkWorld(t *testing.T) *sinkWorld {
	t.Helper()
	brokers := newCluster(t)
	org, err := sfsim.New(sfsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(org)
	t.Cleanup(server.Close)

	s := settings.Default()
	s.Kafka.Brokers, s.Kafka.Instance = brokers, "test"
	s.Admin.Listen = "127.0.0.1:0"
	s.Sink.StateDir = t.TempDir()
	s.Salesforce.LoginURL = server.URL
	s.Salesforce.Auth = settings.Auth{Flow: "client_credentials", ClientID: "dev", ClientSecret: "dev"}

	opts := append([]kgo.Opt{
		kgo.SeedBrokers(brokers...), kgo.ConsumeTopics("aircall.tasks"),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	}, kafka.ProducerOptions()...)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &sinkWorld{T: t, settings: s, org: org, client: client}
}

// call publishes the state of a missed call with a tag.
func (w *sinkWorld) call(id int64, tag string) {
	w.Helper()
	body := fmt.Sprintf(`{"resource":"call","event":"call.tagged","timestamp":1780000030,"data":{"id":%d,"direction":"inbound","status":"done","started_at":1780000000,"ended_at":1780000020,"raw_digits":"+33 1 23 45 67 89","number":{"id":7,"name":"Paris","digits":"+33 1 76 36 00 11","country":"FR"},"tags":[{"id":1,"name":%q,"tagged_at":1780000029}]}}`, id, tag)
	event, err := schemas.ParseEvent([]byte(body))
	if err != nil {
		w.Fatal(err)
	}
	value, err := schemas.Calls.Encode(schemas.Fold(schemas.CallRecord{}, event, 0))
	if err != nil {
		w.Fatal(err)
	}
	if err := w.client.ProduceSync(w.Context(), &kgo.Record{
		Topic: "aircall.calls", Key: []byte(strconv.FormatInt(id, 10)), Value: value,
		Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())}},
	}).FirstErr(); err != nil {
		w.Fatal(err)
	}
}

// outcomes reads the topic tasks until it has that many outcomes.
func (w *sinkWorld) outcomes(n int) map[int64]schemas.Outcome {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	found := map[int64]schemas.Outcome{}
	for seen := 0; seen < n; {
		fetches := w.client.PollFetches(ctx)
		if ctx.Err() != nil {
			w.Fatalf("%d outcomes of %d came", seen, n)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if len(r.Key) == 0 || len(r.Value) == 0 {
				return // the engine's markers
			}
			o, err := schemas.Outcomes.Decode(schemas.Outcomes.Schema(), r.Value)
			if err != nil {
				return // a marker
			}
			seen++
			found[o.CallID] = o
		})
	}
	return found
}

// run runs the stage while work works.
func (w *sinkWorld) run(work func(a *app.App)) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	a := app.New(w.settings, slog.New(slog.DiscardHandler), "sink", "salesforce")
	if w.change != nil {
		w.change(a)
	}
	stage, err := a.Sink()
	if err != nil {
		w.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- runStage(ctx, a, stage) }()
	work(a)
	cancel()
	if err := <-done; err != nil {
		w.Errorf("stopped with %v", err)
	}
}

// wait polls until a component is ready (reason empty), or not ready for a
// reason that holds a text.
func (w *sinkWorld) wait(a *app.App, component, reason string) {
	w.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) { // polling
		for _, c := range a.Health.Components() {
			if c.Name == component && strings.Contains(c.Reason, reason) && c.Ready == (reason == "") {
				return
			}
		}
	}
	w.Fatalf("%s never became %q: %v", component, reason, a.Health.Components())
}

// joined waits until both lanes have joined their group: to leave it in the
// midst of joining takes long.
func (w *sinkWorld) joined(a *app.App) {
	w.Helper()
	w.wait(a, "callfold-sink-test-0", "")
	w.wait(a, "callfold-sink-test-1", "")
}

func TestSinkWritesTasksAndGoesOnAfterARestart(t *testing.T) {
	w := newSinkWorld(t)
	w.run(func(a *app.App) {
		for id := range int64(20) {
			w.call(id+1, "first")
		}
		for id, o := range w.outcomes(20) {
			// A lane that joins makes the other abandon its batch and do it again.
			if o.Result != schemas.Created && o.Result != schemas.Updated || o.TaskID == "" {
				t.Errorf("call %d: %s", id, o.Result)
			}
		}
		w.wait(a, "salesforce", "")
	})
	for id := range int64(20) {
		w.call(id+1, "second") // while the stage is away
	}
	w.run(func(*app.App) {
		for id, o := range w.outcomes(20) {
			if o.Result != schemas.Updated {
				t.Errorf("call %d: %s", id, o.Result)
			}
		}
	})
	tasks := w.org.Records("Task")
	if len(tasks) != 20 {
		t.Fatalf("%d Tasks, want 20", len(tasks))
	}
	for _, task := range tasks {
		if d, _ := task["CallDisposition"].(string); !strings.HasPrefix(d, "['second', 'aircall'") {
			t.Errorf("a Task holds %s", d)
		}
	}
}

func TestSinkSaysWhatIsWrongWithTheOrg(t *testing.T) {
	w := newSinkWorld(t)
	if err := w.org.Hide("Task", "Type"); err != nil {
		t.Fatal(err)
	}
	w.run(func(a *app.App) {
		w.wait(a, "salesforce", "Type (tasks.fields.type, rule F1)")
		w.joined(a)
	})
	w.settings.Salesforce.Auth.ClientSecret = "not the one"
	w.run(func(a *app.App) {
		w.wait(a, "salesforce", "invalid_client")
		w.joined(a)
	})
}

func TestSinkStopsWhileItWaitsForSalesforce(t *testing.T) {
	w := newSinkWorld(t)
	w.settings.Salesforce.LoginURL = "http://127.0.0.1:1"
	w.run(func(a *app.App) {
		w.joined(a)
		w.call(1, "waiting")
	})
}
