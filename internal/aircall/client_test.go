package aircall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/aircallsim"
	"github.com/callfold/callfold/internal/traffic"
)

const token = "secret-api-token"

// line is an API without a network: it answers as told, and notes when it was asked.
type line struct {
	answer func(n int, w http.ResponseWriter) error
	asked  []time.Time
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	l.asked = append(l.asked, time.Now())
	w := httptest.NewRecorder()
	if err := l.answer(len(l.asked), w); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func client(t *testing.T, transport http.RoundTripper, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{URL: "http://aircall.test", ID: "key", Token: token, Reserve: 0.2, Tries: 4, HTTPClient: &http.Client{Transport: transport}}
	for _, c := range change {
		c(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func good(w http.ResponseWriter) {
	_, _ = fmt.Fprint(w, `{"calls":[{"id":9007199254740993}],"meta":{"total":1,"next_page_link":null}}`)
}

// TestPace: the limit is 60 until a header names another; a share is left to others.
func TestPace(t *testing.T) {
	for _, test := range []struct {
		limit string
		want  time.Duration // for 101 requests, of which the first five go at once
	}{
		{"", 96 * time.Second * 60 / 48},
		{"120", 96 * time.Second * 60 / 96},
		{"30", 96 * time.Second * 60 / 24},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := &line{answer: func(_ int, w http.ResponseWriter) error {
				if test.limit != "" {
					w.Header().Set("X-AircallApi-Limit", test.limit)
				}
				good(w)
				return nil
			}}
			c := client(t, l)
			for range 101 {
				if _, err := c.Calls(t.Context(), 0, 1, 1); err != nil {
					t.Fatal(err)
				}
			}
			if took := l.asked[100].Sub(l.asked[0]); took < test.want-3*time.Second || took > test.want+3*time.Second {
				t.Errorf("limit %q: it took %v, want %v", test.limit, took, test.want)
			}
		})
	}
}

// TestNeverTooFast: the simulator counts over any 60 seconds, and never has to refuse.
func TestNeverTooFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := aircallsim.New(aircallsim.Options{ID: "key", Token: token, PerMinute: 60})
		registry := prometheus.NewRegistry()
		c := client(t, sim.Client().Transport, func(o *Options) { o.Registerer = registry })
		for range 300 {
			if _, err := c.Calls(t.Context(), 0, 1, 1); err != nil {
				t.Fatal(err)
			}
		}
		wantRequests(t, registry, map[string]float64{succeeded: 300})
	})
}

// TestToldToWait: the client waits as long as it is told, and asks again.
func TestToldToWait(t *testing.T) {
	for _, test := range []struct {
		name   string
		header func(http.Header, time.Time)
		status int
		want   time.Duration
	}{
		{"Retry-After", func(h http.Header, _ time.Time) { h.Set("Retry-After", "17") }, 429, 17 * time.Second},
		{"reset", func(h http.Header, now time.Time) {
			h.Set("X-AircallApi-Reset", fmt.Sprint(now.Add(23*time.Second).Unix()))
		}, 429, 23 * time.Second},
		{"reset in milliseconds", func(h http.Header, now time.Time) {
			h.Set("X-AircallApi-Reset", fmt.Sprint(now.Add(23*time.Second).UnixMilli()))
		}, 429, 23 * time.Second},
		{"nothing", func(http.Header, time.Time) {}, 429, time.Minute},
		{"nonsense", func(h http.Header, _ time.Time) { h.Set("Retry-After", "999999999") }, 429, 2 * time.Minute},
		{"none remain", func(h http.Header, now time.Time) {
			h.Set("X-AircallApi-Remaining", "0")
			h.Set("X-AircallApi-Reset", fmt.Sprint(now.Add(31*time.Second).Unix()))
		}, 200, 31 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := &line{answer: func(n int, w http.ResponseWriter) error {
				if n == 1 {
					test.header(w.Header(), time.Now())
					w.WriteHeader(test.status)
				}
				good(w)
				return nil
			}}
			c := client(t, l)
			for range 2 {
				if _, err := c.Calls(t.Context(), 0, 1, 1); err != nil {
					t.Fatal(err)
				}
			}
			// After it one more has to be earned.
			if waited := l.asked[1].Sub(l.asked[0]); waited < test.want || waited > test.want+2*time.Second {
				t.Errorf("%s: waited %v, want %v", test.name, waited, test.want)
			}
		})
	}
}

