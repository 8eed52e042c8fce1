package sfsink

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/schemas"
)

// write writes the Tasks of the open jobs that differ from what is there. Rows
// that Salesforce accepts or refuses for good end their jobs; those that a
// further round can mend stay open. Live calls go before those that an operator
// wants to have rewritten.
func (t *turn) write(ctx context.Context, open []*job) error {
	var live, rewrites lanes
	var bulk []*row
	for _, j := range open {
		if j.outcome != nil || j.stillRejected() {
			continue
		}
		r := j.row()
		to := &live
		if j.rewrite {
			to = &rewrites
		}
		switch {
		case len(r.fields) == 0:
			j.written(schemas.Unchanged)
		case t.dryRun && r.create:
			j.written(schemas.Created)
		case t.dryRun:
			j.written(schemas.Updated)
		case r.inBulk():
			bulk = append(bulk, r)
		case r.create:
			to.creates = append(to.creates, r)
		case r.remove:
			to.removals = append(to.removals, r)
		default:
			r.fields["id"] = j.taskID
			to.updates = append(to.updates, r)
		}
	}
	if err := t.sendAll(ctx, slices.Concat(live.pack(), rewrites.pack())); err != nil {
		return err
	}
	return t.sendBulk(ctx, bulk)
}

// lanes are rows to be sent: those of the create lane, those of the update lane, and
// those of Tasks to be deleted.
type lanes struct{ creates, updates, removals []*row }

func (l lanes) pack() [][]*row {
	return slices.Concat(pack(l.creates), pack(l.updates), pack(l.removals))
}

