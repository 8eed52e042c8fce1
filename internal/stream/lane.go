package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/observe"
)

// lane is one member of the group with one transactional producer.
type lane[V any] struct {
	*Engine[V]
	// id is the transactional id and, without the suffix, the member's
	// instance id. Both stay the same over restarts: so the group gives a
	// restarted process its partitions back at once, and a transaction that it
	// left open is ended when it comes back instead of when it times out.
	id  string
	log *slog.Logger
	// pulse beats at each turn, and in what a turn waits for: see [Engine.Alive].
	pulse *observe.Pulse

	session *kgo.GroupTransactSession
	// heartbeats are the session's.
	heartbeats *heartbeats
	// whole is true when nothing is left of what the predecessor left open; else
	// lookAgain is when to see whether the rest can be ended.
	whole     bool
	lookAgain time.Time
	// room is how many records the next batch may have.
	room int
	// aborts is true when the session may abort the next transaction, see [lane.taken].
	aborts atomic.Bool
	// behind is true when more input was known than the last batch took, moreDue when
	// more timers were due; rested, when input was left lying since, so that the next
	// batch has to be gathered.
	behind, moreDue, rested bool

	mu      sync.Mutex
	tasks   map[int32]*task // what the group has given us
	given   map[int32]given // when it gave it, also what is no task yet
	leaving []*task         // what it took away; their tables are still ours
	joined  bool            // the group has given us an assignment
	// restUntil is when the lane takes the next turn, see [Options.Linger]; wokenAt
	// when a partition was last restored, whose input may have waited for long.
	restUntil, wokenAt time.Time
	back               map[int32]kgo.EpochOffset // partitions whose group offset must go back
}

func newLane[V any](e *Engine[V], number int) *lane[V] {
	id := fmt.Sprintf("%s-%s-%d", e.opts.Group, e.opts.Instance, number)
	return &lane[V]{Engine: e, id: id, log: e.opts.Logger.With("lane", number), pulse: &e.pulses[number], room: e.opts.BatchRecords, tasks: map[int32]*task{}, given: map[int32]given{}, back: map[int32]kgo.EpochOffset{}}
}

