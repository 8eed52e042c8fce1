package stream

import (
	"errors"
	"fmt"
	"sync"

	"github.com/callfold/callfold/internal/table"
)

// ErrNotOwned says that the process does not own a partition, or has not restored it.
var ErrNotOwned = errors.New("the partition is not this process's, or not restored yet")

// Owned are the partitions that the process owns and has restored, each with the offset
// before which all of its input is handled, as was committed last. It may be called while
// the stage works, by any goroutine.
func (e *Engine[V]) Owned() (map[int32]int64, error) {
	e.working.mu.RLock()
	defer e.working.mu.RUnlock()
	owned := map[int32]int64{}
	for _, l := range e.working.lanes {
		for _, t := range l.allReady() {
			saved, err := t.table.Saved()
			if err != nil {
				return nil, err
			}
			owned[t.partition] = saved.NextInput
		}
	}
	return owned, nil
}

// Get is the state of a key in such a partition as it was committed last; ok is false
// where there is none. It may be called as Owned may, and what was handled before Owned
// was called it has. The error may be [ErrNotOwned].
//
// It is for looking, not for working: what it gives may be older than what the owner
// of the partition has in hand.
func (e *Engine[V]) Get(partition int32, key string) (v V, ok bool, err error) {
	e.working.mu.RLock()
	defer e.working.mu.RUnlock()
	held := e.working.table(partition)
	if held == nil {
		return v, false, fmt.Errorf("reading the state of %s in partition %d: %w", key, partition, ErrNotOwned)
	}
	value, ok, err := held.Get(key)
	if err != nil || !ok {
		return v, false, err
	}
	if v, err = e.opts.Codec.Decode(e.opts.Codec.Schema(), value); err != nil {
		return v, false, fmt.Errorf("reading the state of %s: %w", key, err)
	}
	return v, true, nil
}

// working are the lanes of a stage that runs; none before and after Run.
type working[V any] struct {
	mu    sync.RWMutex // read-locked by who looks at their tables: the store stays open meanwhile
	lanes []*lane[V]
}

func (w *working[V]) set(lanes []*lane[V]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lanes = lanes
}

// table is that of a partition, nil where it may not be used.
func (w *working[V]) table(partition int32) *table.Table {
	for _, l := range w.lanes {
		if t := l.ready(partition); t != nil {
			return t.table
		}
	}
	return nil
}
