package sfsink

import (
	"testing"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
)

// walk is a pace with a clock and a counter of requests.
type walk struct {
	*pace
	clock time.Time
	spent int64
	short bool
}

func newWalk(allowed int, most time.Duration) *walk {
	w := &walk{clock: time.Unix(t0, 0)}
	w.pace = &pace{
		usage: func() (salesforce.Usage, bool) { return salesforce.Usage{Allowed: allowed}, allowed > 0 },
		sent:  func() int64 { return w.spent }, short: func() bool { return w.short },
		now: func() time.Time { return w.clock }, most: most,
	}
	return w
}

// day is how many requests so many lanes spend in ten hours, of which each turn takes two.
func (w *walk) day(lanes int) int64 {
	end := w.clock.Add(paceOver)
	free := make([]time.Time, lanes)
	for w.clock.Before(end) {
		for i := range free {
			if !w.clock.Before(free[i]) {
				w.spent += 2
				free[i] = w.clock.Add(w.linger())
			}
		}
		w.clock = w.clock.Add(time.Second)
	}
	return w.spent
}

// TestPaceOfADay: however busy, ten hours take about a fortieth of the allocation.
func TestPaceOfADay(t *testing.T) {
	for _, lanes := range []int{1, 2, 8} {
		if spent := newWalk(100_000, time.Hour).day(lanes); spent < 2300 || spent > 2600 {
			t.Errorf("%d lanes sent %d requests in a day, want 2,500", lanes, spent)
		}
	}
	// The bound goes before it.
	if spent := newWalk(15_000, time.Minute).day(1); spent < 1180 || spent > 1230 {
		t.Errorf("%d requests with a rest of a minute at most, want 1,200", spent)
	}
}

// TestPaceOfABusyHour: where calls come fast they wait for seconds only, and no longer
// than before where they come slowly.
func TestPaceOfABusyHour(t *testing.T) {
	for _, test := range []struct {
		calls          int // that come in a second
		least, longest time.Duration
	}{{1, 20 * time.Second, 40 * time.Second}, {200, time.Second, 5 * time.Second}} {
		w := newWalk(100_000, time.Hour)
		var rest time.Duration
		for end := w.clock.Add(paceOver / 2); w.clock.Before(end); {
			w.spent += turnsWorth
			rest = w.linger()
			passed := max(rest, time.Second)
			w.came(int(passed.Seconds()*float64(test.calls)), 0)
			w.clock = w.clock.Add(passed)
		}
		if rest < test.least || rest > test.longest {
			t.Errorf("with %d calls a second a lane rests for %s, want %s to %s", test.calls, rest, test.least, test.longest)
		}
	}
}

func TestPaceInAQuietHour(t *testing.T) {
	w := newWalk(100_000, time.Minute)
	for range 60 {
		w.spent += 2
		if d := w.linger(); d != 0 {
			t.Fatalf("a turn a minute rests for %s", d)
		}
		w.clock = w.clock.Add(time.Minute)
	}
}

// TestPaceOfARebuild: rewrites are not saved on elsewhere, and do not wait.
func TestPaceOfARebuild(t *testing.T) {
	w := newWalk(100_000, time.Hour)
	w.linger()
	w.spent += 62
	if d := w.linger(); d == 0 {
		t.Fatal("nothing is left, and a lane does not rest")
	}
	for range 100 {
		w.spent += 10
		w.came(0, 500)
		if d := w.linger(); d != 0 {
			t.Fatalf("a lane rests for %s in the midst of a rebuild", d)
		}
		w.clock = w.clock.Add(time.Second)
	}
	w.clock = w.clock.Add(time.Minute)
	if d := w.linger(); d > time.Minute {
		t.Errorf("after a rebuild a lane rests for %s", d)
	}
}

func TestPaceForgetsABacklog(t *testing.T) {
	w := newWalk(100_000, time.Hour)
	w.linger()
	w.spent += 100_000
	if d := w.linger(); d < 10*time.Minute || d > 20*time.Minute {
		t.Errorf("after a backlog a lane rests for %s, want about %s", d, paceKeeps)
	}
	if got := w.lingers(); got != w.newest.Seconds() || got == 0 {
		t.Errorf("the metric says %v", got)
	}
}

func TestPaceWhenRequestsAreShort(t *testing.T) {
	w := newWalk(100_000, time.Minute)
	w.short = true
	if d := w.linger(); d != time.Minute {
		t.Errorf("rests for %s", d)
	}
	if d := newWalk(0, time.Minute).linger(); d != 0 {
		t.Errorf("rests for %s before Salesforce has said anything", d)
	}
	if d := newWalk(100_000, 0).day(1); d != 2*36_000 {
		t.Errorf("rests although it must not: %d requests", d)
	}
}
