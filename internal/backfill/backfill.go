package backfill

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/aircall"
	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/schemas"
)

// Settle is how long a call may have begun before its first webhook is in the log
// and folded. What is younger is not looked at where nobody asks for it: it would
// only look missing.
const Settle = 15 * time.Minute

// stillOpen is how long after its beginning a call is taken for one that ought
// to have ended.
const stillOpen = 6 * time.Hour

// Options configure a [Backfill].
type Options struct {
	Aircall *aircall.Client
	// Client has [ProducerOptions] and kafka.ProducerOptions.
	Client *kgo.Client
	// Events and Calls are full names of topics.
	Events, Calls string
	// Dir is where progress is noted; empty = nowhere.
	Dir string
	// DryRun reads everything and publishes nothing.
	DryRun bool
	Logger *slog.Logger
	Now    func() time.Time
	// Registerer may be nil.
	Registerer prometheus.Registerer
}

// Backfill fetches calls into the log.
type Backfill struct {
	o       Options
	metrics *metrics
	pulse   observe.Pulse // of Every

	read, until atomic.Int64 // of the run that is under way
}

// New makes a Backfill.
func New(o Options) *Backfill {
	if o.DryRun {
		o.Dir = ""
	}
	return &Backfill{o: o, metrics: newMetrics(o.Registerer)}
}

// Progress is how many calls a run has read so far, and up to when. It may be
// called meanwhile.
func (b *Backfill) Progress() (read int64, until time.Time) {
	return b.read.Load(), time.Unix(b.until.Load(), 0).UTC()
}

// Once reads the calls that started from one time up to another, whole seconds.
// Where a backfill from the same time was ended before it was done, it goes on
// there. The report is of all of it; with an error, of what was done.
func (b *Backfill) Once(ctx context.Context, from, to time.Time) (Report, error) {
	p, err := openProgress(b.o.Dir, "from-"+strconv.FormatInt(from.Unix(), 10)+".jsonl")
	if err != nil {
		return Report{}, err
	}
	until, found, err := p.read()
	if err != nil {
		return Report{}, err
	}
	found.From, found.To, found.DryRun = from.UTC(), to.UTC(), b.o.DryRun
	begin := max(from.Unix(), until)
	if until > 0 {
		b.o.Logger.Info("going on where an earlier backfill was ended", "until", time.Unix(until, 0).UTC())
	}
	err = b.run(ctx, begin, to.Unix(), p, &found)
	found.finish()
	if err != nil {
		return found, err
	}
	return found, p.done()
}

// run reads the calls of a range and adds what it found to the report.
func (b *Backfill) run(ctx context.Context, from, to int64, p *progress, found *Report) error {
	b.read.Store(found.Read)
	b.until.Store(from)
	log, hidden, err := b.knownIn(ctx, from, to)
	if err != nil {
		return err
	}
	if found.Hidden = hidden; len(hidden) > 0 {
		b.o.Logger.Warn("a transaction that stays open hides states of calls, which may look missing", "partitions", hidden)
	}
	r := run{Backfill: b, log: log}
	for todo := []span{{from, to}}; len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if s.from >= s.to {
			continue
		}
		r.found = Report{}
		whole, err := r.readSpan(ctx, s)
		if err != nil {
			return err
		}
		if !whole {
			todo = append(todo, span{s.middle(), s.to}, span{s.from, s.middle()})
			continue
		}
		if err := p.note(s.to, &r.found); err != nil {
			return err
		}
		b.count(&r.found, s.to)
		found.add(&r.found)
	}
	return nil
}

// count moves the metrics once a part is done.
func (b *Backfill) count(part *Report, until int64) {
	b.until.Store(until)
	m := b.metrics
	m.calls.WithLabelValues(resultPublished).Add(float64(part.Published))
	m.calls.WithLabelValues(resultUnchanged).Add(float64(part.Unchanged))
	m.calls.WithLabelValues(resultErased).Add(float64(part.Erased))
	m.missing.Add(float64(len(part.Missing)))
	m.closed.Add(float64(len(part.Closed)))
	m.readUntil.Set(float64(until))
}

// knownIn is what the log knows of the calls that may be in a range: those whose
// beginning is unknown, or which were erased, may be too.
func (b *Backfill) knownIn(ctx context.Context, from, to int64) (map[int64]known, []int32, error) {
	const margin = 24 * 60 * 60 // Aircall may give a call another second of beginning than its webhooks did
	log, hidden, err := readCalls(ctx, b.o.Client, b.o.Calls, func(r *schemas.CallRecord) (known, bool) {
		if began := r.State.StartedAt; began != 0 && (began < from-margin || began >= to+margin) {
			return known{}, false
		}
		return knownOf(r), true
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reading what the log knows: %w", err)
	}
	return log, hidden, nil
}
