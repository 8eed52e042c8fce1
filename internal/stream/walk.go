package stream

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/callfold/callfold/internal/table"
)

// Place is where a walk over the states of a process is: behind a key of a partition.
// The zero Place is before all of them.
type Place struct {
	Partition int32  `json:"partition"`
	Key       string `json:"key"`
}

// walked are the lanes over whose states one may walk; none before and after Run.
type walked[V any] struct {
	mu    sync.RWMutex // read-locked by a walk: the store stays open meanwhile
	lanes []*lane[V]
}

func (w *walked[V]) set(lanes []*lane[V]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lanes = lanes
}

// Walk gives up to most states from behind a place on, in the order of partitions and
// keys: those of the partitions that the process owns and has restored, as they were
// committed last. next is where to go on; end is true where nothing is behind it. It
// may be called while the stage works, by any goroutine. f must not take long, since
// the stage cannot end meanwhile.
//
// It is for looking, not for working: what it gives may be older than what the owner
// of the partition has in hand.
func (e *Engine[V]) Walk(from Place, most int, f func(key string, v V) error) (next Place, end bool, err error) {
	e.walked.mu.RLock()
	defer e.walked.mu.RUnlock()
	next = from
	for _, part := range e.walked.tables() {
		if part.number < from.Partition {
			continue
		}
		after := ""
		if part.number == from.Partition {
			after = from.Key
		}
		err := part.table.After(after, most, func(key string, value []byte) error {
			v, err := e.opts.Codec.Decode(e.opts.Codec.Schema(), value)
			if err != nil {
				return fmt.Errorf("reading the state of %s: %w", key, err)
			}
			most--
			next = Place{part.number, key}
			return f(key, v)
		})
		if err != nil || most == 0 {
			return next, false, err
		}
	}
	return next, true, nil
}

// restoredTable is the table of a partition that may be used.
type restoredTable struct {
	number int32
	table  *table.Table
}

// tables are those of all lanes, by partition.
func (w *walked[V]) tables() (tables []restoredTable) {
	for _, l := range w.lanes {
		for _, t := range l.allReady() {
			tables = append(tables, restoredTable{t.partition, t.table})
		}
	}
	slices.SortFunc(tables, func(a, b restoredTable) int { return cmp.Compare(a.number, b.number) })
	return tables
}
