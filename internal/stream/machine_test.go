//go:build synctests

package stream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestRandomSchedules plays random schedules of input, starts, stops, kills,
// rebalances, lost networks and lost disks, broker faults and lost leaders. After
// each, everything is healed, and what the stage wrote must be what a slow fold of
// the raw topic makes of it; see check.
//
//	go test -tags synctests ./internal/stream -run RandomSchedules -rapid.checks 5000
//
// plays more of them; a failure prints the smallest schedule that was found, and
// the seed. A schedule fixes what happens at which virtual time, but not in which
// order goroutines run, so a failure may need several tries to come again.
func TestRandomSchedules(t *testing.T) {
	dir := t.TempDir()
	plays := 0
	rapid.Check(t, func(rt *rapid.T) {
		s := scheduleGen.Draw(rt, "schedule")
		plays++
		here := filepath.Join(dir, fmt.Sprint(plays))
		defer os.RemoveAll(here)
		if failures := s.play(t, here); len(failures) > 0 {
			rt.Fatalf("%s", strings.Join(failures, "\n"))
		}
	})
}

// play runs a schedule in a bubble of its own and returns what was wrong.
func (s schedule) play(t *testing.T, dir string) []string {
	failed := &recorder{TB: t}
	// A schedule takes some tens of milliseconds, and seconds on a busy machine under
	// the race detector. One that spins without time going on can only be ended with
	// the process.
	watchdog := time.AfterFunc(3*time.Minute, func() {
		debug.SetTraceback("all")
		panic(fmt.Sprintf("this schedule does not end:\n%s", s))
	})
	defer watchdog.Stop()
	synctest.Test(t, func(*testing.T) {
		defer func() {
			if p := recover(); p != nil && p != any(errStopped) {
				failed.Errorf("%v\n%s", p, debug.Stack())
			}
		}()
		withWorld(failed, func(w *world) {
			m := &machine{world: w, schedule: s, dir: dir, places: map[string]*place{}, named: map[string][]*stage{}}
			for _, a := range s.actions {
				m.do(a)
			}
			whole := m.heal()
			if !whole {
				t.Logf("the broker forgot a partition of its group: what is left of it is not asked for in\n%s", s)
			}
			m.checkAll(whole)
		})
	})
	return failed.failures
}

// recorder takes failures instead of the test, which rapid wants to try again with
// smaller schedules.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

var errStopped = errors.New("the test cannot go on")

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Error(args ...any) { r.Errorf("%s", fmt.Sprint(args...)) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(errStopped)
}

func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }
