package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/standin"
	"github.com/callfold/callfold/internal/table"
)

// Options say what is to be verified.
type Options struct {
	// Client asks Kafka.
	Client *kgo.Client
	// Events and Calls are the names of the topics, Group is the processor's
	// consumer group. Without one Calls is right as far as it accounts for Events.
	Events, Calls, Group string
	// Dir takes the tables of what is folded; they are left to the caller to remove.
	// Empty keeps them in memory.
	Dir string
	// IDs are the calls to look at; none: all.
	IDs []int64
	// From and To choose the calls that have an event which was received then, From
	// included, To not; the zero time is no bound.
	From, To time.Time
	// Progress is kept up to date.
	Progress *Progress
}

// Progress is how far the work has come. It may be looked at meanwhile.
type Progress struct {
	// Done and Total count offsets of both topics.
	Done, Total atomic.Int64
}

// Report is what was found.
type Report struct {
	// Events is how many records were folded, Unfoldable how many others there were:
	// they must be in the topic rejected.
	Events, Unfoldable int64
	// Calls is how many calls these events are of.
	Calls int64
	// Missing, Extra and Different count calls by what is wrong with them.
	Missing, Extra, Different int64
	// Differences has the first of them, by call id.
	Differences []Difference
	// Unknown are the calls of Options.IDs of which there is neither an event, as far as
	// calls accounts for events, nor a state; with a range of time, no event of then.
	Unknown []int64
	// Cut are the partitions of events that do not begin at offset 0 any more: of the
	// calls there, what is gone looks like states that nothing makes.
	Cut []int32
	// Hidden are the partitions of calls or events in which a transaction that stays
	// open hides what was committed behind it: what is there was not looked at.
	Hidden []int32
}

// Wrong is how many calls are not as they should be.
func (r *Report) Wrong() int64 { return r.Missing + r.Extra + r.Different }

// mostDifferences bounds Report.Differences.
const mostDifferences = 100

// Kind is what is wrong with a call.
type Kind string

// The kinds of differences.
const (
	Missing   Kind = "missing"   // the events make a state, calls has none
	Extra     Kind = "extra"     // calls has a state, no event makes it
	Different Kind = "different" // the states differ
)

// Difference is a call that is not as it should be. It has no contents of the
// call.
type Difference struct {
	CallID    int64 `json:"call_id"`
	Kind      Kind  `json:"kind"`
	Partition int32 `json:"partition"`
	// Field is the path of the first member that differs.
	Field string `json:"field,omitzero"`
	// Events are the events that should make the state; of an extra state those it
	// names itself.
	Events []Event `json:"events"`
}

// Event is one event of a call.
type Event struct {
	Name   string    `json:"event"`
	Time   time.Time `json:"time"`
	Offset int64     `json:"offset"`
}

// Run verifies. The error is about the work itself; what is wrong with calls is
// in the report. The verification must be closed.
func Run(ctx context.Context, o Options) (*Verification, error) {
	var reached map[int32]int64
	if o.Group != "" {
		var err error
		if reached, err = standin.Offsets(ctx, o.Client, o.Group, o.Events); err != nil {
			return nil, err
		}
	}
	store, err := table.Open(table.Options{Dir: o.Dir, Schema: "verify/1", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	v := &Verification{options: o, store: store, reached: reached}
	if err := v.all(ctx); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

// Verification is what was done, and can be repaired.
type Verification struct {
	// Report is what was found.
	Report Report

	options Options
	store   *table.Store
	reached map[int32]int64 // the group's offsets

	mu    sync.Mutex
	parts []*work
}

// Close gives up what was folded. What was wrong cannot be repaired any more then.
func (v *Verification) Close() error {
	for _, w := range v.parts {
		w.release()
	}
	return v.store.Close()
}

func (v *Verification) all(ctx context.Context) error {
	calls, err := partition.Lookup(ctx, v.options.Client, v.options.Calls)
	if err != nil {
		return err
	}
	numbers, err := v.numbers(calls)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("%w (run callfold topics create)", err)
	}
	if err != nil {
		return err
	}
	expected, err := v.expect(ctx, calls, numbers)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for number, ids := range numbers {
		group.Go(func() error { return v.one(ctx, calls, number, ids, expected[number]) })
	}
	err = group.Wait()
	slices.SortFunc(v.Report.Differences, func(a, b Difference) int { return int(a.CallID - b.CallID) })
	v.Report.Differences = v.Report.Differences[:min(mostDifferences, len(v.Report.Differences))]
	slices.Sort(v.Report.Unknown)
	slices.Sort(v.Report.Cut)
	slices.Sort(v.Report.Hidden)
	v.Report.Hidden = slices.Compact(v.Report.Hidden)
	return err
}

// numbers are the partitions to look at, and in each the calls; nil for all.
func (v *Verification) numbers(found *partition.Topics) (map[int32]map[string]bool, error) {
	numbers := map[int32]map[string]bool{}
	count, err := found.Count(v.options.Calls)
	if err != nil {
		return nil, err
	}
	if len(v.options.IDs) == 0 {
		for i := range count {
			numbers[int32(i)] = nil
		}
		return numbers, nil
	}
	for _, id := range v.options.IDs {
		key := strconv.FormatInt(id, 10)
		number, err := found.NumberOf(v.options.Calls, key)
		if err != nil {
			return nil, err
		}
		if numbers[number] == nil {
			numbers[number] = map[string]bool{}
		}
		numbers[number][key] = true
	}
	return numbers, nil
}

// expect says how much is to be read, before anything is: of the partitions of events,
// which grow, as it is now.
func (v *Verification) expect(ctx context.Context, calls *partition.Topics, numbers map[int32]map[string]bool) (events map[int32]int64, err error) {
	found, err := partition.Lookup(ctx, v.options.Client, v.options.Events)
	if err != nil {
		return nil, err
	}
	events = map[int32]int64{}
	for number := range numbers {
		p, err := found.Partition(v.options.Events, number)
		if err != nil {
			return nil, err
		}
		held, err := calls.Partition(v.options.Calls, number)
		if err != nil {
			return nil, err
		}
		events[number] = p.Len()
		v.options.Progress.Total.Add(p.Len() + held.Len())
	}
	return events, nil
}

// one verifies a partition: first calls is read, then as much of events as it
// accounts for. So many events were expected.
func (v *Verification) one(ctx context.Context, topics *partition.Topics, number int32, only map[string]bool, expected int64) error {
	w := &work{Verification: v, number: number, only: only, met: map[string]bool{}}
	v.mu.Lock()
	v.parts = append(v.parts, w)
	v.mu.Unlock()
	var err error
	if w.folded, err = v.store.Acquire(ctx, number); err != nil {
		return err
	}
	if w.held, err = v.store.Acquire(ctx, number+heldTables); err != nil {
		return err
	}
	if w.calls, err = topics.Partition(v.options.Calls, number); err != nil {
		return err
	}
	// Looked up after calls was: it reaches at least as far as calls accounts for.
	found, err := partition.Lookup(ctx, v.options.Client, v.options.Events)
	if err != nil {
		return err
	}
	events, err := found.Partition(v.options.Events, number)
	if err != nil {
		return err
	}
	if events.Start() > 0 {
		w.report.Cut = append(w.report.Cut, number)
	}
	v.options.Progress.Total.Add(events.Len() - expected)
	if err := w.choose(ctx, events); err != nil {
		return err
	}
	if err := w.readCalls(ctx); err != nil {
		return err
	}
	accounted := events.Until(w.accounted())
	v.options.Progress.Total.Add(accounted.Len() - events.Len())
	if err := w.fold(ctx, accounted); err != nil {
		return err
	}
	if err := w.compare(ctx); err != nil {
		return err
	}
	w.unknown(only)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Report.add(&w.report)
	return nil
}

// heldTables are the numbers of the tables with what calls holds, beyond those of
// the tables with what was folded.
const heldTables = 1 << 24

func (r *Report) add(o *Report) {
	r.Events += o.Events
	r.Unfoldable += o.Unfoldable
	r.Calls += o.Calls
	r.Missing += o.Missing
	r.Extra += o.Extra
	r.Different += o.Different
	r.Differences = append(r.Differences, o.Differences...)
	r.Unknown = append(r.Unknown, o.Unknown...)
	r.Cut = append(r.Cut, o.Cut...)
	r.Hidden = append(r.Hidden, o.Hidden...)
}
