package app

import (
	"log/slog"
	"runtime"
	"testing"

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
