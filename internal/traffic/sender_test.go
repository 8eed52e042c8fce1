package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tidwall/gjson"
)

// endpoint is a webhook endpoint without a network, so that it works in a
// synctest bubble. Its answer decides; it keeps what it accepted.
type endpoint struct {
	answer func(try int, ctx context.Context) (status int, err error)

	mu       sync.Mutex
	tries    int
	starts   []time.Time // of tries
	accepted []request
}

type request struct {
	at   time.Time
	body []byte
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.tries++
	try := e.tries
	now := time.Now()
	e.starts = append(e.starts, now)
	e.mu.Unlock()

	status, err := e.answer(try, r.Context())
	if err != nil {
		return nil, err
	}
	if status < 300 {
		e.mu.Lock()
		e.accepted = append(e.accepted, request{now, body})
		e.mu.Unlock()
	}
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)),
		Body: io.NopCloser(strings.NewReader(`{}`)), Request: r,
	}, nil
}

func always(status int) func(int, context.Context) (int, error) {
	return func(int, context.Context) (int, error) { return status, nil }
}

func newTestSender(e *endpoint, o SenderOptions) *Sender {
	o.URL = "http://callfold.test/webhooks/aircall?secret=hush"
	o.Client = &http.Client{Transport: e}
	if o.Generator == nil {
		o.Generator = New(Options{Seed: 1, Start: time.Now(), Token: "t"})
	}
	if o.CallsPerMinute == 0 {
		o.CallsPerMinute = 6
	}
	return NewSender(o)
}

// Every request is accepted in the end, through refusals, broken connections and
// an endpoint that is too slow.
func TestSenderRetriesUntilAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(try int, ctx context.Context) (int, error) {
			switch try % 7 {
			case 1:
				return 503, nil
			case 2:
				return 0, errors.New("connection reset")
			case 3:
				<-ctx.Done() // longer than the five seconds
				return 0, ctx.Err()
			case 4:
				return 404, nil
			}
			return 200, nil
		}}
		registry := prometheus.NewRegistry()
		s := newTestSender(e, SenderOptions{Calls: 50, Compress: 60, Registerer: registry})
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		sent := s.Sent()
		t.Logf("%+v in %d tries", sent, e.tries)
		if sent.Calls < 50 || sent.Calls > 51 {
			t.Errorf("%d calls begun, want 50", sent.Calls)
		}
		if sent.Bodies < 3*sent.Calls || sent.Accepted != sent.Bodies || int(sent.Accepted) != len(e.accepted) || sent.GivenUp != 0 {
			t.Errorf("%+v, but the endpoint accepted %d", sent, len(e.accepted))
		}
		if int(sent.Retried) != e.tries-len(e.accepted) || sent.Retried == 0 {
			t.Errorf("%d retried, %d of %d tries failed", sent.Retried, e.tries-len(e.accepted), e.tries)
		}
		if got := gathered(t, registry, "callfold_traffic_calls_total"); got != float64(sent.Calls) {
			t.Errorf("%v calls in the metrics, %d in the counts", got, sent.Calls)
		}
		if got := gathered(t, registry, "callfold_traffic_requests_total"); got != float64(e.tries) {
			t.Errorf("%v requests in the metrics, %d tries", got, e.tries)
		}
	})
}

// gathered adds up the counters of a name.
func gathered(t *testing.T, g prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// What the endpoint got is what the generator makes: every event of every call.
func TestSenderSendsWholeCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: always(200)}
		s := newTestSender(e, SenderOptions{Calls: 200, Compress: 60, CallsPerMinute: 30})
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		created, ended := map[int64]bool{}, map[int64]bool{}
		changes := 0
		var before int64
		for _, r := range e.accepted {
			b := gjson.ParseBytes(r.body)
			id := b.Get("data.id").Int()
			switch b.Get("event").Str {
			case "call.created":
				created[id] = true
			case "call.ended":
				ended[id] = true
			}
			if id != before {
				changes++
			}
			before = id
		}
		if int64(len(created)) != s.Sent().Calls || len(ended) < len(created)*95/100 {
			t.Errorf("%d calls begun, %d created, %d ended", s.Sent().Calls, len(created), len(ended))
		}
		if changes < 2*len(created) {
			t.Errorf("calls are not interleaved: %d changes of call in %d requests", changes, len(e.accepted))
		}
	})
}

