package capacity

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

// valuesOf are the values of the figures by key.
func valuesOf(t *testing.T, in Input) map[string]float64 {
	t.Helper()
	if err := in.Check(); err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range Plan(in) {
		if _, twice := got[f.Key]; twice {
			t.Errorf("%s comes twice", f.Key)
		}
		got[f.Key] = f.Value
	}
	return got
}

// TestPlan has figures that were computed by hand.
func TestPlan(t *testing.T) {
	for _, test := range []struct {
		in   Input
		want map[string]float64
	}{
		{Input{CallsPerDay: 1_000, BusyHours: 10, Years: 5, ReplicationFactor: 3}, map[string]float64{
			"peak_calls": 1_000.0 / 36_000 * 3, "peak_events": 8 * 1_000.0 / 36_000 * 3, "peak_rows": 2.3 * 1_000.0 / 36_000 * 3,
			"calls": 1_825_000, "partitions": 12,
			"events_year": 365_000 * 3 * 8 * 1_270, "calls_year": 365_000 * 3 * 1_030 * 2, "tasks_year": 365_000 * 3 * 1_270 * 2,
			"topics_disk":      5 * 365_000 * 3 * (8*1_270 + 2*(1_030+1_270)),
			"ingest_processes": 2, "processor_processes": 2, "sink_processes": 2,
			"processor_disk": 1_825_000 * 2_082 * 0.8 * 2 / 2, "sink_disk": 1_825_000 * 3_557 * 0.8 * 2 / 2,
			"allocation": 100_000, "requests_day": 3_500, "requests_share": 0.035,
			"restore_processor": 1_825_000.0 / 2 / 62_000, "restore_sink": 1_825_000.0 / 2 / 24_000,
			"backfill_day": 25, "rebuild_bulk": 1_825_000.0 / 1_066,
		}},
		// The pace of two sinks bounds the requests.
		{Input{CallsPerDay: 20_000, BusyHours: 10, Years: 1, ReplicationFactor: 3, Licences: 50}, map[string]float64{
			"allocation": 150_000, "requests_day": 2 * 0.025 * 150_000, "requests_share": 0.05,
		}},
		// So many calls cost more than the pace.
		{Input{CallsPerDay: 1_000_000, BusyHours: 8, Years: 1, ReplicationFactor: 1, Licences: 1_000}, map[string]float64{
			"allocation": 1_100_000, "requests_day": 8 * 0.025 * 1_100_000 * 0.8, "partitions": 84, "sink_processes": 8, "peak_calls": 1_000_000.0 / 28_800 * 3,
		}},
		{Input{CallsPerDay: 10_000_000, BusyHours: 10, Years: 0.1, ReplicationFactor: 1}, map[string]float64{
			"requests_day": 291_000, "processor_processes": 8, "ingest_processes": 2, "sink_processes": 8,
		}},
		{Input{CallsPerDay: 1e8, BusyHours: 10, Years: 0.01, ReplicationFactor: 1}, map[string]float64{
			"peak_events": 1e8 / 36_000 * 24, "ingest_processes": 7, "processor_processes": 8,
		}},
	} {
		got := valuesOf(t, test.in)
		for key, want := range test.want {
			if math.Abs(got[key]-want) > 1e-9*want {
				t.Errorf("%+v: %s is %v, want %v", test.in, key, got[key], want)
			}
		}
	}
}

// TestFiguresTellWhereTheyAreFrom: each has a source, and is worth as much as its weakest.
func TestFiguresTellWhereTheyAreFrom(t *testing.T) {
	basis := map[string]Basis{}
	for _, f := range Plan(Input{CallsPerDay: 1_000, BusyHours: 10, Years: 5, ReplicationFactor: 3}) {
		basis[f.Key] = f.Basis
		if len(f.From) == 0 {
			t.Errorf("%s has no source", f.Key)
		}
		if f.Name == "" || f.Group == "" || f.Unit == "" || math.IsNaN(f.Value) || math.IsInf(f.Value, 0) || f.Value <= 0 {
			t.Errorf("%+v", f)
		}
	}
	for key, want := range map[string]Basis{
		"calls": Chosen, "partitions": Chosen, "events_year": Measured, "calls_year": Documented, "requests_day": Documented,
		"peak_events": Estimated, "processor_memory": Measured, "sink_memory": Estimated, "restore_sink": Measured,
	} {
		if basis[key] != want {
			t.Errorf("%s is %s, want %s", key, basis[key], want)
		}
	}
}

// TestMoreCallsNeedNoLess: of what all processes need together nothing shrinks when there
// are more calls, but the time that a journal lasts.
func TestMoreCallsNeedNoLess(t *testing.T) {
	before := map[string]float64{}
	for calls := 1.0; calls <= 1e8; calls *= 3 {
		got := valuesOf(t, Input{CallsPerDay: calls, BusyHours: 10, Years: 3, ReplicationFactor: 3, Licences: 100})
		for key, value := range got {
			// What a process has of it is less where there are more of them.
			shrinks := slices.Contains([]string{"journal_seconds", "restore_processor", "restore_sink", "processor_disk", "sink_disk"}, key)
			if value < before[key] && !shrinks {
				t.Errorf("%v calls a day: %s is %v, was %v with fewer", calls, key, value, before[key])
			}
		}
		before = got
	}
}

func TestCheck(t *testing.T) {
	sound := Input{CallsPerDay: 1_000, BusyHours: 10, Years: 5, ReplicationFactor: 3}
	for want, harm := range map[string]func(*Input){
		"calls a day":        func(in *Input) { in.CallsPerDay = 0 },
		"100,000,000":        func(in *Input) { in.CallsPerDay = 2e8 },
		"busy hours":         func(in *Input) { in.BusyHours = 25 },
		"years":              func(in *Input) { in.Years = math.NaN() },
		"replication factor": func(in *Input) { in.ReplicationFactor = 0 },
		"licences":           func(in *Input) { in.Licences = -1 },
	} {
		in := sound
		harm(&in)
		if err := in.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", in, err)
		}
	}
	if err := sound.Check(); err != nil {
		t.Error(err)
	}
}

// TestGeneratedCallsAreAsMeasured: what the figures rest on is still what the generator
// makes.
func TestGeneratedCallsAreAsMeasured(t *testing.T) {
	const calls = 300
	g := traffic.New(traffic.Options{Seed: 1})
	events, records := 0, 0
	for range calls {
		var record schemas.CallRecord
		for i, d := range g.Call().Events {
			event, err := schemas.ParseEvent(d.Body)
			if err != nil {
				t.Fatal(err)
			}
			record = schemas.Fold(record, event, int64(i))
			events++
		}
		value, err := schemas.Calls.Encode(record)
		if err != nil {
			t.Fatal(err)
		}
		records += len(value)
	}
	for what, got := range map[string]struct{ got, want float64 }{
		"events a call, a tenth twice": {1.1 * float64(events) / calls, eventsPerCall.Value},
		"bytes of a record":            {float64(records) / calls, callBytes.Value},
	} {
		if off := got.got / got.want; off < 0.8 || off > 1.2 {
			t.Errorf("%s: %.0f, measured %.0f", what, got.got, got.want)
		}
	}
}
