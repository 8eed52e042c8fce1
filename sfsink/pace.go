package sfsink

import (
	"sync"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
)

const (
	// paceShare is what the sink means to use of the org's daily API requests, and
	// paceOver the time over which it spreads them: a working day.
	paceShare = 0.025
	paceOver  = 10 * time.Hour
	// paceKeeps is how long requests are saved that were not used: after a quiet
	// quarter of an hour so many turns in a row may go at once.
	paceKeeps = 15 * time.Minute
	// turnsWorth is what a turn takes as a rule: a lookup and a write.
	turnsWorth = 2
	// paceCall is what is spent on a call that comes in a turn, if that is more: however
	// busy a call centre is, its calls wait for seconds only. A call comes in four turns
	// to eight, so it is 0.02 to 0.05 requests a call.
	paceCall = 0.006
)

// pace decides how long lanes let input gather before they spend API requests on it.
// A turn costs about the same for one call as for a thousand. All lanes of the process
// share one bucket of requests, which fills so fast that a working day takes a
// fortieth of the org's allocation, or for each call that comes if that is more, and is
// emptied by what is really sent. While it has enough for a turn nobody waits: a quiet
// sink writes at once. Else a lane waits until there is enough, but never longer than
// most.
type pace struct {
	usage func() (salesforce.Usage, bool)
	sent  func() int64 // requests since the process began
	short func() bool  // API requests are short: save what can be saved
	most  time.Duration
	now   func() time.Time

	mu     sync.Mutex
	left   float64 // requests in the bucket; below 0 they are owed
	filled time.Time
	seen   int64 // of sent
	calls  int64 // that have come since it was filled
	// rewriting is when a turn last had rewrites.
	rewriting time.Time
	newest    time.Duration
	// busy is how fast calls came of late, as requests a second that they are worth.
	busy float64
}

// came notes that a turn had so many calls of which something new came in, and so many
// that an operator wants to have rewritten. What these cost is not saved elsewhere, and
// they do not make others wait: whoever sends them keeps them few.
func (p *pace) came(calls, rewrites int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls += int64(calls)
	if rewrites > 0 {
		p.rewriting = p.now()
	}
}

// linger is how long a lane that ended a turn may leave input lying.
func (p *pace) linger() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.newest = min(p.most, p.wanted())
	return p.newest
}

// wanted is linger without its bound. The caller holds p.mu.
func (p *pace) wanted() time.Duration {
	u, ok := p.usage()
	if !ok || u.Allowed <= 0 {
		return 0
	}
	share := paceShare * float64(u.Allowed) / paceOver.Seconds() // requests a second
	full := share * paceKeeps.Seconds()
	now, sent := p.now(), p.sent()
	if p.filled.IsZero() {
		p.left = full
	} else {
		p.fill(share, max(0, now.Sub(p.filled).Seconds()))
	}
	spent := float64(sent - p.seen)
	rewriting := now.Sub(p.rewriting) < rewritesGo
	if rewriting {
		spent = 0
	}
	// What a backlog took is not owed for ever, nor at all where calls come fast.
	owed := full
	if p.busy > veryBusy*share {
		owed = 0
	}
	p.left = max(-owed, min(full, p.left)-spent)
	p.filled, p.seen, p.calls = now, sent, 0
	switch {
	case p.short():
		return p.most
	case p.left >= min(turnsWorth, full), rewriting:
		return 0
	}
	return time.Duration((turnsWorth - p.left) / max(share, p.busy) * float64(time.Second))
}

// veryBusy is how many times more than the share calls are worth where they come fast.
const veryBusy = 4

// rewritesGo is for how long after a turn with rewrites no lane rests: more of them
// come, in small lots.
const rewritesGo = 10 * time.Second

// busyOver is about the time over which it is measured how fast calls come.
const busyOver = 10 * time.Second

// fill adds what so many seconds, or the calls in them, are worth.
func (p *pace) fill(share, seconds float64) {
	worth := paceCall * float64(p.calls)
	p.left += max(share*seconds, worth)
	if seconds > 0 {
		weight := min(1, seconds/busyOver.Seconds())
		p.busy += weight * (worth/seconds - p.busy)
	}
}

// lingers is the newest answer in seconds, for the metric.
func (p *pace) lingers() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.newest.Seconds()
}
