package app

import (
	"context"
	"time"
)

// orgReadiness tells the health registry whether Salesforce can be written to.
type orgReadiness struct {
	// prepare waits until it can for the first time; its error is for a person to mend.
	prepare func(context.Context) error
	// trouble is why calls wait after that, nil while none does.
	trouble func() error
	// report is told both; nil is ready.
	report func(problem error)
	// failed is told each time that prepare has failed.
	failed func(problem error)
}

const (
	// prepareAgainAfter is how long what prepare found is left to whoever mends it.
	prepareAgainAfter = 30 * time.Second
	// troubleEvery is how often trouble is asked for.
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
		r.failed(err)
		if !waited(ctx, prepareAgainAfter) {
			return
		}
	}
	for waited(ctx, troubleEvery) {
		r.report(r.trouble())
	}
}

// waited waits, and tells whether ctx was not done meanwhile.
func waited(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
