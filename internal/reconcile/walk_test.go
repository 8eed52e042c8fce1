package reconcile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

// stroll is a walk over calls and Tasks of which the test says what they are like.
type stroll struct {
	*testing.T
	walk     *Walk
	registry *prometheus.Registry
	logged   bytes.Buffer

	calls   []sfsink.Known
	deviate map[int64]sfsink.Deviation
	problem error     // of the next look
	looks   [][]int64 // at which calls
	sent    []command.Command
	after   func()         // each look
	removed map[int64]bool // calls whose state was taken away
	asked   []int64        // which calls the log still has

	keys    []string // external ids of Tasks
	pages   []string // behind which keys they were asked for
	unknown map[string]bool
	trouble error // of the next look for them
	none    bool  // no partition is owned yet
}

// strolling runs a walk for so long, in a bubble of virtual time.
func strolling(t *testing.T, p Policy, calls int, d time.Duration, prepare func(s *stroll)) *stroll {
	return strollingFrom(t, t.TempDir(), p, calls, d, prepare)
}

func strollingFrom(t *testing.T, dir string, p Policy, calls int, d time.Duration, prepare func(s *stroll)) (s *stroll) {
	synctest.Test(t, func(bubble *testing.T) {
		s = &stroll{T: t, registry: prometheus.NewRegistry(), deviate: map[int64]sfsink.Deviation{}, unknown: map[string]bool{}, after: func() {}}
		for id := range int64(calls) {
			k := sfsink.Known{Outcome: schemas.Outcome{CallID: id + 1, Result: schemas.Created, DecidedAt: 7}}
			k.Record.State.ID = id + 1
			s.calls = append(s.calls, k)
			s.keys = append(s.keys, fmt.Sprintf("%09d", id+1))
		}
		s.walk = NewWalk(WalkOptions{Policy: p, Log: s, Tasks: s, Dir: dir, Logger: slog.New(slog.NewTextHandler(&s.logged, nil)), Registerer: s.registry})
		prepare(s)
		ctx, cancel := context.WithTimeout(bubble.Context(), d)
		defer cancel()
		s.walk.Run(ctx)
	})
	return s
}

func (s *stroll) Owns() (bool, error) { return !s.none, nil }

func (s *stroll) Known(_ context.Context, from Place, most int) ([]sfsink.Known, Place, bool, error) {
	to := min(len(s.calls), int(from.Offset)+most)
	return slices.Clone(s.calls[from.Offset:to]), Place{Offset: int64(to)}, to == len(s.calls), nil
}

func (s *stroll) Still(_ context.Context, calls []sfsink.Known) (same []sfsink.Known, err error) {
	for _, k := range calls {
		if now := s.calls[k.Outcome.CallID-1]; now.Outcome.DecidedAt == k.Outcome.DecidedAt {
			same = append(same, now)
		}
	}
	return same, nil
}

func (s *stroll) Kept(_ context.Context, calls []sfsink.Known) (map[int64]bool, error) {
	kept := map[int64]bool{}
	for _, k := range calls {
		s.asked = append(s.asked, k.Outcome.CallID)
		kept[k.Outcome.CallID] = !s.removed[k.Outcome.CallID]
	}
	return kept, nil
}

func (s *stroll) Unknown(_ context.Context, keys []string) (unknown []string, err error) {
	for _, key := range keys {
		if s.unknown[key] {
			unknown = append(unknown, key)
		}
	}
	err, s.trouble = s.trouble, nil
	return unknown, err
}

func (s *stroll) Send(_ context.Context, commands []command.Command, order command.Order) error {
	s.sent = append(s.sent, commands...)
	return order.Check()
}

func (s *stroll) Deviations(_ context.Context, calls []sfsink.Known) (found []sfsink.Deviation, err error) {
	var ids []int64
	for _, k := range calls {
		ids = append(ids, k.Outcome.CallID)
		if d, ok := s.deviate[k.Outcome.CallID]; ok {
			d.Known = k
			found = append(found, d)
		}
	}
	s.looks = append(s.looks, ids)
	err, s.problem = s.problem, nil
	s.after()
	return found, err
}

// Keys has pages of 500.
func (s *stroll) Keys(_ context.Context, after string) (keys []string, more bool, err error) {
	s.pages = append(s.pages, after)
	from, there := slices.BinarySearch(s.keys, after)
	if there {
		from++
	}
	to := min(len(s.keys), from+500)
	return s.keys[from:to], to < len(s.keys), nil
}

