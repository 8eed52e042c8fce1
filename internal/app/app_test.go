package app

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/stream"
)

// The engine documents timeouts that fit each stage, and the settings have them
// as their defaults: they are written twice, and must be the same.
func TestDefaultTimeoutsAreThoseOfTheEngine(t *testing.T) {
	s := settings.Default()
	if got := stream.Timeouts(s.Processor.Timeouts); got != stream.QuickTimeouts {
		t.Errorf("processor: %v, the engine's are %v", got, stream.QuickTimeouts)
	}
	if got := stream.Timeouts(s.Sink.Timeouts); got != stream.PatientTimeouts {
		t.Errorf("sink: %v, the engine's are %v", got, stream.PatientTimeouts)
	}
}

// TestHealthzAsksTheStages: the loops of all stages are asked whether they turn.
func TestHealthzAsksTheStages(t *testing.T) {
	s := settings.Default()
	s.Processor.StateDir, s.Sink.StateDir, s.Ingest.Tokens = t.TempDir(), t.TempDir(), []settings.Secret{"token"}
	s.Salesforce.Auth.Flow, s.Salesforce.Auth.ClientSecret = "client_credentials", "secret"
	a := New(s, slog.New(slog.DiscardHandler))
	for _, stage := range []func() (interface{ Run(context.Context) error }, error){
		func() (interface{ Run(context.Context) error }, error) { return a.Ingest() },
		func() (interface{ Run(context.Context) error }, error) { return a.Processor() },
		func() (interface{ Run(context.Context) error }, error) { return a.Sink() },
	} {
		made, err := stage()
		if err != nil {
			t.Fatal(err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		defer func() {
			if err := made.Run(ended); err != nil {
				t.Error(err)
			}
		}()
	}
	w := httptest.NewRecorder()
	observe.AdminHandler(a.Health, a.Registry).ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	if want := "ingest: alive\nprocessor: alive\nsink: alive\n"; w.Code != 200 || w.Body.String() != want {
		t.Errorf("/healthz gives %d %q, want %q", w.Code, w.Body, want)
	}
}

func TestLanes(t *testing.T) {
	s := settings.Default()
	s.Kafka.Partitions = 1
	a := New(s, slog.New(slog.DiscardHandler))
	for _, test := range []struct{ setting, fewest, want int }{
		{3, 1, 3}, // as the setting says, also beyond the partitions
		{0, 1, 1}, // no more than partitions
		{0, 2, 2}, // but as many as the stage needs
	} {
		if got := a.lanes(test.setting, test.fewest); got != test.want {
			t.Errorf("lanes(%d, %d) = %d, want %d", test.setting, test.fewest, got, test.want)
		}
	}
	a.Settings.Kafka.Partitions = 10_000
	if got, want := a.lanes(0, 1), runtime.GOMAXPROCS(0); got != want {
		t.Errorf("%d lanes, want one for each of %d cores", got, want)
	}
}
