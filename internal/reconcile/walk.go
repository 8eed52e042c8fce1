package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/clock"
	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

const (
	// callsALook is for how many calls one query asks.
	callsALook = 500
	// lookEvery is how often it is looked: at calls, and at Tasks without a call. Each is
	// six API requests an hour, and for calls as many again where something is found. They
	// are looked at again after half of that: what the sink had in hand is committed then,
	// and read back where that was wanted.
	lookEvery = 10 * time.Minute
	// looksARound is for how many looks there is time until the same call is looked at
	// again, at the least: six hours.
	looksARound = 36
)

// who is who asks for the rewrites of a walk.
const who = "callfold sink"

// Log is what a walk knows of calls, and how it has them rewritten; a [*Share] is one.
type Log interface {
	Owns() (bool, error)
	Known(ctx context.Context, from Place, most int) (calls []sfsink.Known, next Place, end bool, err error)
	Still(ctx context.Context, calls []sfsink.Known) ([]sfsink.Known, error)
	Kept(ctx context.Context, calls []sfsink.Known) (map[int64]bool, error)
	Unknown(ctx context.Context, keys []string) ([]string, error)
	Send(ctx context.Context, commands []command.Command, order command.Order) error
}

// Tasks is what a walk asks Salesforce; a [*sfsink.Sink] is one.
type Tasks interface {
	Deviations(ctx context.Context, calls []sfsink.Known) ([]sfsink.Deviation, error)
	Keys(ctx context.Context, after string) (keys []string, more bool, err error)
}

