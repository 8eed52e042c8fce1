package stream

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/table"
)

// task is a partition that the group has given to a lane.
type task struct {
	partition int32
	// ownership is a number that no other task of this process has.
	ownership uint64
	// cancel ends the restore; restored is closed when it has ended, however.
	cancel   context.CancelFunc
	restored chan struct{}
	// table is set by the restore once it holds the lease, and only read after
	// restored is closed.
	table *table.Table
	// repeats is how many records may still come again that a turn has handled
	// which did not commit: no more than fit a batch, and none from the offset before
	// on. Used between polls only; the restore sets before, like table.
	repeats int
	before  int64
	// since is from when on no timer went off in a turn that did not commit.
	since time.Time
	// remaining is how many changelog offsets its restore still has to read.
	remaining atomic.Int64
	// confirmed is when the group last took the lane for a member, while this task
	// was the lane's. Guarded by lane.mu, until the task is left.
	confirmed time.Time
	// ready is true when table is restored and input may be handled. Guarded
	// by lane.mu.
	ready bool
}

// given is an assignment of a partition to a lane.
type given struct {
	ownership uint64 // of the task that it becomes
	at        time.Time
}

// assigned is the rebalance callback for new partitions, which may be none. It
// must not take long: the whole group waits for it. They are paused and become
// tasks when the client has their offsets ([lane.reconcile]).
func (l *lane[V]) assigned(_ context.Context, cl *kgo.Client, added map[string][]int32) {
	l.heartbeats.assigned()
	partitions := added[l.opts.Input]
	cl.PauseFetchPartitions(map[string][]int32{l.opts.Input: partitions})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reconcile(cl)
	l.joined = true
	for _, p := range partitions {
		l.given[p] = given{l.ownerships.Add(1), time.Now()}
	}
	l.report()
}

// taken is the rebalance callback for partitions that are taken away. The session aborts
// the first transaction that ends after that, also one that began later and whose
// partitions are all the lane's still. So the lane ends none before it handles anything:
// what a handler does outside of Kafka it would do twice.
func (l *lane[V]) taken(context.Context, *kgo.Client, map[string][]int32) { l.aborts.Store(true) }

// reconcile makes the lane's tasks those that the client owns. It is called by
// the lane after each poll, when no rebalance can take place until the turn has
// ended, so a turn uses no partition that was taken away.
//
// Kafka's clients have callbacks for what is taken away, but a
// GroupTransactSession passes on the first revocation, and the first loss, and
// then no other until a transaction was ended. A lane without input would keep a
// partition that has a new owner, and its table would be locked for ever. What
// is always true, under either group protocol, are the client's committed
// offsets: a partition is among them from when its offset was fetched until it
// is revoked or lost. One that was lost and given back meanwhile is told from
// before by its ownership.
//
// The caller holds l.mu.
func (l *lane[V]) reconcile(cl *kgo.Client) {
	confirmed := l.heartbeats.lastAccepted() // before asking what is owned
	owned := cl.CommittedOffsets()[l.opts.Input]
	before := len(l.tasks)
	changed := false
	for p, t := range l.tasks {
		if _, ok := owned[p]; !ok || l.given[p].ownership != t.ownership {
			l.leave(p, t)
			changed = true
			continue
		}
		t.confirmed = confirmed
	}
	for p, at := range owned {
		if l.tasks[p] == nil {
			l.begin(cl, p, at.Offset)
			changed = true
		}
	}
	if before > 0 && len(l.tasks) == 0 {
		l.joined = false // until the group answers
	}
	if changed {
		l.report()
	}
}

