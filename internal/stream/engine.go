package stream

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/internal/table"
)

// Engine runs a stage.
type Engine[V any] struct {
	opts    Options[V]
	store   *table.Store
	metrics *metrics
	hot     *hotStates[V]
	lags    *lags
	inputID kadm.TopicID // set once the topics are there

	working working[V]
	pulses  []observe.Pulse // of the lanes

	longReads  chan struct{} // one for each long restore that goes on
	ownerships atomic.Uint64 // how many tasks there ever were
}

// New opens the stage's store. [Engine.Run] closes it.
func New[V any](o Options[V]) (*Engine[V], error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	store, err := o.openStore()
	if err != nil {
		return nil, err
	}
	reg := prometheus.WrapRegistererWith(prometheus.Labels{"stage": o.Name}, o.Registerer)
	m := newMetrics(reg)
	return &Engine[V]{opts: o, store: store, metrics: m, hot: newHotStates[V](o.HotStates, m), lags: newLags(reg, o.Now), pulses: make([]observe.Pulse, o.Lanes), longReads: make(chan struct{}, runtime.GOMAXPROCS(0))}, nil
}

// Run works until ctx is done, and then ends in order: it finishes or abandons
// the batch in hand, leaves the brokers and closes the store. Brokers that
// cannot be reached are waited for. Topics that are missing or do not fit each
// other are an error.
func (e *Engine[V]) Run(ctx context.Context) (err error) {
	defer func() {
		e.working.set(nil)
		err = errors.Join(err, e.store.Close())
	}()
	ctx, stop := e.store.Context(ctx) // a store that cannot go on ends the stage
	defer stop()
	// All lanes are there before anything is said to be ready.
	lanes := make([]*lane[V], e.opts.Lanes)
	for i := range lanes {
		lanes[i] = newLane(e, i)
		e.opts.Health(lanes[i].id, errJoining)
	}
	e.working.set(lanes)
	if err := e.waitForTopics(ctx); err != nil {
		return err
	}
	var running errgroup.Group
	running.Go(func() error { e.watchTopics(ctx); return nil })
	running.Go(func() error { return e.watchEnds(ctx) })
	for _, l := range lanes {
		running.Go(func() error { l.run(ctx); return nil })
	}
	return running.Wait()
}

// newBackOff waits from 0.2 s to 15 s, for ever.
func newBackOff() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(200*time.Millisecond),
		backoff.WithMaxInterval(15*time.Second),
		backoff.WithMaxElapsedTime(0),
	)
}

// pause waits, and reports false when ctx is done before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
