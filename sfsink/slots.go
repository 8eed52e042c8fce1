package sfsink

import (
	"context"
	"sync"
)

// slots bounds the write requests that are under way at once. When requests get in
// each other's way, because rows are locked or Salesforce takes no more at once, there
// are half as many; each full round that goes well adds one again.
type slots struct {
	most int

	mu      sync.Mutex
	limit   int
	used    int
	good    int // requests that went well since the limit was changed
	waiting []chan struct{}
}

func newSlots(most int) *slots { return &slots{most: most, limit: most} }

// acquire waits for a slot.
func (s *slots) acquire(ctx context.Context) error {
	s.mu.Lock()
	if s.used < s.limit {
		s.used++
		s.mu.Unlock()
		return nil
	}
	mine := make(chan struct{})
	s.waiting = append(s.waiting, mine)
	s.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, w := range s.waiting {
			if w == mine {
				s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
				return ctx.Err()
			}
		}
		s.free() // it was given to us meanwhile
		return ctx.Err()
	}
}

// release gives a slot back. crowded says that its request met others.
func (s *slots) release(crowded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if crowded {
		s.limit, s.good = max(1, s.limit/2), 0
	} else if s.good++; s.good >= s.limit && s.limit < s.most {
		s.limit, s.good = s.limit+1, 0
	}
	s.free()
}

// free gives slots to those who wait, as many as there are. The caller holds s.mu, and
// one slot that it does not need any more.
func (s *slots) free() {
	s.used--
	for len(s.waiting) > 0 && s.used < s.limit {
		s.used++
		close(s.waiting[0])
		s.waiting = s.waiting[1:]
	}
}

// allowed is how many requests may be under way at once just now.
func (s *slots) allowed() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return float64(s.limit)
}
