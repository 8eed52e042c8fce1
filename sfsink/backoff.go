package sfsink

import (
	"context"
	"time"
)

// How often and how far apart things are tried again.
const (
	// requestTries is how often a request is sent before the turn is given up,
	// or a heavy request is halved.
	requestTries     = 4
	requestBaseDelay = 500 * time.Millisecond
	requestMaxDelay  = 10 * time.Second

	// rowAttempts is how often a row is tried before it is rejected; with the
	// delays below that takes about three hours.
	rowAttempts  = 24
	rowBaseDelay = 2 * time.Second
	rowMaxDelay  = 10 * time.Minute

	// duplicateDelay is how long to wait for an administrator.
	duplicateDelay = time.Hour
)

// delay is how long to wait after so many failures (1 is the first): doubled
// each time up to a bound, then shortened at random by up to a half, so that
// what failed together does not come back together.
func (s *Sink) delay(failures int, base, most time.Duration) time.Duration {
	d := base << min(failures-1, 20)
	d = min(d, most)
	return d - time.Duration(s.random()*float64(d)/2)
}

// asking sends a whole request, again and again while Salesforce is out of
// reach for a moment. It is for requests that may be repeated blindly.
func (s *Sink) asking(ctx context.Context, ask func() error) *problem {
	for tries := 1; ; tries++ {
		err := ask()
		if err == nil {
			return nil
		}
		p := requestProblem(err)
		again := p.class == classOutage || p.class == classHeavy
		if !again || tries == requestTries || p.retryAfter > requestMaxDelay || ctx.Err() != nil {
			return p
		}
		s.metrics.retries.WithLabelValues(string(p.class)).Inc()
		if s.sleep(ctx, max(p.retryAfter, s.delay(tries, requestBaseDelay, requestMaxDelay))) != nil {
			return p
		}
	}
}
