//go:build synctests

package canary

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka/bubble"
	"github.com/callfold/callfold/schemas"
)

const (
	calls, tasks = "c", "t"
	token        = "tok-en"
	secretURL    = "http://door.test/webhooks/aircall?secret=s3cret"
)

// world is a broker and a front door in a bubble of virtual time, and one who folds and
// decides as the stages do.
type world struct {
	t      *testing.T
	client *kgo.Client
	record schemas.CallRecord
	// bodies are the webhooks that came. door answers one; what came of it before the
	// answer is its doing.
	bodies [][]byte
	door   func(body []byte) (status int, answer string, err error)
}

func inWorld(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, client: bubble.Start(t, kfake.SeedTopics(3, calls, tasks)).Client()}
		defer w.client.Close()
		test(w)
	})
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// RoundTrip is the front door; it makes world an http.RoundTripper.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	w.check(err)
	w.bodies = append(w.bodies, body)
	status, answer, err := w.door(body)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewBufferString(answer)), Request: r}, nil
}

// accepting is a door that takes the webhook and then has more done.
func accepting(then func(body []byte)) func([]byte) (int, string, error) {
	return func(body []byte) (int, string, error) {
		then(body)
		return http.StatusOK, `{"status":"accepted"}`, nil
	}
}

// canary is one with the options changed.
func (w *world) canary(change ...func(*Options)) *Canary {
	w.t.Helper()
	o := Options{
		URL: secretURL, Token: token, CallID: FirstID, Timeout: time.Minute, Client: w.client, Calls: calls, Tasks: tasks,
		Transport: w, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	w.check(err)
	return c
}

// once runs one canary call, which must not end by itself.
func (w *world) once(c *Canary) Report {
	w.t.Helper()
	r, err := c.Once(w.t.Context())
	w.check(err)
	return r
}

// fold folds an event and puts the state into calls, as the processor does.
func (w *world) fold(body []byte) {
	w.t.Helper()
	event, err := schemas.ParseEvent(body)
	w.check(err)
	w.record = schemas.Fold(w.record, event, 0)
	value, err := schemas.Calls.Encode(w.record)
	w.check(err)
	w.put(calls, value, schemas.Calls.Schema())
}

// decide puts an outcome about the state into tasks, as the sink does.
func (w *world) decide(o schemas.Outcome) {
	w.t.Helper()
	o.CallID, o.StateHash = FirstID, w.record.State.Hash()
	value, err := schemas.Outcomes.Encode(o)
	w.check(err)
	w.put(tasks, value, schemas.Outcomes.Schema())
}

func (w *world) put(topic string, value []byte, schema string) {
	w.t.Helper()
	w.check(w.client.ProduceSync(context.Background(), &kgo.Record{
		Topic: topic, Key: strconv.AppendInt(nil, FirstID, 10), Value: value,
		Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schema)}},
	}).FirstErr())
}

// command is the body of an operator's command about the canary's call.
func command(event string, at time.Time) []byte {
	return fmt.Appendf(nil, `{"resource":"callfold","event":%q,"timestamp":%d,"data":{"id":%d,"who":"ann","why":"test"}}`, event, at.Unix(), int64(FirstID))
}

// series are the values of the metrics by name, those with a label by its value; of a
// histogram it is the count.
func series(t *testing.T, from prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, label := range m.GetLabel() {
				name = label.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return got
}
