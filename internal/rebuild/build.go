package rebuild

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/standin"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/table"
)

// Options say what is to be built.
type Options struct {
	// Client reads.
	Client *kgo.Client
	// Open makes clients that write, with the options given besides those of all
	// producers.
	Open func(...kgo.Opt) (*kgo.Client, error)
	// Events is the log, Calls the topic to build. Both exist, with as many partitions, and
	// the latter was claimed ([Claim]).
	Events, Calls string
	// Own says that the settings name Calls as the live topic, so that it is nobody else's:
	// Switch claims it where it is empty.
	Own bool
	// Processor and Sink are the consumer groups of the stages.
	Processor, Sink string
	// Dir takes the tables of what is folded; they are left to the caller to remove.
	// Empty keeps them in memory.
	Dir string
	// Progress is kept up to date.
	Progress *Progress
}

// Progress is how far the work has come. It may be looked at meanwhile.
type Progress struct {
	// Done and Total count offsets that are read, Written states that are written.
	Done, Total, Written atomic.Int64
}

// Report is what was done.
type Report struct {
	// Events is how many records were folded, Unfoldable how many others there were: they
	// are in the topic rejected.
	Events     int64 `json:"events"`
	Unfoldable int64 `json:"unfoldable"`
	// Calls is how many calls have a state.
	Calls int64 `json:"calls"`
	// Written and Removed are what the topic had otherwise: states that were written, and
	// such as no event makes. What a build that was killed had written is not among them.
	Written int64 `json:"written"`
	Removed int64 `json:"removed"`
	// Hash is a SHA-256 of all keys and states: of the sums over each partition in the
	// order of the keys, each with its length before it.
	Hash string `json:"hash"`
	// Partitions tell how far each accounts for the log.
	Partitions []Partition `json:"partitions"`
}

// Partition is one partition of the report.
type Partition struct {
	Number int32 `json:"partition"`
	// NextInput is the offset of events before which all is folded.
	NextInput int64  `json:"next_input"`
	Hash      string `json:"hash"`
}

// Build builds. It may be called again, also after an error: what is there is not
// written twice.
func Build(ctx context.Context, o Options) (Report, error) {
	read, err := standin.Offsets(ctx, o.Client, o.Sink, o.Calls)
	if err != nil {
		return Report{}, err
	}
	if len(read) > 0 {
		return Report{}, &InUseError{Topic: o.Calls, Group: o.Sink}
	}
	b := newBuilding(o)
	err = b.run(ctx)
	return b.report, err
}

// building is a build at work.
type building struct {
	Options
	// source names the log: the topic and its incarnation.
	source string
	// offsets are those of the processor's group in the log, by partition.
	offsets map[int32]int64
	// expected is how much of each partition of the log is to be read, as far as was known
	// at the beginning.
	expected map[int32]int64
	// stays is true where a log that the group has never read is folded no further.
	stays bool
	// after is called with each partition that is built.
	after func(context.Context, *work) error

	store *table.Store

	mu     sync.Mutex
	report Report
}

func newBuilding(o Options) *building { return &building{Options: o, expected: map[int32]int64{}} }

func (b *building) run(ctx context.Context) (err error) {
	if b.offsets, err = standin.Offsets(ctx, b.Client, b.Processor, b.Events); err != nil {
		return err
	}
	if b.store, err = table.Open(table.Options{Dir: b.Dir, Schema: "rebuild/1", Logger: slog.New(slog.DiscardHandler)}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.store.Close()) }()
	count, err := b.lookUp(ctx)
	if err != nil {
		return err
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for number := range int32(count) {
		group.Go(func() error {
			if err := b.partition(gctx, number); err != nil {
				return fmt.Errorf("making partition %d of %s: %w", number, b.Calls, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	slices.SortFunc(b.report.Partitions, func(a, b Partition) int { return cmp.Compare(a.Number, b.Number) })
	sum := sha256.New()
	for _, p := range b.report.Partitions {
		sum.Write([]byte(p.Hash))
	}
	b.report.Hash = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// lookUp looks at the topics, and says how much is to be read.
func (b *building) lookUp(ctx context.Context) (partitions int, err error) {
	found, err := partition.Lookup(ctx, b.Client, b.Events, b.Calls)
	if err != nil {
		return 0, err
	}
	if partitions, err = found.Count(b.Events); err != nil {
		return 0, err
	}
	switch made, err := found.Count(b.Calls); {
	case err != nil:
		return 0, err
	case made != partitions:
		return 0, fmt.Errorf("the topic %s has %d partitions and %s has %d: delete the first if nobody needs it, it is made anew as it must be", b.Calls, made, b.Events, partitions)
	}
	for number := range int32(partitions) {
		p, err := found.Partition(b.Events, number)
		if err != nil {
			return 0, err
		}
		b.source = source(b.Events, p)
		b.expected[number] = p.Len()
		if len(b.offsets) > 0 {
			b.expected[number] = p.Until(b.offsets[number]).Len()
		}
		held, err := found.Partition(b.Calls, number)
		if err != nil {
			return 0, err
		}
		if err := b.ours(ctx, number, held); err != nil {
			return 0, err
		}
		b.Progress.Total.Add(b.expected[number] + held.Len())
	}
	return partitions, nil
}

// ours looks for the mark at the beginning of a partition of the topic to build, before
// anything is written to any of them.
func (b *building) ours(ctx context.Context, number int32, held *partition.Partition) error {
	r, err := b.first(ctx, number, held)
	if err == nil && (r == nil || stream.Header(r, headerSource) != b.source) {
		err = &ForeignError{Topic: b.Calls, Source: b.Events}
	}
	return err
}

// partition builds one partition.
func (b *building) partition(ctx context.Context, number int32) error {
	w := &work{building: b, number: number}
	defer w.release()
	if err := w.begin(ctx); err != nil {
		return err
	}
	if err := w.build(ctx); err != nil {
		return err
	}
	if b.after != nil {
		if err := b.after(ctx, w); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &b.report
	r.Events += w.report.Events
	r.Unfoldable += w.report.Unfoldable
	r.Calls += w.report.Calls
	r.Written += w.report.Written
	r.Removed += w.report.Removed
	r.Partitions = append(r.Partitions, Partition{Number: number, NextInput: w.until, Hash: w.hash})
	return nil
}