// sendAll sends collections, several in one request where that is allowed, and
// looks again at the rows that want it. The first go first.
func (t *turn) sendAll(ctx context.Context, collections [][]*row) error {
	var mu sync.Mutex
	var refused []*row // rows of which another look must tell what they want
	var stopped bool
	// take is what goes in the next request; what is not sent since the turn is
	// given up comes again with it.
	take := func() [][]*row {
		mu.Lock()
		defer mu.Unlock()
		if stopped {
			return nil
		}
		n := together(collections, t.width.rows())
		some := collections[:n]
		collections = collections[n:]
		return some
	}
	var g errgroup.Group
	for range min(t.slots.most, len(collections)) {
		g.Go(func() error {
			for some := take(); len(some) > 0; some = take() {
				look, err := t.send(ctx, some)
				mu.Lock()
				refused, stopped = append(refused, look...), stopped || err != nil
				mu.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return t.lookAgain(ctx, refused)
}

// send writes collections in one request, and gives the rows that need another
// look. What is too heavy at once is sent in halves.
func (t *turn) send(ctx context.Context, collections [][]*row) (look []*row, err error) {
	answers, problem, err := t.request(ctx, collections)
	if err != nil {
		return nil, err
	}
	if problem != nil {
		return t.failed(ctx, collections, problem)
	}
	for i, rows := range collections {
		var more []*row
		if refusal := answers[i].Err; refusal == nil {
			more, err = t.results(rows, answers[i].Rows)
		} else if p := requestProblem(refusal); p.again() {
			more, err = t.send(ctx, collections[i:i+1]) // alone, and more than once
		} else {
			more, err = t.failed(ctx, collections[i:i+1], p)
		}
		if err != nil {
			return nil, err
		}
		look = append(look, more...)
	}
	return look, nil
}

// failed goes on after collections were refused as a whole, or not answered: several
// are sent in smaller requests, which are answered sooner.
func (t *turn) failed(ctx context.Context, collections [][]*row, p *problem) (look []*row, err error) {
	rows := collections[0]
	var halves [2][][]*row
	switch {
	case len(collections) > 1 && (p.again() || !p.class.stops()):
		half := len(collections) / 2
		halves = [2][][]*row{collections[:half], collections[half:]}
	case p.class.stops():
		return nil, p.stopped()
	case len(rows) > 1:
		if len(rows) > probeAbove && t.probed.CompareAndSwap(false, true) {
			if rows, look, err = t.probe(ctx, rows, p); err != nil {
				return nil, err
			}
		}
		half := len(rows) / 2
		halves = [2][][]*row{{rows[:half]}, {rows[half:]}}
	default:
		rows[0].refused(p)
		return nil, nil
	}
	for _, half := range halves {
		more, err := t.send(ctx, half)
		if err != nil {
			return nil, err
		}
		look = append(look, more...)
	}
	return look, nil
}

// results takes what became of rows, and gives those that need another look.
func (t *turn) results(rows []*row, results []salesforce.RowResult) (look []*row, err error) {
	for i, r := range rows {
		again, err := t.result(r, results[i])
		if err != nil {
			return nil, err
		}
		if again {
			look = append(look, r)
		}
	}
	return look, nil
}

// result takes what became of a row. It reports true for a row whose refusal
// needs another look at the Task, and an error for one that stops the turn.
func (t *turn) result(r *row, result salesforce.RowResult) (look bool, err error) {
	if result.Success {
		r.taskID = result.ID
		if r.create && result.Created {
			r.written(schemas.Created)
		} else {
			r.written(schemas.Updated)
		}
		return false, nil
	}
	p := t.rowProblem(r, result.Errors)
	r.last = p
	switch p.class {
	case classSignIn, classConfig, classOrg, classThrottle:
		return false, p.stopped()
	case classStaleMatch:
		if !r.create {
			return true, nil // it may be the Task itself
		}
		r.dropMatch(p)
	case classWrongLane:
		return true, nil
	case classStaleOwner:
		r.dropOwner(p)
	default:
		r.refused(p)
	}
	return false, nil
}

// dropMatch makes the next round find another match, the one after it none.
func (j *job) dropMatch(p *problem) {
	if j.match == nil || j.noReference {
		p.class = classPermanent // there is no reference of ours left to drop
		j.refused(p)
		return
	}
	j.notes = append(j.notes, j.match.Object+" "+j.match.ID+": Salesforce refused it ("+p.error.Code+")")
	j.matches.forget(keyOf(j.lookup))
	j.noReference = j.forgotten
	j.forgotten = true
	j.metrics.retries.WithLabelValues(string(p.class)).Inc()
}

// dropOwner makes the next round try the next rung of the owner's ladder.
func (j *job) dropOwner(p *problem) {
	if j.owner == nil || j.badOwners[j.owner.ID] {
		p.class = classPermanent
		j.refused(p)
		return
	}
	j.notes = append(j.notes, "user "+j.owner.ID+": Salesforce refused this owner ("+p.error.Code+")")
	if j.badOwners == nil {
		j.badOwners = map[string]bool{}
	}
	j.badOwners[j.owner.ID] = true
	j.retire(j.owner.ID)
	j.metrics.retries.WithLabelValues(string(p.class)).Inc()
}

// lookAgain asks which Tasks the refused rows have. A row of the create lane
// whose Task exists goes into the update lane; one of the update lane whose Task
// is gone ends as deleted or is created anew, by tasks.deleted; if the Task is
// still there, it was the match that is gone.
func (t *turn) lookAgain(ctx context.Context, rows []*row) error {
	return sideBySide(ctx, rows, func(ctx context.Context, some []*row) error {
		keys := make([]string, len(some))
		for i, r := range some {
			keys[i] = r.key
		}
		alive, err := t.alive(ctx, keys, nil)
		if err != nil {
			return err
		}
		for _, r := range some {
			r.found(text(alive[r.key], "Id"))
		}
		return nil
	})
}

// found takes the Id of the call's Task, empty where there is none, after a
// refusal that left it open which Task there is.
func (r *row) found(taskID string) {
	switch {
	case r.create && taskID == "":
		// It was there a moment ago.
		r.last.class = classContention
		r.refused(r.last)
	case taskID == r.taskID:
		r.dropMatch(r.last)
	case taskID != "":
		// The row was of the create lane, or somebody restored the Task or made
		// another with our key. What it holds is not known: all fields are
		// written once more.
		r.taskID, r.unwritten, r.holds = taskID, true, nil
	case r.recreates():
		r.taskID, r.unwritten = "", true
	default:
		r.gone()
	}
}
