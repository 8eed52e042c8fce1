package sfsink

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// The oldest unwritten call is shown also where it waits by itself.
func TestOldestParkedCall(t *testing.T) {
	registry := prometheus.NewRegistry()
	b := newBench(t, func(o *Options) { o.Registerer = registry })
	shows := func(when string, want time.Duration) {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		wanted := map[string]float64{"callfold_sink_oldest_unwritten_seconds": want.Seconds(), "callfold_sink_parked_calls": 0}
		if want > 0 {
			wanted["callfold_sink_parked_calls"] = 1
		}
		for _, f := range families {
			if w, ok := wanted[f.GetName()]; ok {
				delete(wanted, f.GetName())
				if got := f.GetMetric()[0].GetGauge().GetValue(); got != w {
					t.Errorf("%s %s is %v, want %v", when, f.GetName(), got, w)
				}
			}
		}
		if len(wanted) > 0 {
			t.Fatalf("missing: %v", wanted)
		}
	}
	b.missed(1, curieNumber)
	b.missed(2, curieNumber)
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW", Times: 2})
	b.turn()
	b.tagged(1, 25, "Old") // takes the parking place
	b.later(time.Second)
	b.turn()
	b.later(time.Minute - time.Second)
	shows("after a minute", time.Minute)
	b.tagged(1, 30, "Sale")
	b.turn() // refused again
	b.outcome(1, schemas.Retrying)
	b.later(time.Minute)
	shows("after a newer state", 2*time.Minute)

	// While writing is stopped it waits on, and a restart forgets no time.
	b.since = b.clock.Add(-time.Hour)
	b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Status: 503, Times: 3 * requestTries})
	for range 2 {
		if b.try() == nil {
			t.Fatal("an outage went unnoticed")
		}
		b.later(forgetPause - time.Minute)
	}
	shows("during an outage", 20*time.Minute)
	registry = prometheus.NewRegistry()
	b.sink = b.newSink(func(o *Options) { o.Registerer = registry })
	shows("after a start", 0)
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW"})
	if b.try() == nil {
		t.Fatal("an outage went unnoticed")
	}
	b.turn()
	b.outcome(1, schemas.Retrying)
	shows("after the next try", 20*time.Minute)

	// In the hands of another process it is not for this one to show.
	b.later(time.Hour)
	shows("when nobody tries it here", 0)
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW"})
	b.turn()
	shows("when it has come back", 80*time.Minute)
	b.later(time.Minute)
	b.turn()
	b.outcome(1, schemas.Created)
	shows("when it is written", 0)
}

func TestMostParked(t *testing.T) {
	now := time.Unix(t0, 0)
	p := parked{now: func() time.Time { return now }, by: map[string]waiting{}}
	for i := range mostParked + 10 {
		at := now.Add(time.Duration(i) * time.Second).UnixMilli()
		p.outcome(string(rune(i)), &schemas.Outcome{Result: schemas.Retrying, Since: at, NextAttempt: at})
	}
	if len(p.by) != mostParked {
		t.Errorf("%d calls are remembered, want %d", len(p.by), mostParked)
	}
}