// WalkOptions say what a walk looks at, and what it does about it.
type WalkOptions struct {
	// Policy is Report, Fill or Overwrite.
	Policy Policy
	Log    Log
	Tasks  Tasks
	// Dir is where it is kept how far it was looked, so that a restart does not begin anew.
	Dir string
	// Every is how often it is looked; 10 minutes where 0.
	Every time.Duration

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Walk looks at the Tasks of the calls that a sink owns, and at those of no call, on and
// on, at a trickle, and has those mended that the policy mends.
type Walk struct {
	WalkOptions
	metrics walkMetrics
}

// NewWalk makes a Walk. It does nothing yet.
func NewWalk(o WalkOptions) *Walk {
	o.Every = cmp.Or(o.Every, lookEvery)
	return &Walk{o, newWalkMetrics(o.Registerer)}
}

// Run walks until ctx is done. What goes wrong is logged, and the same is looked at
// later.
func (w *Walk) Run(ctx context.Context) {
	calls := rounds[Place]{w, filepath.Join(w.Dir, "reconcile.json"), w.lookAtCalls}
	orphans := rounds[string]{w, filepath.Join(w.Dir, "reconcile-orphans.json"), w.lookForOrphans}
	var group sync.WaitGroup
	group.Go(func() { calls.run(ctx) })
	group.Go(func() { orphans.run(ctx) })
	group.Wait()
}

// lookAtCalls looks at some calls, and again at those whose Task is not as it should be.
func (w *Walk) lookAtCalls(ctx context.Context, at Place) (next Place, end bool, looked int, err error) {
	calls, next, end, err := w.Log.Known(ctx, at, callsALook)
	if err != nil {
		return next, end, 0, err
	}
	found, err := w.Tasks.Deviations(ctx, calls)
	if err == nil && len(found) > 0 {
		if err := clock.Sleep(ctx, w.Every/2); err != nil {
			return next, end, 0, err
		}
		err = w.again(ctx, found)
	}
	if err == nil {
		w.metrics.calls.Add(float64(len(calls)))
	}
	return next, end, len(calls), err
}

// again looks a second time at what was found. Of calls that the sink has looked at
// meanwhile nothing is said: what was found may have been a write of its own.
func (w *Walk) again(ctx context.Context, found []sfsink.Deviation) error {
	suspects := make([]sfsink.Known, len(found))
	for i, d := range found {
		suspects[i] = d.Known
	}
	same, err := w.Log.Still(ctx, suspects)
	if err != nil {
		return err
	}
	if found, err = w.Tasks.Deviations(ctx, same); err != nil {
		return err
	}
	if found, err = w.kept(ctx, found); err != nil || len(found) == 0 {
		return err
	}
	return w.mend(ctx, found)
}

// kept leaves out those that would be mended although the log has no such call any more: by
// a rewrite it would have one again, which is nothing but that. It takes a look at all of the
// partition, so it is not for what is only told.
func (w *Walk) kept(ctx context.Context, found []sfsink.Deviation) ([]sfsink.Deviation, error) {
	var suspects []sfsink.Known
	for i := range found {
		if w.mends(&found[i]) {
			suspects = append(suspects, found[i].Known)
		}
	}
	if len(suspects) == 0 {
		return found, nil
	}
	kept, err := w.Log.Kept(ctx, suspects)
	return slices.DeleteFunc(found, func(d sfsink.Deviation) bool { return w.mends(&d) && !kept[d.Record.State.ID] }), err
}

// mends tells whether what was found is mended.
func (w *Walk) mends(d *sfsink.Deviation) bool {
	return kindOf(d).Mend() == "" && w.Policy.mends(d.Empty) && !triedInVain(&d.Known)
}

// mend counts what was found, and has it mended where the policy does.
func (w *Walk) mend(ctx context.Context, found []sfsink.Deviation) error {
	counts, mended := map[Kind]int{}, map[Kind]int{}
	var rewrites []command.Command
	for i := range found {
		d := &found[i]
		kind := kindOf(d)
		counts[kind]++
		if !w.mends(d) {
			continue
		}
		mended[kind]++
		rewrites = append(rewrites, command.Command{
			Event: schemas.EventRewrite, CallID: d.Record.State.ID, StateHash: d.Record.State.Hash(), After: d.Outcome.Obeyed.Rewrite.Time,
		})
	}
	if len(rewrites) > 0 {
		order := command.Order{Who: who, Why: "sink.reconcile: " + string(w.Policy)}
		if err := w.Log.Send(ctx, rewrites, order); err != nil {
			return fmt.Errorf("having Tasks rewritten: %w", err)
		}
	}
	for kind, n := range counts {
		w.metrics.found.WithLabelValues(string(kind)).Add(float64(n))
		w.metrics.mended.WithLabelValues(string(kind)).Add(float64(mended[kind]))
	}
	w.Logger.Warn("Tasks are not as they should be; callfold reconcile names them", "missing", counts[Missing],
		"deleted", counts[Deleted], "edited", counts[Edited], "duplicated", counts[Duplicated], "rewritten", len(rewrites))
	return nil
}

// kindOf is in which way a call's Task is not as it should be.
func kindOf(d *sfsink.Deviation) Kind {
	switch {
	case len(d.TaskIDs) > 1:
		return Duplicated
	case len(d.TaskIDs) == 1:
		return Edited
	case d.Lost:
		return Deleted
	}
	return Missing
}

// triedInVain tells whether a walk has had the call rewritten, and Salesforce refused
// that for good. To try it in each round would do nothing but fill the log: a person
// mends the cause, and has it tried again.
func triedInVain(k *sfsink.Known) bool {
	return k.Outcome.Result == schemas.Rejected && k.Record.State.Rewrite.Value.Who == who
}

// lookForOrphans looks whether the calls of some Tasks are known.
func (w *Walk) lookForOrphans(ctx context.Context, after string) (next string, end bool, looked int, err error) {
	if owns, err := w.Log.Owns(); err != nil || !owns {
		return after, false, 0, err
	}
	keys, more, err := w.Tasks.Keys(ctx, after)
	if err != nil {
		return after, false, 0, err
	}
	unknown, err := w.Log.Unknown(ctx, keys)
	if err != nil {
		return after, false, 0, err
	}
	w.metrics.tasks.Add(float64(len(keys)))
	w.metrics.found.WithLabelValues(string(Orphaned)).Add(float64(len(unknown)))
	if len(unknown) > 0 {
		w.Logger.Warn("Tasks have an external id that is no call's of the log; callfold reconcile names them", "orphaned", len(unknown))
	}
	if len(keys) > 0 {
		after = keys[len(keys)-1]
	}
	return after, !more, max(1, len(keys)), nil
}

// later tells whether an error says that nothing is wrong, but that it is no time to look.
func later(err error) bool {
	return errors.Is(err, sfsink.ErrShort) || errors.Is(err, ErrBehind) || errors.Is(err, stream.ErrNotOwned)
}
