package observe

import (
	"sync/atomic"
	"time"
)

// Pulse tells whether a loop turns: the loop beats at each turn, and in whatever it
// waits for on the way. The zero value is that of a loop that does not run.
type Pulse struct{ last atomic.Pointer[time.Time] }

// Beat says that the loop turns.
func (p *Pulse) Beat() {
	now := time.Now()
	p.last.Store(&now)
}

// Stop says that the loop has ended, as it should, or rests until its next turn: a timer
// does not hang.
func (p *Pulse) Stop() { p.last.Store(nil) }

// Still is for how long the loop has not turned; 0 for one that does not run, or rests.
func (p *Pulse) Still() time.Duration {
	last := p.last.Load()
	if last == nil {
		return 0
	}
	return time.Since(*last)
}