// counted is what a metric of the walk counts; all of it where the kind is empty.
func (s *stroll) counted(what string, kind Kind) (n float64) {
	families, err := s.registry.Gather()
	if err != nil {
		s.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "callfold_sink_reconcile_"+what+"_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if kind == "" || m.GetLabel()[0].GetValue() == string(kind) {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// TestWalkGoesOnAndOn looks at 1,200 calls in three looks, and then again after hours;
// and so at the Tasks of as many.
func TestWalkGoesOnAndOn(t *testing.T) {
	s := strolling(t, Report, 1200, (looksARound+4)*lookEvery+time.Second, func(*stroll) {})
	var sizes []int
	for _, look := range s.looks {
		sizes = append(sizes, len(look))
	}
	if fmt.Sprint(sizes) != "[500 500 200 500 500 200]" {
		t.Errorf("looked at %v calls", sizes)
	}
	if fmt.Sprintf("%q", s.pages) != `["" "000000500" "000001000" "" "000000500" "000001000"]` {
		t.Errorf("looked for Tasks behind %q", s.pages)
	}
	if calls, tasks := s.counted("calls", ""), s.counted("tasks", ""); calls != 2400 || tasks != 2400 || len(s.sent) > 0 {
		t.Errorf("%v calls and %v Tasks are counted; %d were sent", calls, tasks, len(s.sent))
	}
}

// TestWalkOfNothing: an org without a Task is asked once in a round, and not before
// there is a partition whose calls one could know.
func TestWalkOfNothing(t *testing.T) {
	for none, want := range map[bool]int{false: 2, true: 0} {
		s := strolling(t, Report, 0, (looksARound+2)*lookEvery+time.Second, func(s *stroll) { s.none = none })
		if len(s.pages) != want {
			t.Errorf("asked %d times, want %d", len(s.pages), want)
		}
	}
}

// TestWalkMends has a deleted, an edited, an emptied, a doubled and a missing Task.
func TestWalkMends(t *testing.T) {
	for policy, want := range map[Policy][]int64{Report: nil, Fill: {3, 5, 7}, Overwrite: {3, 4, 5, 7}} {
		s := strolling(t, policy, 9, time.Hour, func(s *stroll) {
			s.deviate[3] = sfsink.Deviation{Empty: true, Lost: true}
			s.deviate[4] = sfsink.Deviation{TaskIDs: []string{"a"}, Fields: []string{"Subject"}}
			s.deviate[5] = sfsink.Deviation{TaskIDs: []string{"a"}, Fields: []string{"CallType"}, Empty: true}
			s.deviate[6] = sfsink.Deviation{TaskIDs: []string{"a", "b"}, Empty: true}
			s.deviate[7] = sfsink.Deviation{Empty: true}
			s.calls[2].Outcome.Obeyed.Rewrite.Time = 77
		})
		var sent []int64
		for _, c := range s.sent {
			sent = append(sent, c.CallID)
			if c.Event != schemas.EventRewrite || c.StateHash != s.calls[c.CallID-1].Record.State.Hash() || c.CallID == 3 && c.After != 77 {
				t.Errorf("%s: command %+v", policy, c)
			}
		}
		if !slices.Equal(sent, want) {
			t.Errorf("%s: %v were sent, want %v", policy, sent, want)
		}
		if fmt.Sprint(s.looks) != "[[1 2 3 4 5 6 7 8 9] [3 4 5 6 7]]" {
			t.Errorf("%s: looked at %v", policy, s.looks)
		}
		for kind, n := range map[Kind]float64{Missing: 1, Deleted: 1, Edited: 2, Duplicated: 1, Orphaned: 0} {
			if got := s.counted("found", kind); got != n {
				t.Errorf("%s: %v are %s", policy, got, kind)
			}
		}
		if got := s.counted("rewritten", Edited); got != map[Policy]float64{Report: 0, Fill: 1, Overwrite: 2}[policy] {
			t.Errorf("%s: %v edited ones are rewritten", policy, got)
		}
		if log := s.logged.String(); !strings.Contains(log, "missing=1 deleted=1 edited=2 duplicated=1") {
			t.Errorf("%s: the log says %s", policy, log)
		}
	}
}

// TestWalkLeavesOutWhatTheLogLost: the extra state of a call was taken away, and a person
// deletes the Task that it had.
func TestWalkLeavesOutWhatTheLogLost(t *testing.T) {
	for policy, want := range map[Policy][]int64{Report: nil, Fill: {3, 5}, Overwrite: {3, 4, 5}} {
		s := strolling(t, policy, 9, time.Hour, func(s *stroll) {
			s.deviate = map[int64]sfsink.Deviation{3: {Empty: true, Lost: true}, 4: {TaskIDs: []string{"a"}}, 5: {Empty: true}}
			s.removed = map[int64]bool{3: true}
		})
		if !slices.Equal(s.asked, want) {
			t.Errorf("%s: the log was asked for %v, want %v", policy, s.asked, want)
		}
		if policy != Report && (len(s.sent) != len(want)-1 || s.counted("found", Deleted)+s.counted("rewritten", Deleted) > 0) {
			t.Errorf("%s: sent %+v", policy, s.sent)
		}
	}
}

// TestWalkTriesARejectedCallOnce: one that was refused after a rewrite of its own is
// left, but not one that an operator had rewritten.
func TestWalkTriesARejectedCallOnce(t *testing.T) {
	s := strolling(t, Fill, 3, time.Hour, func(s *stroll) {
		for id := range int64(3) {
			s.deviate[id+1] = sfsink.Deviation{Empty: true}
			s.calls[id].Outcome.Result = schemas.Rejected
		}
		s.calls[1].Record.State.Rewrite.Value.Who = "ann"
		s.calls[2].Record.State.Rewrite.Value.Who = who
	})
	if len(s.sent) != 2 || s.sent[0].CallID != 1 || s.sent[1].CallID != 2 {
		t.Errorf("sent %+v", s.sent)
	}
	if found, mended := s.counted("found", Missing), s.counted("rewritten", Missing); found != 3 || mended != 2 {
		t.Errorf("%v are missing, %v are rewritten", found, mended)
	}
}

// TestWalkFindsOrphans counts them, and leaves them alone.
func TestWalkFindsOrphans(t *testing.T) {
	s := strolling(t, Overwrite, 1200, 3*lookEvery+time.Second, func(s *stroll) {
		s.unknown = map[string]bool{"000000007": true, "000000600": true, "000000601": true}
	})
	if got := s.counted("found", Orphaned); got != 3 || len(s.sent) > 0 {
		t.Errorf("%v orphans, and %d rewrites were sent", got, len(s.sent))
	}
	if log := s.logged.String(); !strings.Contains(log, "orphaned=1") || !strings.Contains(log, "orphaned=2") {
		t.Errorf("the log says %s", log)
	}
}

// TestWalkLeavesOutWhatMoves: the sink wrote one call meanwhile, and Salesforce had not
// yet shown what the sink wrote to another.
func TestWalkLeavesOutWhatMoves(t *testing.T) {
	s := strolling(t, Overwrite, 9, time.Hour, func(s *stroll) {
		s.deviate = map[int64]sfsink.Deviation{3: {Empty: true}, 4: {Empty: true}, 5: {Empty: true}}
		s.after = func() {
			s.calls[2].Outcome.DecidedAt++
			delete(s.deviate, 4)
		}
	})
	if len(s.sent) != 1 || s.sent[0].CallID != 5 {
		t.Errorf("sent %+v", s.sent)
	}
}

func TestWalkTriesAgain(t *testing.T) {
	for problem, level := range map[error]string{sfsink.ErrShort: "INFO", errors.New("no connection"): "WARN"} {
		s := strolling(t, Report, 9, time.Hour, func(s *stroll) { s.problem = problem })
		if len(s.looks) != 2 || !slices.Equal(s.looks[0], s.looks[1]) || !strings.Contains(s.logged.String(), "level="+level) {
			t.Errorf("%v: looked at %v; the log says %s", problem, s.looks, s.logged.String())
		}
	}
	for problem, level := range map[error]string{ErrBehind: "INFO", stream.ErrNotOwned: "INFO", errors.New("no connection"): "WARN"} {
		s := strolling(t, Report, 600, 3*lookEvery+time.Second, func(s *stroll) { s.trouble = problem })
		if fmt.Sprintf("%q", s.pages) != `["" "" "000000500"]` || !strings.Contains(s.logged.String(), "level="+level) {
			t.Errorf("%v: looked for Tasks behind %q; the log says %s", problem, s.pages, s.logged.String())
		}
	}
}

// TestWalkGoesOnAfterARestart begins where the process before ended.
func TestWalkGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	seen := map[int64]int{}
	var pages []string
	for range 3 {
		s := strollingFrom(t, dir, Report, 1500, lookEvery+time.Second, func(*stroll) {})
		for _, id := range slices.Concat(s.looks...) {
			seen[id]++
		}
		pages = append(pages, s.pages...)
	}
	if len(seen) != 1500 || slices.Max(slices.Collect(maps.Values(seen))) != 1 {
		t.Errorf("looked at %d calls", len(seen))
	}
	if fmt.Sprintf("%q", pages) != `["" "000000500" "000001000"]` {
		t.Errorf("looked for Tasks behind %q", pages)
	}
}
