package sfsink

import (
	"sync"
	"time"

	"github.com/callfold/callfold/schemas"
)

// parked knows since when calls that Salesforce refused for the moment wait to be
// written, for the metric of the oldest of them. A process learns of a parked call when
// it is tried, which each is within an hour, so after a start the metric grows into the
// truth. It is safe for concurrent use.
type parked struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[string]waiting // by call
}

type waiting struct {
	since time.Time
	next  time.Time // when it is tried again
}

// mostParked bounds what is remembered. Where more wait, those that are left out come
// again, when there is room.
const mostParked = 10_000

// outcome notes how a call's turn ended.
func (p *parked) outcome(key string, o *schemas.Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.by[key]
	switch {
	case o.Result != schemas.Retrying:
		delete(p.by, key)
	case known || len(p.by) < mostParked:
		p.by[key] = waiting{since: time.UnixMilli(o.Since), next: time.UnixMilli(o.NextAttempt)}
	}
}

// putOff notes that a turn was given up: its calls wait on.
func (p *parked) putOff(inputs []input) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, in := range inputs {
		for _, key := range in.due {
			if w, ok := p.by[key]; ok {
				w.next = p.now()
				p.by[key] = w
			}
		}
	}
}

// waiting is how many calls wait, and for how long the oldest. Calls that were not
// tried for long after their time belong to another process by now.
func (p *parked) waiting() (calls int, oldest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, w := range p.by {
		if p.now().Sub(w.next) > forgetPause {
			delete(p.by, key)
			continue
		}
		oldest = max(oldest, p.now().Sub(w.since))
	}
	return len(p.by), oldest
}
