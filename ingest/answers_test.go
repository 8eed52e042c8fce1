package ingest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/schemas"
)

var testTime = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// memoryProducer takes records at once and keeps them.
type memoryProducer struct {
	mu      sync.Mutex
	records []*kgo.Record
}

func (p *memoryProducer) TryProduce(_ context.Context, r *kgo.Record, promise func(*kgo.Record, error)) {
	p.mu.Lock()
	p.records = append(p.records, r)
	p.mu.Unlock()
	promise(r, nil)
}

// fixture is a server with everything that can be seen of it from outside.
type fixture struct {
	*Server
	producer *memoryProducer
	metrics  *prometheus.Registry
	log      *bytes.Buffer
}

func testOptions() Options {
	return Options{
		Producer:      &memoryProducer{},
		EventsTopic:   "events",
		RejectedTopic: "rejected",
		Tokens:        []string{"secret", "older-secret"},
		Probe:         func(context.Context) error { return nil },
		Now:           func() time.Time { return testTime },
	}
}

func newFixture(t testing.TB) fixture {
	t.Helper()
	f := fixture{producer: &memoryProducer{}, metrics: prometheus.NewPedanticRegistry(), log: new(bytes.Buffer)}
	o := testOptions()
	o.Logger = slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Producer, o.Registerer = f.producer, f.metrics
	var err error
	if f.Server, err = New(o); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f fixture) post(body []byte) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(http.MethodPost, Path, bytes.NewReader(body)))
	return w
}

// counted are the counters that are not zero, in words.
func (f fixture) counted(t testing.TB) []string {
	t.Helper()
	all, err := f.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, family := range all {
		words := map[string]string{
			"callfold_ingest_requests_total": "counted %s",
			"callfold_ingest_ignored_total":  "counted ignored of %s",
			"callfold_ingest_rejected_total": "counted rejected for %s",
		}[family.GetName()]
		for _, m := range family.GetMetric() {
			if words != "" && m.GetCounter().GetValue() > 0 {
				lines = append(lines, fmt.Sprintf(words, m.GetLabel()[0].GetValue()))
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// rejectedValue decodes a record of the topic rejected.
func rejectedValue(t testing.TB, r *kgo.Record) schemas.RejectedRecord {
	t.Helper()
	v, err := schemas.Rejects.Decode(header(r, schemas.HeaderSchema), r.Value)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func TestAnswers(t *testing.T) {
	file, err := os.ReadFile("testdata/answers.txt")
	if err != nil {
		t.Fatal(err)
	}
	scenarios := strings.Split(string(file), "\n=== ")[1:]
	if len(scenarios) < 40 {
		t.Fatalf("only %d scenarios were read", len(scenarios))
	}
	for _, scenario := range scenarios {
		name, rest, _ := strings.Cut(scenario, "\n")
		t.Run(name, func(t *testing.T) {
			body, want, found := strings.Cut(rest, "\n---\n")
			if !found {
				t.Fatal("no line --- in the scenario")
			}
			f := newFixture(t)
			w := f.post([]byte(body))
			got := []string{fmt.Sprintf("%d %s", w.Code, strings.TrimSuffix(w.Body.String(), "\n"))}
			for _, r := range f.producer.records {
				switch r.Topic {
				case "events":
					got = append(got, fmt.Sprintf("events %s | %s", r.Key, r.Value))
				case "rejected":
					v := rejectedValue(t, r)
					got = append(got, fmt.Sprintf("rejected %s | %s | %s | %s", orDash(string(r.Key)), v.Reason, orDash(v.Event), v.Body))
				}
			}
			got = append(got, f.counted(t)...)
			if g, w := strings.Join(got, "\n"), strings.TrimSpace(want); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
			for _, r := range f.producer.records {
				if bytes.Contains(r.Value, []byte("secret")) {
					t.Errorf("a token was stored: %s", r.Value)
				}
			}
			if strings.Contains(f.log.String(), "secret") || strings.Contains(f.log.String(), "guess") {
				t.Errorf("a token was logged: %s", f.log)
			}
			if ct := w.Header().Get("Content-Type"); ct != "application/json" {
				t.Errorf("Content-Type %q", ct)
			}
		})
	}
}
