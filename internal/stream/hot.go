package stream

import (
	"container/list"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// hotStates keeps the decoded states that were committed last, in front of the
// tables. What is in it was applied to its table, and is dropped with the task
// it belongs to: it never knows more than the table, nor less.
//
// A task's states are found by its ownership, a number that no other task of this process
// ever has: should a partition be lost and come back, with states that somebody
// else changed meanwhile, what was kept before cannot be found any more.
//
// It is used by all lanes, and by the partitions of a batch, at once.
type hotStates[V any] struct {
	most         int // 0 keeps none
	size         prometheus.Gauge
	hits, misses prometheus.Counter

	mu    sync.Mutex
	order list.List                           // of *hotState[V], the last used first
	tasks map[uint64]map[string]*list.Element // by ownership
}

type hotState[V any] struct {
	ownership uint64
	key       string
	state     *V
}

// mostHotBytes is the size of record over which a state is not kept, so that the
// number of states bounds their bytes too.
const mostHotBytes = 16 << 10

func newHotStates[V any](most int, m *metrics) *hotStates[V] {
	return &hotStates[V]{most: most, size: m.hot, hits: m.hotHits, misses: m.hotMisses, tasks: map[uint64]map[string]*list.Element{}}
}

func (h *hotStates[V]) get(ownership uint64, key string) (state V, ok bool) {
	if h.most == 0 {
		return state, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	e, ok := h.tasks[ownership][key]
	if !ok {
		h.misses.Inc()
		return state, false
	}
	h.hits.Inc()
	h.order.MoveToFront(e)
	return *e.Value.(*hotState[V]).state, true
}

// put keeps a state that was applied to its table as a record of so many bytes.
// What it points to must not be changed any more.
func (h *hotStates[V]) put(ownership uint64, key string, state *V, bytes int) {
	if h.most == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch e, known := h.tasks[ownership][key]; {
	case known && bytes <= mostHotBytes:
		e.Value.(*hotState[V]).state = state
		h.order.MoveToFront(e)
	case known:
		h.remove(e)
	case bytes <= mostHotBytes:
		if h.tasks[ownership] == nil {
			h.tasks[ownership] = map[string]*list.Element{}
		}
		h.tasks[ownership][key] = h.order.PushFront(&hotState[V]{ownership, key, state})
	}
	if h.order.Len() > h.most {
		h.remove(h.order.Back())
	}
	h.size.Set(float64(h.order.Len()))
}

// drop forgets all states of a task.
func (h *hotStates[V]) drop(ownership uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.tasks[ownership] {
		h.order.Remove(e)
	}
	delete(h.tasks, ownership)
	h.size.Set(float64(h.order.Len()))
}

// remove forgets one state. The caller holds h.mu.
func (h *hotStates[V]) remove(e *list.Element) {
	s := e.Value.(*hotState[V])
	delete(h.tasks[s.ownership], s.key)
	h.order.Remove(e)
}
