package sfsink

import (
	"math"
	"testing"
	"time"

	"github.com/callfold/callfold/schemas"
)

// TestReserveIsLeftAlone: two hours without room. The sink pauses, rejects nothing,
// does not touch the reserve, and goes on by itself.
func TestReserveIsLeftAlone(t *testing.T) {
	b := newBench(t, func(o *Options) { o.APIReserve = 0.2 })
	b.sim.SetDailyLimit(1000)
	b.sim.SetUsage(600)
	call := int64(0)
	for call < 500 {
		call++
		b.missed(call, curieNumber)
		if b.try() != nil {
			break
		}
		b.later(time.Minute)
	}
	if call == 1 || call == 500 {
		t.Fatalf("the sink paused at call %d", call)
	}
	for range 2 * 60 * 4 {
		b.later(15 * time.Second)
		if reason := b.stoppedBy(); reason != string(classThrottle) {
			t.Fatalf("stopped by %s", reason)
		}
	}
	if u, _ := b.sink.client.Usage(); u.Used > 800 {
		t.Errorf("%d requests were used, 800 is the share", u.Used)
	}
	if len(b.table.rejected) > 0 || len(b.pending) != 1 {
		t.Errorf("%d rejected, %d pending", len(b.table.rejected), len(b.pending))
	}
	b.sim.SetUsage(0)
	b.later(probeEvery)
	b.turn()
	b.outcome(call, schemas.Created)
}

// TestForecast: the share lasts as long as the use of the last hour says.
func TestForecast(t *testing.T) {
	b := newBench(t, func(o *Options) { o.APIReserve = 0.2 })
	g := b.sink.governor
	if s := g.exhaustion(); !math.IsInf(s, 1) {
		t.Errorf("before the first answer: %v s", s)
	}
	b.sim.SetDailyLimit(100_000)
	for i := range 3 {
		b.sim.SetUsage(10_000 + 3600*i)
		b.missed(int64(i+1), curieNumber)
		b.turn()
		b.later(30 * time.Minute)
	}
	// 2 requests a second, until 79,800.
	if s, want := g.exhaustion(), float64(79_800-17_200)/(7200.0/5400); math.Abs(s-want)/want > 0.02 {
		t.Errorf("%.0f s, want about %.0f", s, want)
	}
}