// TestTriesAgain: what may pass is tried again, what will not is told at once; no
// error holds the token.
func TestTriesAgain(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(n int, w http.ResponseWriter) error
		tries  int
		want   string // of the error
	}{
		{"passing", func(n int, w http.ResponseWriter) error {
			switch n {
			case 1:
				w.WriteHeader(http.StatusBadGateway)
			case 2:
				return errors.New("connection reset")
			default:
				good(w)
			}
			return nil
		}, 3, ""},
		{"lasting", func(_ int, w http.ResponseWriter) error { w.WriteHeader(503); return nil }, 4, "HTTP 503"},
		{"never an answer", func(int, http.ResponseWriter) error { return errors.New("no route") }, 4, "no route"},
		{"wrong key", func(_ int, w http.ResponseWriter) error { w.WriteHeader(401); return nil }, 1, "HTTP 401 Unauthorized"},
		{"elsewhere", func(_ int, w http.ResponseWriter) error {
			w.Header().Set("Location", "https://attacker.example/")
			w.WriteHeader(302)
			return nil
		}, 1, "HTTP 302"},
		{"too often", func(_ int, w http.ResponseWriter) error { w.WriteHeader(429); return nil }, mostRefusals, "HTTP 429"},
		{"not JSON", func(_ int, w http.ResponseWriter) error { _, _ = fmt.Fprint(w, "<html>"); return nil }, 4, "not JSON"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := &line{answer: test.answer}
			_, err := client(t, l).Calls(t.Context(), 0, 1, 1)
			if len(l.asked) != test.tries || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %d tries, want %d: %v", test.name, len(l.asked), test.tries, err)
			}
			if err != nil && strings.Contains(err.Error(), token) {
				t.Errorf("%s: the error holds the token: %v", test.name, err)
			}
			if Unauthorized(err) != (test.name == "wrong key") {
				t.Errorf("%s: unauthorized is %v", test.name, Unauthorized(err))
			}
		})
	}
}

// TestRequestsAreCounted by how they ended.
func TestRequestsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{answer: func(n int, w http.ResponseWriter) error {
			switch n {
			case 1:
				w.WriteHeader(429)
			case 2, 3:
				w.WriteHeader(500)
			case 4:
				return errors.New("connection reset")
			default:
				good(w)
			}
			return nil
		}}
		registry := prometheus.NewRegistry()
		if _, err := client(t, l, func(o *Options) { o.Registerer = registry }).Calls(t.Context(), 0, 1, 1); err != nil {
			t.Fatal(err)
		}
		wantRequests(t, registry, map[string]float64{limited: 1, refused: 2, unanswered: 1, succeeded: 1})
	})
}

// wantRequests compares the metric; what is not wanted is 0.
func wantRequests(t *testing.T, registry *prometheus.Registry, want map[string]float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range families[0].GetMetric() {
		result := m.GetLabel()[0].GetValue()
		if got := m.GetCounter().GetValue(); got != want[result] {
			t.Errorf("%v requests ended %s, want %v", got, result, want[result])
		}
	}
}

func TestStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		l := &line{answer: func(_ int, w http.ResponseWriter) error { w.WriteHeader(429); return nil }}
		if _, err := client(t, l).Calls(ctx, 0, 1, 1); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 11*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// TestOneCall: ids are read from their digits, and an unknown call is told as such.
func TestOneCall(t *testing.T) {
	sim := aircallsim.New(aircallsim.Options{ID: "key", Token: token})
	call := traffic.New(traffic.Options{Seed: 3, FirstID: 9007199254740993}).CallOf(traffic.Voicemail)
	sim.Add(call)
	c := client(t, sim.Client().Transport)
	got, err := c.Call(t.Context(), call.ID)
	if err != nil || !strings.HasPrefix(string(got), `{"id":9007199254740993,`) || !strings.Contains(string(got), `"contact":`) {
		t.Errorf("%v: %s", err, got)
	}
	if _, err := c.Call(t.Context(), 1); !errors.Is(err, ErrUnknownCall) {
		t.Errorf("an unknown call: %v", err)
	}
	users, err := c.List(t.Context(), "users")
	if err != nil || len(users) != 12 {
		t.Errorf("%d users, %v", len(users), err)
	}
}
