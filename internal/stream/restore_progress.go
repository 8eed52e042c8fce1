package stream

import (
	"context"
	"fmt"
	"time"
)

// RestoringError says which partitions are being restored, and how far that is.
type RestoringError struct {
	Partitions []int32
	// Remaining is how many changelog offsets are still to be read, where that is
	// known by now.
	Remaining int64
}

func (e *RestoringError) Error() string {
	return fmt.Sprintf("restoring the state of partitions %v: about %d records to go", e.Partitions, e.Remaining)
}

// longRead is how many records make a restore one that has to queue: what a
// restart finds at the end of the log is read at once, for all partitions.
const longRead = 20_000

// queue lets as many long restores go on at a time as there are processors. More
// would not be faster, and each takes memory.
func (r *reading[V]) queue(ctx context.Context) error {
	if r.left() <= longRead {
		r.rest()
		return nil
	}
	if r.holds {
		return nil
	}
	select {
	case r.longReads <- struct{}{}:
		r.holds = true
		r.begun(r.opts.Now(), r.left())
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rest lets the next in the queue go on.
func (r *reading[V]) rest() {
	if r.holds {
		<-r.longReads
		r.holds = false
	}
}

// progress is that of one reading.
type progress struct {
	holds bool // one of Engine.longReads

	start      time.Time
	toDo       int64 // at start
	told, said time.Time
}

// How often the progress of a restore is told to the health registry, and logged.
const (
	tellEvery = time.Second
	logEvery  = 10 * time.Second
)

func (p *progress) begun(now time.Time, toDo int64) {
	p.start, p.toDo, p.said = now, toDo, now
}

// tell reports the progress where it is seen: the metric, readiness, and now and
// then the log.
func (r *reading[V]) tell() {
	now, left := r.opts.Now(), r.left()
	r.metrics.restoring(r.of.partition, left)
	r.of.remaining.Store(left)
	if now.Sub(r.told).Abs() >= tellEvery {
		r.told = now
		r.mu.Lock()
		r.report()
		r.mu.Unlock()
	}
	if took := now.Sub(r.said); took.Abs() >= logEvery {
		r.said = now
		rate := float64(r.toDo-left) / max(1, now.Sub(r.start).Seconds())
		r.log.Info("restoring", "partition", r.of.partition, "done", r.toDo-left, "remaining", left, "per_second", int64(rate))
	}
}
