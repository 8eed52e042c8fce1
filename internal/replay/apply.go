package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/clock"
	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/schemas"
)

const (
	// canary is how many calls go first, and mostFailed of how many of them may fail, as
	// a share.
	canary     = 100
	mostFailed = 0.05
	// patience is how long the results of the canary are waited for.
	patience = 5 * time.Minute
	// sendAtOnce is how many commands are sent together. While more than these have no
	// result, no more are sent as long as the sink is more than mostLag records behind: a
	// live call waits behind them. A sink that lets calls gather is behind, too.
	sendAtOnce = 150
	mostLag    = 250
	// mostOut is how many calls may wait for their results: those that go by the Bulk
	// API wait in the sink, for each other.
	mostOut = 50_000
	// holdFor is how long a lot for bulk jobs is held for live calls.
	holdFor = time.Minute
	// lookEvery is how often it is looked how far the sink is.
	lookEvery = time.Second
	// askEvery is how often the org is asked for its API requests, which is one itself.
	askEvery = time.Minute
)

// ApplyOptions say what is to be applied.
type ApplyOptions struct {
	// Plan is what [Open] gave.
	Plan *Plan
	// Order is who applies it, and why.
	Order command.Order
	// Kafka sends the commands: a client with command.ProducerOptions.
	Kafka *kgo.Client
	// Reader makes a client for the topic of tasks with these options besides.
	Reader func(more ...kgo.Opt) (*kgo.Client, error)
	// Events, Calls and Tasks are the names of the topics; Group is the sink's.
	Events, Calls, Tasks, Group string
	// Again plans anew for some calls, as the plan was made: it tells what has changed
	// since.
	Again func(ctx context.Context, ids map[int64]bool, each func(Row) error) error
	// Bulk is how many rewrites a member of the sink's group takes at once to write them
	// by a bulk job; 0 where it has none.
	Bulk int
	// Requests asks the org how many API requests it has had in 24 hours.
	Requests func(ctx context.Context) (int64, error)
	// Tell is called with the state whenever it was saved.
	Tell func(State)
	Now  func() time.Time
}

var (
	// ErrPaused says that somebody wants it to pause.
	ErrPaused = errors.New("paused: callfold replay resume, and apply goes on")
	// ErrAborted says that somebody wants it to end.
	ErrAborted = errors.New("aborted: no more commands are sent; those that were are carried out")
	// ErrCanary says that too many of the first calls failed.
	ErrCanary = errors.New("too many of the first calls failed: nothing else was sent")
)

// apply is one apply at work.
type apply struct {
	ApplyOptions
	state    State
	follower *follower
	// Since it began or went on: what the org had had by then, and this apply before that,
	// when it was last asked, and how many results were known.
	used, before int64
	asked, since time.Time
	known        int64
	held         time.Time // since when a lot for bulk jobs waits; zero while none does
}

