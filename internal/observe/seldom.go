package observe

import (
	"sync"
	"time"
)

// remindEvery is how often a [Seldom] lets something happen.
const remindEvery = time.Minute

// Seldom lets something happen once in a minute, such as a line in the log about a
// trouble that lasts, or that anybody can provoke. The zero value lets it at once.
type Seldom struct {
	mu   sync.Mutex
	last time.Time
}

// Now tells whether it may happen now; true counts as having happened.
func (s *Seldom) Now() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.IsZero() && time.Since(s.last) < remindEvery {
		return false
	}
	s.last = time.Now()
	return true
}

// Reset has it happen at once the next time.
func (s *Seldom) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Time{}
}