// In real time a body is sent at the second that it tells, or late by no more
// than a delayed delivery is; never is a time in the future, compressed or not.
func TestSenderTimesAreNeverInTheFuture(t *testing.T) {
	for _, compress := range []float64{1, 20, 600} {
		t.Run(fmt.Sprint(compress), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &endpoint{answer: always(202)}
				s := newTestSender(e, SenderOptions{Calls: 200, Compress: compress})
				if err := s.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				first := map[int64]time.Time{}
				for _, r := range e.accepted {
					b := gjson.ParseBytes(r.body)
					told := b.Get("timestamp").Int()
					late := r.at.Unix() - told
					if late < 0 {
						t.Fatalf("%s tells %d, sent at %d", b.Get("event").Str, told, r.at.Unix())
					}
					if compress == 1 && late > 20*60 {
						t.Errorf("%s was sent %d s late", b.Get("event").Str, late)
					}
					id := b.Get("data.id").Int()
					if first[id].IsZero() {
						first[id] = r.at
					}
					if compress == 600 && r.at.Sub(first[id]) > 10*time.Minute {
						t.Errorf("call %d still lives after %s", id, r.at.Sub(first[id]))
					}
				}
			})
		})
	}
}

// A down endpoint is tried with growing pauses, and an event is given up after
// fifty tries at the most.
func TestSenderGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: always(500)}
		g := New(Options{Seed: 1, DuplicateRate: -1, ReorderRate: -1})
		s := newTestSender(e, SenderOptions{Calls: 1, Generator: g})
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		sent := s.Sent()
		if sent.GivenUp != sent.Bodies || sent.Accepted != 0 {
			t.Errorf("%+v", sent)
		}
		if int64(e.tries) != maxTries*sent.Bodies {
			t.Errorf("%d tries for %d requests", e.tries, sent.Bodies)
		}
		if took := e.starts[len(e.starts)-1].Sub(e.starts[0]); took < 2*time.Hour || took > maxRetryTime+24*time.Hour {
			t.Errorf("tried for %s", took)
		}
	})
}

func TestSenderStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		e := &endpoint{answer: func(_ int, ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}}
		s := newTestSender(e, SenderOptions{CallsPerMinute: 60})
		begin := time.Now()
		if err := s.Run(ctx); err != nil {
			t.Errorf("stopping is no error, got %v", err)
		}
		if took := time.Since(begin); took != 3*time.Minute {
			t.Errorf("ran for %s", took)
		}
		if calls := s.Sent().Calls; calls < 120 || calls > 240 {
			t.Errorf("%d calls in three minutes at 60 a minute", calls)
		}
	})
}

func TestSenderRefusesWrongSettings(t *testing.T) {
	for name, o := range map[string]SenderOptions{
		"no rate":      {URL: "http://localhost", Generator: New(Options{})},
		"no generator": {URL: "http://localhost", CallsPerMinute: 1},
		"bad URL":      {URL: "http://local host", CallsPerMinute: 1, Generator: New(Options{})},
	} {
		if err := NewSender(o).Run(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSenderErrorsDoNotTellTheURL(t *testing.T) {
	e := &endpoint{answer: func(int, context.Context) (int, error) { return 0, errors.New("connection reset") }}
	err := newTestSender(e, SenderOptions{}).post(t.Context(), Delivery{Body: []byte("{}")})
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("error: %v", err)
	}
}

// An answer that does not come within five seconds is a failure, and waiting for
// it does not hold up the call's other requests.
func TestSenderWaitsFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waited time.Duration
		begin := time.Now()
		e := &endpoint{answer: func(try int, ctx context.Context) (int, error) {
			if try > 1 {
				return 200, nil
			}
			<-ctx.Done()
			waited = time.Since(begin)
			return 0, ctx.Err()
		}}
		s := newTestSender(e, SenderOptions{Calls: 1, Compress: 600})
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited != 5*time.Second {
			t.Errorf("waited %s for an answer", waited)
		}
		if sent := s.Sent(); sent.Accepted != sent.Bodies || sent.Retried != 1 {
			t.Errorf("%+v", sent)
		}
		if first := e.accepted[0].at.Sub(begin); first >= waited {
			t.Errorf("the second request was sent only after %s", first)
		}
	})
}