// begin makes a task of an assigned partition, of which the group handles the
// offset next, and starts its restore. The caller holds l.mu.
func (l *lane[V]) begin(cl *kgo.Client, p int32, next int64) {
	cl.PauseFetchPartitions(map[string][]int32{l.opts.Input: {p}})
	if _, ok := l.given[p]; !ok {
		l.given[p] = given{l.ownerships.Add(1), time.Now()}
	}
	ctx, cancel := context.WithCancel(context.Background())
	t := &task{partition: p, ownership: l.given[p].ownership, cancel: cancel, restored: make(chan struct{}), repeats: l.opts.BatchRecords, since: l.opts.Now()}
	l.tasks[p] = t
	l.lags.begin(t, next)
	l.metrics.restoring(p, 0)
	go l.restore(ctx, cl, t)
}

// leave ends a task. The caller holds l.mu.
func (l *lane[V]) leave(p int32, t *task) {
	t.cancel()
	delete(l.tasks, p)
	delete(l.back, p)
	if l.given[p].ownership == t.ownership {
		delete(l.given, p)
	}
	l.leaving = append(l.leaving, t)
	l.metrics.forget(p)
	l.lags.forget(t)
}

// settle gives back the tables of the tasks that left. It is called between two
// turns, when nothing uses them.
func (l *lane[V]) settle() {
	l.mu.Lock()
	leaving := l.leaving
	l.leaving = nil
	l.mu.Unlock()
	for _, t := range leaving {
		<-t.restored
		if t.table == nil {
			continue
		}
		if t.ready {
			l.keepFresh(t)
		}
		l.hot.drop(t.ownership)
		t.table.Release()
	}
}

// keepFresh notes until when the table was up to date, so that one of a quiet
// partition is not taken for one that has missed deletions. That is not the
// present time: a process that was suspended for hours may only now learn that
// its partition had another owner all the while.
func (l *lane[V]) keepFresh(t *task) {
	c := t.table.Checkpoint()
	if !t.confirmed.After(c.SavedAt) {
		return
	}
	c.SavedAt = t.confirmed
	if err := t.table.Apply(nil, c); err != nil {
		l.log.Warn("noting that a table is up to date", "cause", err)
	}
}

// opened marks a task as restored and lets its input flow, unless the partition
// was taken away meanwhile.
func (l *lane[V]) opened(cl *kgo.Client, t *task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tasks[t.partition] == t {
		t.ready = true
		l.lags.restored(t)
		l.restUntil, l.wokenAt = time.Time{}, time.Now()
		cl.ResumeFetchPartitions(map[string][]int32{l.opts.Input: {t.partition}})
		l.report()
	}
}

// restoreFailed says why a task has to wait.
func (l *lane[V]) restoreFailed(t *task, cause error) {
	l.log.Warn("restoring failed; trying again", "partition", t.partition, "cause", cause)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tasks[t.partition] == t {
		l.opts.Health(l.id, cause)
	}
}

// ready returns the task of a partition that may be used, or nil.
func (l *lane[V]) ready(p int32) *task {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.tasks[p]; t != nil && t.ready {
		return t
	}
	return nil
}

// allReady returns the tasks that may be used, by partition.
func (l *lane[V]) allReady() []*task {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ready []*task
	for _, p := range slices.Sorted(maps.Keys(l.tasks)) {
		if t := l.tasks[p]; t.ready {
			ready = append(ready, t)
		}
	}
	return ready
}

// report tells the health registry how far the lane is. The caller holds l.mu.
func (l *lane[V]) report() {
	var restoring []int32
	remaining := int64(0)
	for p, t := range l.tasks {
		if !t.ready {
			restoring = append(restoring, p)
			remaining += t.remaining.Load()
		}
	}
	for p, g := range l.given {
		// An offset is told once the previous owner's transaction has ended. What
		// takes longer was taken away again before its offset was known.
		if l.tasks[p] == nil && time.Since(g.at) < l.opts.Timeouts.Transaction {
			restoring = append(restoring, p)
		}
	}
	switch {
	case !l.joined:
		l.opts.Health(l.id, errJoining)
	case len(restoring) > 0:
		slices.Sort(restoring)
		l.opts.Health(l.id, &RestoringError{Partitions: restoring, Remaining: remaining})
	default:
		l.opts.Health(l.id, nil)
	}
}
