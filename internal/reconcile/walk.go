package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

const (
	// callsALook is for how many calls one query asks.
	callsALook = 500
	// lookEvery is how often it is looked: six API requests an hour, and as many again
	// where something is found. It is looked again after half of that: what the sink had
	// in hand is committed then, and read back where that was wanted.
	lookEvery = 10 * time.Minute
	// looksARound is for how many looks there is time until the same call is looked at
	// again, at the least: six hours.
	looksARound = 36
)

// WalkOptions say what a walk looks at, and what it does about it.
type WalkOptions struct {
	// Policy is Report, Fill or Overwrite.
	Policy Policy
	// Outcomes gives those of the calls that the process owns; it is Walk of the sink's
	// engine.
	Outcomes func(from stream.Place, most int, f func(key string, o schemas.Outcome) error) (next stream.Place, end bool, err error)
	// Deviations is that of the sink.
	Deviations func(context.Context, []schemas.Outcome) ([]sfsink.Deviation, error)
	// Send publishes commands; Report needs none.
	Send func(ctx context.Context, commands []command.Command, order command.Order) error
	// File is where the place is kept, so that a restart does not begin anew.
	File string
	// Every is how often it is looked; 10 minutes where 0.
	Every time.Duration

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Walk looks at the Tasks of the calls that a sink owns, on and on, at a trickle, and
// has those mended that the policy mends.
type Walk struct {
	WalkOptions
	metrics walkMetrics
}

// NewWalk makes a Walk. It does nothing yet.
func NewWalk(o WalkOptions) *Walk {
	o.Every = cmp.Or(o.Every, lookEvery)
	return &Walk{o, newWalkMetrics(o.Registerer)}
}

// Run walks until ctx is done. What goes wrong is logged, and the same calls are looked
// at later.
func (w *Walk) Run(ctx context.Context) {
	at := w.place()
	began, looked := time.Now(), 0
	for sleep(ctx, w.Every) {
		next, end, n, err := w.step(ctx, at)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, sfsink.ErrShort):
			w.Logger.Info("Tasks are not read back for now", "cause", err)
			continue
		case err != nil:
			w.Logger.Warn("reading Tasks back failed; trying again", "cause", err)
			continue
		}
		at, looked = next, looked+n
		if end {
			if at = (stream.Place{}); looked > 0 { // else no partition is restored yet
				sleep(ctx, time.Until(began.Add(looksARound*w.Every)))
			}
			began, looked = time.Now(), 0
		}
		w.keep(at)
	}
}

// step looks at some calls, and again at those of which the Task is not as it was
// written. n is at how many it looked.
func (w *Walk) step(ctx context.Context, at stream.Place) (next stream.Place, end bool, n int, err error) {
	outcomes, next, end, err := w.outcomes(at)
	if err != nil {
		return next, end, 0, err
	}
	found, err := w.Deviations(ctx, outcomes)
	if err == nil && len(found) > 0 {
		if !sleep(ctx, w.Every/2) {
			return next, end, 0, ctx.Err()
		}
		err = w.again(ctx, at, outcomes, found)
	}
	if err == nil {
		w.metrics.calls.Add(float64(len(outcomes)))
	}
	return next, end, len(outcomes), err
}

// outcomes reads those from a place on.
func (w *Walk) outcomes(at stream.Place) (outcomes []schemas.Outcome, next stream.Place, end bool, err error) {
	next, end, err = w.Outcomes(at, callsALook, func(_ string, o schemas.Outcome) error {
		outcomes = append(outcomes, o)
		return nil
	})
	return outcomes, next, end, err
}

// again looks a second time at what was found. Of calls that the sink has looked at
// meanwhile nothing is said: what was found may have been a write of its own.
func (w *Walk) again(ctx context.Context, at stream.Place, outcomes []schemas.Outcome, found []sfsink.Deviation) error {
	decided := map[int64]int64{}
	for _, o := range outcomes {
		decided[o.CallID] = o.DecidedAt
	}
	suspects := map[int64]bool{}
	for _, d := range found {
		suspects[d.CallID] = true
	}
	now, _, _, err := w.outcomes(at)
	if err != nil {
		return err
	}
	same := map[int64]schemas.Outcome{}
	var some []schemas.Outcome
	for _, o := range now {
		if suspects[o.CallID] && decided[o.CallID] == o.DecidedAt {
			same[o.CallID] = o
			some = append(some, o)
		}
	}
	if found, err = w.Deviations(ctx, some); err != nil || len(found) == 0 {
		return err
	}
	return w.mend(ctx, found, same)
}

// mend counts what was found, and has it mended where the policy does.
func (w *Walk) mend(ctx context.Context, found []sfsink.Deviation, outcomes map[int64]schemas.Outcome) error {
	counts, mended := map[Kind]int{}, map[Kind]int{}
	var rewrites []command.Command
	for _, d := range found {
		kind := Edited
		switch len(d.TaskIDs) {
		case 0:
			kind = Deleted
		case 1:
		default:
			kind = Duplicated
		}
		counts[kind]++
		if kind == Duplicated || !w.Policy.mends(d.Empty) {
			continue
		}
		mended[kind]++
		o := outcomes[d.CallID]
		rewrites = append(rewrites, command.Command{Event: schemas.EventRewrite, CallID: d.CallID, StateHash: o.StateHash, After: o.Obeyed.Rewrite.Time})
	}
	if len(rewrites) > 0 {
		order := command.Order{Who: "callfold sink", Why: "sink.reconcile: " + string(w.Policy)}
		if err := w.Send(ctx, rewrites, order); err != nil {
			return fmt.Errorf("having Tasks rewritten: %w", err)
		}
	}
	for kind, n := range counts {
		w.metrics.found.WithLabelValues(string(kind)).Add(float64(n))
		w.metrics.mended.WithLabelValues(string(kind)).Add(float64(mended[kind]))
	}
	w.Logger.Warn("Tasks are not as they were written; callfold reconcile names them",
		"deleted", counts[Deleted], "edited", counts[Edited], "duplicated", counts[Duplicated], "rewritten", len(rewrites))
	return nil
}

// place is where the walk was when the process ended. A file that is missing or cannot
// be read means from the beginning.
func (w *Walk) place() (at stream.Place) {
	b, err := os.ReadFile(w.File)
	if err != nil || json.Unmarshal(b, &at) != nil {
		return stream.Place{}
	}
	return at
}

func (w *Walk) keep(at stream.Place) {
	b, err := json.Marshal(at)
	if err == nil {
		err = os.WriteFile(w.File, b, 0o600)
	}
	if err != nil {
		w.Logger.Warn("keeping how far Tasks were read back failed; a restart begins anew", "cause", err)
	}
}

// sleep waits, and reports false when ctx is done before.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