// run opens sessions until ctx is done.
func (l *lane[V]) run(ctx context.Context) {
	defer l.pulse.Stop()
	wait := newBackOff()
	var told observe.Seldom
	for ctx.Err() == nil {
		l.pulse.Beat()
		began := time.Now()
		err := l.runSession(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if errors.Is(err, errRest) {
			l.log.Info("opening a new Kafka session", "cause", err)
			continue
		}
		l.opts.Health(l.id, err)
		if told.Now() {
			l.log.Error("the Kafka session ended; opening a new one", "cause", err)
		}
		if time.Since(began) > time.Minute {
			wait.Reset()
		}
		pause(ctx, wait.NextBackOff())
	}
}

// runSession takes turns until ctx is done (then it returns nil) or the session
// cannot be used any longer.
func (l *lane[V]) runSession(ctx context.Context) error {
	sctx, cut := context.WithCancel(context.Background())
	defer cut()
	if err := l.succeed(ctx); err != nil {
		return err
	}
	l.heartbeats = &heartbeats{now: l.opts.Now}
	l.aborts.Store(false)
	session, err := kgo.NewGroupTransactSession(append(l.options(), kgo.WithContext(sctx))...)
	if err != nil {
		return fmt.Errorf("opening a Kafka session: %w", err)
	}
	l.session = session
	defer l.close(cut)
	cctx, unclaim := context.WithCancel(ctx)
	defer unclaim() // before it closes: who leaves makes no rebalance but by leaving
	go l.claimAll(cctx, session.Client())

	wait := newBackOff()
	wait.MaxInterval = mostPutOff
	for ctx.Err() == nil {
		l.pulse.Beat()
		l.settle()
		if err := l.goBack(ctx); err != nil {
			return err
		}
		if err := l.endRest(ctx); err != nil {
			return err
		}
		if l.rest(ctx) {
			continue
		}
		b, err := l.poll(ctx)
		if err != nil {
			return err
		}
		if len(b.Partitions) == 0 {
			session.AllowRebalance()
			continue
		}
		failed, err := l.turn(ctx, b)
		session.AllowRebalance()
		switch {
		case err != nil:
			return err
		case errors.Is(failed, errRebalanced):
			l.log.Info("a batch comes again", "cause", failed)
			pause(ctx, wait.NextBackOff())
		case failed != nil && ctx.Err() == nil:
			l.opts.Health(l.id, failed)
			l.log.Warn("a batch was put off", "cause", failed)
			pause(ctx, wait.NextBackOff())
		default:
			wait.Reset()
			l.linger()
			l.mu.Lock()
			l.report()
			l.mu.Unlock()
		}
	}
	return nil
}

// mostPutOff is about how long a batch that failed again and again is put off. Each
// attempt may cost other systems something.
const mostPutOff = time.Minute

// errRebalanced is the one reason for a batch to come again that is no trouble.
var errRebalanced = errors.New("the transaction was aborted, as it is when the group rebalances")

// turn handles and commits one batch. It returns why the batch has to come
// again (the handler's error, or a clean abort), or an error after which the
// session and everything local beyond the checkpoints must go.
func (l *lane[V]) turn(ctx context.Context, b *Batch[V]) (failed, fatal error) {
	began := time.Now()
	failed = l.handle(ctx, b)
	l.metrics.handleSeconds.Observe(time.Since(began).Seconds())
	if failed != nil {
		l.comesAgain(b)
		_, err := l.end(context.WithoutCancel(ctx), kgo.TryAbort) // rewinds the input
		return failed, err
	}
	began = time.Now()
	aborted, unknown := l.commit(ctx, b)
	l.metrics.transaction(aborted, unknown, time.Since(began))
	if unknown != nil {
		return nil, fmt.Errorf("the outcome of a transaction is unknown: %w", unknown)
	}
	if aborted != nil {
		l.comesAgain(b)
		return aborted, nil
	}
	l.cameThrough(b)
	return nil, l.apply(b)
}

// comesAgain notes that a batch did not commit. Its hot states are dropped: the
// handler had them in hand, and the next one begins from what is in the tables.
func (l *lane[V]) comesAgain(b *Batch[V]) {
	for _, p := range b.Partitions {
		l.hot.drop(p.ownership)
		if t := l.ready(p.ID); t != nil {
			t.repeats, t.before, t.since = l.opts.BatchRecords, max(t.before, p.next), b.Now
		}
	}
}

// cameThrough notes that a batch was committed: its records do not come again.
func (l *lane[V]) cameThrough(b *Batch[V]) {
	for _, p := range b.Partitions {
		if t := l.ready(p.ID); t != nil {
			t.repeats = max(0, t.repeats-len(p.Records))
		}
	}
}

// handle calls the handler with a context that lives Grace longer than ctx.
func (l *lane[V]) handle(ctx context.Context, b *Batch[V]) error {
	ctx, cancel := outlive(ctx, l.opts.Grace)
	defer cancel()
	return l.opts.Handler.Handle(ctx, b)
}

// outlive returns a context that is done so long after ctx.
func outlive(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		pause(longer, by)
		cancel()
	})
	return longer, func() { stop(); cancel() }
}

// pollWait bounds how long a lane without input takes to see what else there is
// to do: timers that are due, tables to give back, the end.
const pollWait = 200 * time.Millisecond

// poll waits for input or timers and makes a batch of them, which may be empty.
func (l *lane[V]) poll(ctx context.Context) (*Batch[V], error) {
	// The client forgets a broker where its offsets are reset just as it begins to fetch
	// from it (franz-go 1.22, source.loopFetch): this has it look again, and nothing else.
	l.session.Client().ResumeFetchPartitions(nil)
	fetches := l.fetch(ctx)
	var errs []error
	fetches.EachError(func(topic string, p int32, err error) {
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			errs = append(errs, l.pollError(topic, p, err))
		}
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}

	l.behind, l.rested = fetches.NumRecords() >= l.room, false
	l.makeRoom(fetches)
	b := &Batch[V]{Now: l.opts.Now(), owned: l.stillOwned}
	if len(fetches) == 0 {
		return b, nil // the poll was woken for nothing and does not hold off rebalances
	}
	l.mu.Lock()
	l.reconcile(l.session.Client())
	l.mu.Unlock()
	if l.aborts.Load() {
		l.log.Debug("putting off records since partitions were taken away")
		_, err := l.end(context.WithoutCancel(ctx), kgo.TryAbort) // rewinds them
		return b, err
	}
	var unready []int32
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		if len(f.Records) == 0 {
			return
		}
		t := l.ready(f.Partition)
		if t == nil {
			unready = append(unready, f.Partition)
			return
		}
		last := f.Records[len(f.Records)-1]
		l.behind = l.behind || f.LastStableOffset > last.Offset+1
		p := l.partition(b, t)
		if p.next == 0 { // else its oldest record is known
			l.lags.polled(f)
		}
		p.next = last.Offset + 1
		p.Records = append(p.Records, slices.DeleteFunc(f.Records, noInput)...)
		p.Repeats = min(t.repeats, before(p.Records, t.before))
	})
	if len(unready) > 0 {
		// Records that were fetched before their partition was paused. They
		// cannot be used yet; ending the turn rewinds them.
		l.log.Debug("putting off records of partitions that are not restored", "partitions", unready)
		_, err := l.end(context.WithoutCancel(ctx), kgo.TryAbort)
		return &Batch[V]{}, err
	}
	if err := l.starved(b); err != nil {
		return nil, err
	}
	return b, l.addDue(b)
}

