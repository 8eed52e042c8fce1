package stream

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/table"
)

// task is a partition that the group has given to a lane.
type task struct {
	partition int32
	// cancel ends the restore; restored is closed when it has ended, however.
	cancel   context.CancelFunc
	restored chan struct{}
	// table is set by the restore once it holds the lease, and only read after
	// restored is closed.
	table *table.Table
	// ready is true when table is restored and input may be handled. Guarded
	// by lane.mu.
	ready bool
}

// assigned is the rebalance callback for new partitions. It must not take long:
// the whole group waits for it.
func (l *lane[V]) assigned(_ context.Context, cl *kgo.Client, given map[string][]int32) {
	partitions := given[l.opts.Input]
	cl.PauseFetchPartitions(map[string][]int32{l.opts.Input: partitions})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.joined = true
	for _, p := range partitions {
		ctx, cancel := context.WithCancel(context.Background())
		t := &task{partition: p, cancel: cancel, restored: make(chan struct{})}
		l.tasks[p] = t
		go l.restore(ctx, cl, t)
	}
	l.report()
}

// rejoining is called when the lane (re)joins the group, with the partitions that
// it still owns: the others were taken away, or lost. It must not wait for the
// turn in hand; the tables are given back by settle.
func (l *lane[V]) rejoining(owned map[string][]int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, t := range l.tasks {
		if !slices.Contains(owned[l.opts.Input], p) {
			l.leave(p, t)
		}
	}
	l.joined = len(l.tasks) > 0 // without any, until the group answers
	l.report()
}

// leave ends a task. The caller holds l.mu.
func (l *lane[V]) leave(p int32, t *task) {
	t.cancel()
	delete(l.tasks, p)
	delete(l.back, p)
	l.leaving = append(l.leaving, t)
	l.metrics.forget(p)
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
			l.keepFresh(t.table)
		}
		t.table.Release()
	}
}

// keepFresh notes that the table was up to date until now, so that one of a
// quiet partition is not taken for one that has missed deletions.
func (l *lane[V]) keepFresh(tab *table.Table) {
	c := tab.Checkpoint()
	c.SavedAt = l.opts.Now()
	if err := tab.Apply(nil, c); err != nil {
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
	for p, t := range l.tasks {
		if !t.ready {
			restoring = append(restoring, p)
		}
	}
	switch {
	case !l.joined:
		l.opts.Health(l.id, errJoining)
	case len(restoring) > 0:
		slices.Sort(restoring)
		l.opts.Health(l.id, &RestoringError{restoring})
	default:
		l.opts.Health(l.id, nil)
	}
}
