package reconcile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
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

// stroll is a walk over outcomes of which the test says what their Tasks are like.
type stroll struct {
	*testing.T
	walk     *Walk
	registry *prometheus.Registry
	logged   bytes.Buffer

	outcomes []schemas.Outcome
	deviate  map[int64]sfsink.Deviation
	problem  error     // of the next look
	looks    [][]int64 // at which calls
	sent     []command.Command
	after    func() // each look
}

// strolling runs a walk for so long, in a bubble of virtual time.
func strolling(t *testing.T, p Policy, calls int, d time.Duration, prepare func(s *stroll)) *stroll {
	file := filepath.Join(t.TempDir(), "place.json")
	return strollingFrom(t, file, p, calls, d, prepare)
}

func strollingFrom(t *testing.T, file string, p Policy, calls int, d time.Duration, prepare func(s *stroll)) (s *stroll) {
	synctest.Test(t, func(bubble *testing.T) {
		s = &stroll{T: t, registry: prometheus.NewRegistry(), deviate: map[int64]sfsink.Deviation{}, after: func() {}}
		for id := range int64(calls) {
			s.outcomes = append(s.outcomes, schemas.Outcome{CallID: id + 1, Result: schemas.Created, DecidedAt: 7, StateHash: fmt.Sprint("state ", id+1)})
		}
		s.walk = NewWalk(WalkOptions{
			Policy: p, File: file, Logger: slog.New(slog.NewTextHandler(&s.logged, nil)), Registerer: s.registry,
			Outcomes: func(from stream.Place, most int, f func(string, schemas.Outcome) error) (stream.Place, bool, error) {
				for i, o := range s.outcomes {
					key := fmt.Sprintf("%09d", o.CallID)
					if key <= from.Key {
						continue
					}
					if err := f(key, o); err != nil {
						return from, false, err
					}
					if from.Key, most = key, most-1; most == 0 {
						return from, i == len(s.outcomes)-1, nil
					}
				}
				return from, true, nil
			},
			Deviations: func(_ context.Context, outcomes []schemas.Outcome) (found []sfsink.Deviation, err error) {
				var ids []int64
				for _, o := range outcomes {
					ids = append(ids, o.CallID)
					if d, ok := s.deviate[o.CallID]; ok {
						d.CallID = o.CallID
						found = append(found, d)
					}
				}
				s.looks = append(s.looks, ids)
				err, s.problem = s.problem, nil
				s.after()
				return found, err
			},
			Send: func(_ context.Context, commands []command.Command, order command.Order) error {
				s.sent = append(s.sent, commands...)
				return order.Check()
			},
		})
		prepare(s)
		ctx, cancel := context.WithTimeout(bubble.Context(), d)
		defer cancel()
		s.walk.Run(ctx)
	})
	return s
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

// TestWalkGoesOnAndOn looks at 1,200 calls in three looks, and then again after hours.
func TestWalkGoesOnAndOn(t *testing.T) {
	s := strolling(t, Report, 1200, (looksARound+4)*lookEvery+time.Second, func(*stroll) {})
	var sizes []int
	for _, look := range s.looks {
		sizes = append(sizes, len(look))
	}
	if fmt.Sprint(sizes) != "[500 500 200 500 500 200]" {
		t.Errorf("looked at %v calls", sizes)
	}
	if n := s.counted("calls", ""); n != 2400 || len(s.sent) > 0 {
		t.Errorf("%v calls are counted; %d were sent", n, len(s.sent))
	}
}

// TestWalkMends has a deleted, an edited, an emptied and a doubled Task.
func TestWalkMends(t *testing.T) {
	for policy, want := range map[Policy][]int64{Report: nil, Fill: {3, 5}, Overwrite: {3, 4, 5}} {
		s := strolling(t, policy, 9, time.Hour, func(s *stroll) {
			s.deviate[3] = sfsink.Deviation{Empty: true}
			s.deviate[4] = sfsink.Deviation{TaskIDs: []string{"a"}, Fields: []string{"Subject"}}
			s.deviate[5] = sfsink.Deviation{TaskIDs: []string{"a"}, Fields: []string{"CallType"}, Empty: true}
			s.deviate[6] = sfsink.Deviation{TaskIDs: []string{"a", "b"}}
			s.outcomes[2].Obeyed.Rewrite.Time = 77
		})
		var sent []int64
		for _, c := range s.sent {
			sent = append(sent, c.CallID)
			if c.Event != schemas.EventRewrite || c.StateHash != fmt.Sprint("state ", c.CallID) || c.CallID == 3 && c.After != 77 {
				t.Errorf("%s: command %+v", policy, c)
			}
		}
		if !slices.Equal(sent, want) {
			t.Errorf("%s: %v were sent, want %v", policy, sent, want)
		}
		if fmt.Sprint(s.looks) != "[[1 2 3 4 5 6 7 8 9] [3 4 5 6]]" {
			t.Errorf("%s: looked at %v", policy, s.looks)
		}
		for kind, n := range map[Kind]float64{Deleted: 1, Edited: 2, Duplicated: 1} {
			if got := s.counted("found", kind); got != n {
				t.Errorf("%s: %v are %s", policy, got, kind)
			}
		}
		if got := s.counted("rewritten", Edited); got != map[Policy]float64{Report: 0, Fill: 1, Overwrite: 2}[policy] {
			t.Errorf("%s: %v edited ones are rewritten", policy, got)
		}
		if log := s.logged.String(); !strings.Contains(log, "deleted=1 edited=2 duplicated=1") {
			t.Errorf("%s: the log says %s", policy, log)
		}
	}
}

// TestWalkLeavesOutWhatMoves: the sink wrote one call meanwhile, and Salesforce had not
// yet shown what the sink wrote to another.
func TestWalkLeavesOutWhatMoves(t *testing.T) {
	s := strolling(t, Overwrite, 9, time.Hour, func(s *stroll) {
		s.deviate = map[int64]sfsink.Deviation{3: {Empty: true}, 4: {Empty: true}, 5: {Empty: true}}
		s.after = func() {
			s.outcomes[2].DecidedAt++
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
}

// TestWalkGoesOnAfterARestart begins where the process before ended.
func TestWalkGoesOnAfterARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "place.json")
	seen := map[int64]int{}
	for range 3 {
		s := strollingFrom(t, file, Report, 1500, lookEvery+time.Second, func(*stroll) {})
		for _, id := range slices.Concat(s.looks...) {
			seen[id]++
		}
	}
	if len(seen) != 1500 || slices.Max(slices.Collect(maps.Values(seen))) != 1 {
		t.Errorf("looked at %d calls", len(seen))
	}
}
