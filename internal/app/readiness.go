package app

import (
	"context"
	"sync"
	"time"

	"github.com/callfold/callfold/internal/clock"
)

// orgReadiness tells the health registry whether Salesforce can be written to.
type orgReadiness struct {
	// prepare sees whether it can for the first time; its error is why not.
	prepare func(context.Context) error
	// trouble is why calls wait after that, nil while none does.
	trouble func() error
	// look has trouble know what nobody else finds out while there are no calls. It may
	// take minutes.
	look func(context.Context)
	// report is told both; nil is ready.
	report func(problem error)
}

const (
	// prepareAgainAfter is how long what prepare found is left to time, or to whoever
	// mends it.
	prepareAgainAfter = 30 * time.Second
	// troubleEvery is how often trouble is asked for, and how long after a look the next
	// is made.
	troubleEvery = 2 * time.Second
)

// run reports until ctx is done. A stage whose calls wait is not ready: that takes
// no traffic away from it, since it has none, and ends no process, since that is for
// /healthz; it tells whoever looks at /readyz or waits for a rollout.
func (r orgReadiness) run(ctx context.Context) {
	for {
		err := r.prepare(ctx)
		if ctx.Err() != nil {
			return
		}
		r.report(err)
		if err == nil {
			break
		}
		if clock.Sleep(ctx, prepareAgainAfter) != nil {
			return
		}
	}
	var looking sync.WaitGroup
	defer looking.Wait()
	looking.Go(func() {
		for clock.Sleep(ctx, troubleEvery) == nil {
			r.look(ctx)
		}
	})
	for clock.Sleep(ctx, troubleEvery) == nil {
		r.report(r.trouble())
	}
}
