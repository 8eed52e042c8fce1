package projector

import "sync"

// memo remembers the results of a pure function, at most about 2 × size of
// them: when the young half is full it becomes the old half, and the old one is
// forgotten. What is asked for again moves back into the young half. It holds
// for parsing phone numbers, which costs as much as all other work for a Task.
type memo[K comparable, V any] struct {
	size       int
	mu         sync.Mutex
	young, old map[K]V
}

func newMemo[K comparable, V any](size int) *memo[K, V] {
	return &memo[K, V]{size: size, young: make(map[K]V)}
}

// get returns compute(k), from memory where possible. Two callers may compute
// the same value at the same time; it is the same value.
func (m *memo[K, V]) get(k K, compute func(K) V) V {
	m.mu.Lock()
	v, ok := m.young[k]
	if !ok {
		if v, ok = m.old[k]; ok {
			m.put(k, v)
		}
	}
	m.mu.Unlock()
	if ok {
		return v
	}
	v = compute(k)
	m.mu.Lock()
	m.put(k, v)
	m.mu.Unlock()
	return v
}

func (m *memo[K, V]) put(k K, v V) {
	if len(m.young) >= m.size {
		m.old, m.young = m.young, make(map[K]V, m.size)
	}
	m.young[k] = v
}
