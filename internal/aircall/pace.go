package aircall

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/callfold/callfold/internal/clock"
)

const (
	// firstLimit is the limit, in requests a minute, that holds until Aircall names one.
	firstLimit = 60
	// longestWait bounds what a header can make the client wait for: limits are
	// those of a minute.
	longestWait = 2 * time.Minute
	// burst is how many requests may follow each other at once.
	burst = 5
)

// pace spaces requests so that in no minute there are more than the share of the
// limit that is ours.
type pace struct {
	share float64
	now   func() time.Time

	mu      sync.Mutex
	limit   int       // requests a minute
	credit  float64   // requests that may be sent at once, as of since
	since   time.Time // zero: nothing was sent
	blocked time.Time // nothing is sent before
}

// wait returns when the next request may be sent, or with ctx's error.
func (p *pace) wait(ctx context.Context) error {
	for {
		delay := p.take()
		if delay <= 0 {
			return ctx.Err()
		}
		if err := clock.Sleep(ctx, delay); err != nil {
			return err
		}
	}
}

// take takes the right to send a request. A delay above 0 is how long there is
// none.
func (p *pace) take() (delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if now.Before(p.blocked) {
		return p.blocked.Sub(now)
	}
	perSecond := max(1, float64(p.limit)*p.share) / 60
	if p.since.IsZero() {
		p.credit = burst
	} else {
		p.credit = min(burst, p.credit+now.Sub(p.since).Seconds()*perSecond)
	}
	p.since = now
	if p.credit < 1 {
		return max(time.Millisecond, time.Duration((1-p.credit)/perSecond*float64(time.Second)))
	}
	p.credit--
	return 0
}

// learn takes account of what an answer's headers say about the limit. Aircall
// documents them for answers at the limit only; they may be on all.
func (p *pace) learn(status int, h http.Header) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if limit, err := strconv.Atoi(h.Get("X-AircallApi-Limit")); err == nil && limit > 0 {
		p.limit = limit
	}
	remaining, err := strconv.Atoi(h.Get("X-AircallApi-Remaining"))
	if status != http.StatusTooManyRequests && (err != nil || remaining > 0) {
		return
	}
	until := now.Add(time.Minute)
	if seconds, err := strconv.Atoi(h.Get("Retry-After")); err == nil && seconds >= 0 {
		until = now.Add(time.Duration(seconds) * time.Second)
	} else if reset, err := strconv.ParseInt(h.Get("X-AircallApi-Reset"), 10, 64); err == nil {
		if until = time.Unix(reset, 0); reset > 1e11 { // in milliseconds, as some have seen it
			until = time.UnixMilli(reset)
		}
	}
	if longest := now.Add(longestWait); until.After(longest) {
		until = longest
	}
	p.blocked, p.credit = until, 0
}
