package sfsink

import (
	"context"
	"sync"
)

// locks keeps requests apart that concern the same accounts, over all lanes.
type locks struct {
	mu   sync.Mutex
	held map[string]bool
	// freed is closed, and replaced, whenever keys become free.
	freed chan struct{}
}

func newLocks() *locks {
	return &locks{held: map[string]bool{}, freed: make(chan struct{})}
}

// acquire waits until none of the keys is held and takes them all at once, so
// that two requests never wait for each other.
func (l *locks) acquire(ctx context.Context, keys []string) (release func(), err error) {
	for {
		l.mu.Lock()
		if !l.anyHeld(keys) {
			for _, k := range keys {
				l.held[k] = true
			}
			l.mu.Unlock()
			return func() { l.release(keys) }, nil
		}
		freed := l.freed
		l.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *locks) anyHeld(keys []string) bool {
	for _, k := range keys {
		if l.held[k] {
			return true
		}
	}
	return false
}

func (l *locks) release(keys []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range keys {
		delete(l.held, k)
	}
	close(l.freed)
	l.freed = make(chan struct{})
}
