package observe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callfold/callfold/internal/settings"
)

func TestLogger(t *testing.T) {
	for _, test := range []struct {
		log  settings.Log
		want string
	}{
		{settings.Log{Level: "info", Format: "json"}, `"level":"INFO","msg":"hello"`},
		{settings.Log{Level: "debug", Format: "text"}, `level=INFO msg=hello`},
		{settings.Log{Level: "warn", Format: "text"}, ``},
	} {
		var out bytes.Buffer
		logger, err := NewLogger(test.log, &out)
		if err != nil {
			t.Fatal(err)
		}
		logger.Info("hello")
		if got := out.String(); !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%v wrote %q, want %q", test.log, got, test.want)
		}
	}
	for _, log := range []settings.Log{{Level: "trace", Format: "json"}, {Level: "info", Format: "xml"}} {
		if _, err := NewLogger(log, io.Discard); err == nil {
			t.Errorf("%v is taken", log)
		}
	}
}

func TestDigits(t *testing.T) {
	for number, want := range map[string]string{
		"+33 1 23 45 67 90": "…90", "18882406923": "…23", "(415) 555-1212": "…12", "1234": "…34",
		"112": "…", "90": "…", "anonymous": "…", "": "…", "+1 (555) 0190 (1)": "…01",
	} {
		if got := Digits(number); got != want {
			t.Errorf("%q shows as %q, want %q", number, got, want)
		}
	}
}

// get is the status and body of the handler's answer.
func get(h http.Handler, method, path string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Code, w.Body.String()
}

func TestReadiness(t *testing.T) {
	health := NewHealth("kafka", "table")
	registry := Registry()
	registry.MustRegister(health)
	h := AdminHandler(health, registry)
	step := func(wantCode int, wantBody string) {
		t.Helper()
		if code, body := get(h, "GET", "/readyz"); code != wantCode || body != wantBody {
			t.Errorf("/readyz gives %d %q, want %d %q", code, body, wantCode, wantBody)
		}
		if code, _ := get(h, "GET", "/healthz"); code != 200 {
			t.Errorf("/healthz gives %d", code)
		}
		want := map[int]string{200: "\ncallfold_ready 1\n", 503: "\ncallfold_ready 0\n"}[wantCode]
		if _, metrics := get(h, "GET", "/metrics"); !strings.Contains(metrics, want) {
			t.Errorf("/metrics does not say %q", want)
		}
	}
	step(503, "kafka: not ready: starting\ntable: not ready: starting\n")
	health.Ready("kafka")
	health.NotReady("table", "restoring partition 3")
	step(503, "kafka: ready\ntable: not ready: restoring partition 3\n")
	health.Ready("table")
	step(200, "kafka: ready\ntable: ready\n")
	health.NotReady("salesforce", "")
	step(503, "kafka: ready\ntable: ready\nsalesforce: not ready: not ready\n")

	if code, _ := get(AdminHandler(NewHealth(), Registry()), "GET", "/readyz"); code != 503 {
		t.Errorf("without any component /readyz gives %d", code)
	}
	if code, _ := get(h, "POST", "/readyz"); code != 405 {
		t.Errorf("POST gives %d", code)
	}
}

// TestAlive: /healthz asks each loop, and names those that hang.
func TestAlive(t *testing.T) {
	health := NewHealth("kafka") // which is not ready, and that is not its business
	h := AdminHandler(health, Registry())
	registry := Registry()
	registry.MustRegister(health)
	step := func(wantCode int, wantBody string) {
		t.Helper()
		if code, body := get(h, "GET", "/healthz"); code != wantCode || body != wantBody {
			t.Errorf("/healthz gives %d %q, want %d %q", code, body, wantCode, wantBody)
		}
	}
	step(200, "alive\n")
	var hung error
	health.Watch("processor", func() error { return hung })
	health.Watch("sink", func() error { return nil })
	step(200, "processor: alive\nsink: alive\n")
	hung = errors.New("lane 1 has not turned for 20m0s")
	step(503, "processor: hangs: lane 1 has not turned for 20m0s\nsink: alive\n")
	hung = nil
	step(200, "processor: alive\nsink: alive\n")
}

func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pulse
		still := func(want time.Duration) {
			t.Helper()
			time.Sleep(time.Minute) // virtual
			if got := p.Still(); got != want {
				t.Errorf("still for %s, want %s", got, want)
			}
		}
		still(0)
		p.Beat()
		still(time.Minute)
		still(2 * time.Minute)
		p.Beat()
		still(time.Minute)
		p.Stop()
		still(0)
	})
}

func TestSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Seldom
		happened := 0
		for range 10 * 60 {
			if s.Now() {
				happened++
			}
			time.Sleep(time.Second) // virtual
		}
		if happened != 10 {
			t.Errorf("it happened %d times in ten minutes", happened)
		}
		if s.Now(); s.Now() {
			t.Error("it happens twice at once")
		}
		if s.Reset(); !s.Now() {
			t.Error("it does not happen after a reset")
		}
	})
}

func TestMetrics(t *testing.T) {
	code, body := get(AdminHandler(NewHealth(), Registry()), "GET", "/metrics")
	for _, name := range []string{"go_goroutines ", "process_start_time_seconds ", "go_build_info{"} {
		if code != 200 || !strings.Contains(body, "\n"+name) {
			t.Errorf("/metrics gives %d without %s", code, name)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	err = ServeAdmin(t.Context(), addr, NewHealth(), Registry(), slog.New(slog.DiscardHandler))
	want := "the address " + addr + " is in use by another program; stop that program or choose another address with admin.listen in the settings: "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if ListenError(nil, addr, "--listen") != nil {
		t.Error("no error became one")
	}
	if _, err := Listen(t.Context(), "192.0.2.1:80", "--listen"); err == nil || !strings.Contains(err.Error(), "does not belong to this machine; choose another with --listen") {
		t.Errorf("got %v", err)
	}
}

// TestServeFinishesRequests stops the server while a request is in flight,
// which still gets its answer.
func TestServeFinishesRequests(t *testing.T) {
	listener, err := Listen(t.Context(), "127.0.0.1:0", "--listen")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	arrived, release := make(chan struct{}), make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(w, "done")
	})}
	shutdown := make(chan struct{})
	server.RegisterOnShutdown(func() { close(shutdown) })
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, server, listener) }()
	answer := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		answer <- string(body)
	}()
	<-arrived
	cancel()
	<-shutdown
	close(release)
	if got := <-answer; got != "done" {
		t.Errorf("the request in flight got %q", got)
	}
	if err := <-served; err != nil {
		t.Errorf("stopping gave %v", err)
	}
}

func TestServeFails(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := Serve(t.Context(), &http.Server{}, listener); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want the listener's error", err)
	}
}