// Apply has a plan carried out: it begins, or goes on from where an earlier one was
// stopped or killed. It returns nil when every call has its result, ErrPaused,
// ErrAborted, ErrCanary, or the error of ctx; then another Apply goes on.
func Apply(ctx context.Context, o ApplyOptions) (err error) {
	// The lock ends with the process, however that ends.
	lock, err := vfs.Default.Lock(lockFile(o.Plan.Path))
	if err != nil {
		return fmt.Errorf("another apply of %s is at work, or its folder cannot be written: %w", o.Plan.Path, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	a := &apply{ApplyOptions: o}
	if err := a.begin(ctx); err != nil {
		return err
	}
	err = a.run(ctx)
	if ctx.Err() == nil {
		_ = a.count(ctx) // what was done is done, whether the org can be asked or not
	}
	defer func() {
		if a.state.Phase == Done || a.state.Phase == Aborted { // a later plan of that name is another one
			err = errors.Join(err, Want(a.Plan.Path, Go))
		}
	}()
	switch {
	case err == nil:
		a.state.Phase, a.state.Problem = Done, ""
	case errors.Is(err, ErrPaused):
		a.state.Phase, a.state.Problem = Paused, ""
	case errors.Is(err, ErrAborted):
		a.state.Phase, a.state.Problem = Aborted, ""
	case ctx.Err() != nil:
		a.state.Phase, a.state.Problem = Stopped, "a signal"
	default:
		a.state.Phase, a.state.Problem = Stopped, err.Error()
	}
	return errors.Join(err, a.save())
}

// begin reads the state of an earlier apply, or makes the first.
func (a *apply) begin(ctx context.Context) error {
	if _, err := a.reached(ctx); err != nil {
		return err
	}
	state, ok, err := ReadState(a.Plan.Path)
	switch {
	case err != nil:
		return err
	case ok && state.Plan != a.Plan.Digest:
		return fmt.Errorf("%s is of another plan that was here: remove it to apply this one", stateFile(a.Plan.Path))
	case ok && state.Phase == Aborted:
		return errors.New("the plan was aborted; make a new one")
	case ok:
		a.state = state
	default:
		ends, err := kadm.NewClient(a.Kafka).ListEndOffsets(ctx, a.Tasks)
		if err == nil {
			err = ends.Error()
		}
		if err != nil {
			return fmt.Errorf("asking Kafka where %s ends: %w", a.Tasks, err)
		}
		a.state = State{Plan: a.Plan.Digest, Order: a.Order, StartedAt: a.Now().UTC(), From: map[int32]int64{}, Rows: int64(a.Plan.Len())}
		ends.Each(func(o kadm.ListedOffset) { a.state.From[o.Partition] = o.Offset })
	}
	a.state.Phase, a.state.Problem = Running, ""
	a.follower = &follower{calls: make(map[int64]*followed, a.Plan.Len())}
	for i, r := range a.Plan.rows {
		a.follower.calls[r.callID] = &followed{after: r.rewritten, counts: int64(i) < a.state.Sent}
	}
	for _, id := range a.state.LeftOut {
		a.follower.calls[id].counts = false
	}
	a.before = a.state.Requests
	a.used, err = a.Requests(ctx)
	return err
}

// run sends what was not sent, and waits for the results of all.
func (a *apply) run(ctx context.Context) error {
	if err := a.wanted(); err != nil { // somebody may have wanted it to end before it began
		return err
	}
	// Until all results are known that came before, those that were saved are right.
	from, err := a.follower.catchUp(ctx, a.Kafka, a.Tasks, a.state.From)
	if err != nil {
		return err
	}
	if err := a.follower.tell(&a.state); err != nil {
		return err
	}
	a.since, a.asked, a.known = a.Now(), a.Now(), a.state.Known()
	reader, err := a.Reader(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{a.Tasks: from}), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	defer reader.Close()
	fctx, stop := context.WithCancel(ctx)
	defer stop()
	go a.follower.follow(fctx, reader)

	rest := a.Plan.rows[a.state.Sent:]
	changed, err := a.changed(ctx, rest)
	if err != nil {
		return err
	}
	if a.state.Sent == 0 {
		first := rowsWith(canary, rest, changed)
		if err := a.send(ctx, rest[:first], changed); err != nil {
			return err
		}
		rest = rest[first:]
	}
	if !a.state.Proven {
		if err := a.watchCanary(ctx); err != nil {
			return err
		}
		a.state.Proven = true
	}
	left := 0 // of them, those that have not changed
	for _, r := range rest {
		if !changed[r.callID] {
			left++
		}
	}
	for len(rest) > 0 {
		if err := a.look(ctx); err != nil {
			return err
		}
		lot, err := a.lot(ctx, left)
		if err != nil {
			return err
		}
		if lot == 0 && left > 0 {
			if err := clock.Sleep(ctx, lookEvery); err != nil {
				return err
			}
			continue
		}
		some := rowsWith(lot, rest, changed)
		if err := a.send(ctx, rest[:some], changed); err != nil {
			return err
		}
		rest, left = rest[some:], left-lot
	}
	return a.finish(ctx)
}

// rowsWith is how many of the rows have so many that have not changed since the plan,
// all where there are no more of those.
func rowsWith(unchanged int, rows []planned, changed map[int64]bool) int {
	for i, r := range rows {
		if changed[r.callID] {
			continue
		}
		if unchanged--; unchanged == 0 {
			return i + 1
		}
	}
	return len(rows)
}

// lot is how many of so many commands are to be sent now. Where there are enough of them
// each member of the group gets so many at once that it writes them by a bulk job, which
// holds up nobody; else they come in small lots.
func (a *apply) lot(ctx context.Context, left int) (int, error) {
	lag, err := a.lag(ctx)
	if err != nil {
		return 0, err
	}
	if a.Bulk > 0 {
		members, _, err := kafka.Members(ctx, kadm.NewClient(a.Kafka), a.Group)
		if err != nil {
			return 0, err
		}
		if many := Lot(a.Bulk, members, len(a.state.From)); left >= many && many > sendAtOnce {
			if a.out() > mostOut || lag > mostLag && a.holds() {
				return 0, nil
			}
			a.held = time.Time{}
			return many, nil
		}
	}
	if lag > mostLag && a.inWork() > sendAtOnce || a.out() > mostOut {
		return 0, nil
	}
	return min(sendAtOnce, left), nil
}

// holds tells whether a lot for bulk jobs still waits for a sink that is behind. It is
// behind what was sent, or live calls, of which so many may come that it always is: these
// are not waited for longer than holdFor.
func (a *apply) holds() bool {
	if a.inWork() > sendAtOnce {
		a.held = time.Time{}
		return true
	}
	if a.held.IsZero() {
		a.held = a.Now()
	}
	return a.Now().Sub(a.held) < holdFor
}

// Lot is how many rewrites at once give each of so many members of the sink's group enough
// of them for a bulk job, also the one with the fewest of the partitions, if they are not too
// many to wait for; 0 where there are no members, or none makes jobs.
func Lot(bulk, members, partitions int) int {
	if members == 0 || partitions == 0 {
		return 0
	}
	fewest := partitions / min(members, partitions)
	return min(mostOut, bulk*partitions/fewest)
}

// changed plans anew for some rows, and gives those calls of which the plan says
// something else now.
func (a *apply) changed(ctx context.Context, rows []planned) (map[int64]bool, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	ids, digests := make(map[int64]bool, len(rows)), make(map[int64]digest, len(rows))
	for _, r := range rows {
		ids[r.callID], digests[r.callID] = true, r.digest
	}
	err := a.Again(ctx, ids, func(r Row) error {
		d, err := r.digest()
		if err == nil && d == digests[r.CallID] {
			delete(ids, r.CallID)
			a.follower.plannedAnew(r)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking what has changed since the plan: %w", err)
	}
	return ids, nil
}

// send publishes the commands for some rows, but for those that have changed since the
// plan, and notes that it did: in pieces, so that whoever is stopped in the midst of many
// knows of nearly all.
func (a *apply) send(ctx context.Context, rows []planned, changed map[int64]bool) error {
	for piece := range slices.Chunk(rows, sendAtOnce) {
		if err := a.sendPiece(ctx, piece, changed); err != nil {
			return err
		}
	}
	return nil
}

func (a *apply) sendPiece(ctx context.Context, rows []planned, changed map[int64]bool) error {
	var commands []command.Command
	var sent []planned
	var leftOut []int64
	for _, r := range rows {
		if changed[r.callID] {
			leftOut = append(leftOut, r.callID)
			continue
		}
		sent = append(sent, r)
		for _, event := range a.events() {
			commands = append(commands, command.Command{Event: event, CallID: r.callID, StateHash: r.stateHash, After: a.follower.calls[r.callID].after})
		}
	}
	if _, err := command.Send(ctx, a.Kafka, a.Events, commands, a.state.Order, a.Now); err != nil {
		return err
	}
	a.follower.sent(sent)
	a.state.Sent += int64(len(rows))
	a.state.LeftOut = append(a.state.LeftOut, leftOut...)
	return a.save()
}

// events are the commands that a row takes.
func (a *apply) events() []string {
	if a.Plan.Header.Rematch {
		return []string{schemas.EventRematch, schemas.EventRewrite}
	}
	return []string{schemas.EventRewrite}
}

// watchCanary waits for the results of the first calls.
func (a *apply) watchCanary(ctx context.Context) error {
	for until := a.Now().Add(patience); ; {
		if err := a.look(ctx); err != nil {
			return err
		}
		sent := a.sent()
		failed := a.state.Failed() + a.state.Refused
		late := !a.Now().Before(until)
		switch {
		case float64(a.state.Failed()) > mostFailed*float64(sent), late && float64(failed) > mostFailed*float64(sent):
			return fmt.Errorf("%w: %d of %d; callfold outcomes list says why", ErrCanary, failed, sent)
		case a.state.Known() >= sent:
			return nil
		case late && a.state.Known()+a.state.Refused < sent:
			return fmt.Errorf("of the first %d calls %d have no result after %s: is a sink running, and not paused?", sent, sent-a.state.Known(), patience)
		case late:
			return nil
		}
		if err := clock.Sleep(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// finish waits until all results are known.
func (a *apply) finish(ctx context.Context) error {
	for {
		if err := a.look(ctx); err != nil {
			return err
		}
		if a.out() == 0 {
			return nil
		}
		if err := clock.Sleep(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// look takes the results that came, and sees whether somebody wants it to stop.
func (a *apply) look(ctx context.Context) error {
	if err := a.follower.tell(&a.state); err != nil {
		return err
	}
	if took := a.Now().Sub(a.since).Seconds(); took > 0 {
		a.state.Rate = float64(a.state.Known()-a.known) / took
	}
	if a.Now().Sub(a.asked) >= askEvery {
		if err := a.count(ctx); err != nil {
			return err
		}
	}
	if err := a.save(); err != nil {
		return err
	}
	if err := a.wanted(); err != nil {
		return err
	}
	return ctx.Err()
}

// count asks the org how many API requests it has had meanwhile.
func (a *apply) count(ctx context.Context) error {
	used, err := a.Requests(ctx)
	if err != nil {
		return err
	}
	a.asked, a.state.Requests = a.Now(), a.before+max(0, used-a.used)
	return nil
}

// wanted sees whether somebody wants it to stop.
func (a *apply) wanted() error {
	switch w, err := Wanted(a.Plan.Path); {
	case err != nil:
		return err
	case w == Pause:
		return ErrPaused
	case w == Abort:
		return ErrAborted
	}
	return nil
}

// sent is how many calls were sent, out how many of these have no result yet, and inWork
// those of them that do not wait for another attempt.
func (a *apply) sent() int64   { return a.state.Sent - int64(len(a.state.LeftOut)) }
func (a *apply) out() int64    { return a.sent() - a.state.Known() }
func (a *apply) inWork() int64 { return a.out() - a.state.Refused }

func (a *apply) save() error {
	err := a.state.save(a.Plan.Path, a.Now())
	if err == nil && a.Tell != nil {
		a.Tell(a.state)
	}
	return err
}