// stillOwned is [Batch.StillOwned]. The group drops a member whose heartbeats it has
// missed for as long as a session. A handler that asks is one that goes on.
func (l *lane[V]) stillOwned() error {
	l.pulse.Beat()
	last := l.heartbeats.lastAccepted()
	if silent := l.opts.Now().Sub(last); !last.IsZero() && silent > l.opts.Timeouts.Session {
		return fmt.Errorf("the group was not heard of for %s, more than a session: its partitions may belong to another process", silent.Round(time.Second))
	}
	return nil
}

// before counts the records with lower offsets, of records in order.
func before(records []*kgo.Record, offset int64) int {
	if i := slices.IndexFunc(records, func(r *kgo.Record) bool { return r.Offset >= offset }); i >= 0 {
		return i
	}
	return len(records)
}

// noInput tells what is of Kafka or of the engine from what is for the handler.
func noInput(r *kgo.Record) bool { return r.Attrs.IsControl() || IsMarker(r) }

// makeRoom bounds the bytes of the next batch, which is taken to have records as
// large as the last.
func (l *lane[V]) makeRoom(last kgo.Fetches) {
	if records, bytes := sizeOf(last); bytes > 0 {
		l.room = max(1, min(l.opts.BatchRecords, batchBytes*records/bytes))
	}
}

// sizeOf is how many records there are, and how many bytes they have.
func sizeOf(fetches kgo.Fetches) (records, bytes int) {
	fetches.EachRecord(func(r *kgo.Record) {
		records++
		bytes += len(r.Key) + len(r.Value)
	})
	return records, bytes
}

// pollError says what could not be read; an empty topic stands for the group.
func (l *lane[V]) pollError(topic string, p int32, err error) error {
	switch {
	case errors.Is(err, kerr.FencedInstanceID), errors.Is(err, kerr.UnreleasedInstanceID):
		return fmt.Errorf("another process is %s in the group %s: give each process its own kafka.instance: %w", l.id, l.opts.Group, err)
	case topic == "":
		return err
	}
	return fmt.Errorf("reading %s, partition %d: %w", topic, p, err)
}

// addDue adds the keys whose timers have expired, as many again as records.
func (l *lane[V]) addDue(b *Batch[V]) error {
	if l.opts.Timer == nil {
		return nil
	}
	room := l.opts.BatchRecords
	l.moreDue = false
	for _, t := range l.allReady() {
		due, err := t.table.Due(b.Now, room)
		if err != nil {
			return err
		}
		if len(due) > 0 {
			l.partition(b, t).Due = due
		}
		if room -= len(due); room <= 0 {
			l.moreDue = true
			break
		}
	}
	return nil
}

// partition returns the batch's view of a task's partition.
func (l *lane[V]) partition(b *Batch[V], t *task) *Partition[V] {
	for _, p := range b.Partitions {
		if p.ID == t.partition {
			return p
		}
	}
	p := &Partition[V]{ID: t.partition, codec: l.opts.Codec, table: t.table, hot: l.hot, ownership: t.ownership, Since: t.since}
	b.Partitions = append(b.Partitions, p)
	return p
}

// closeWithin bounds how long closing a session waits for a rebalance to end,
// which the broker may hold up for as long as the rebalance timeout.
const closeWithin = 2 * time.Second

// close ends the session and gives all tables back. cut breaks off the
// session's requests.
func (l *lane[V]) close(cut func()) {
	timer := time.AfterFunc(closeWithin, cut)
	defer timer.Stop()
	l.session.CloseAllowingRebalance()
	l.mu.Lock()
	for p, t := range l.tasks {
		l.leave(p, t)
	}
	l.joined = false
	l.restUntil = time.Time{}
	clear(l.back)
	clear(l.given)
	l.mu.Unlock()
	l.settle()
}
