package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/table"
)

// Engine runs a stage.
type Engine[V any] struct {
	opts    Options[V]
	store   *table.Store
	metrics *metrics
	inputID kadm.TopicID // set once the topics are there
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
	return &Engine[V]{opts: o, store: store, metrics: newMetrics(o.Registerer, o.Name)}, nil
}

// Run works until ctx is done, and then ends in order: it finishes or abandons
// the batch in hand, leaves the brokers and closes the store. Brokers that
// cannot be reached are waited for. Topics that are missing or do not fit each
// other are an error.
func (e *Engine[V]) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, e.store.Close()) }()
	// All lanes are there before anything is said to be ready.
	lanes := make([]*lane[V], e.opts.Lanes)
	for i := range lanes {
		lanes[i] = newLane(e, i)
		e.opts.Health(lanes[i].id, errJoining)
	}
	if err := e.waitForTopics(ctx); err != nil {
		return err
	}
	var running errgroup.Group
	for _, l := range lanes {
		running.Go(func() error { l.run(ctx); return nil })
	}
	return running.Wait()
}

// waitForTopics returns nil once the topics are there, or ctx is done.
func (e *Engine[V]) waitForTopics(ctx context.Context) error {
	cl, err := kgo.NewClient(e.opts.Client()...)
	if err != nil {
		return fmt.Errorf("making a Kafka client: %w", err)
	}
	defer cl.Close()
	wait := newBackOff()
	for {
		err := e.checkTopics(ctx, kadm.NewClient(cl))
		if err == nil || ctx.Err() != nil {
			e.opts.Health(e.opts.Name, nil)
			return nil
		}
		if errors.As(err, new(*TopicError)) {
			return err
		}
		e.opts.Health(e.opts.Name, err)
		e.opts.Logger.Warn("waiting for Kafka", "cause", err)
		if !pause(ctx, wait.NextBackOff()) {
			return nil
		}
	}
}

// TopicError says that the topics are not such that the stage could run.
type TopicError struct{ Problem string }

func (e *TopicError) Error() string { return e.Problem }

func (e *Engine[V]) checkTopics(ctx context.Context, adm *kadm.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	o := &e.opts
	topics, err := adm.ListTopics(ctx, o.Input, o.Changelog, o.Rejected)
	if err != nil {
		return fmt.Errorf("asking for the topics: %w", err)
	}
	for _, name := range []string{o.Input, o.Changelog, o.Rejected} {
		if err := topics[name].Err; errors.Is(err, kerr.UnknownTopicOrPartition) || !topics.Has(name) {
			return &TopicError{fmt.Sprintf("the topic %s does not exist: make the topics with: callfold topics create", name)}
		} else if err != nil {
			return fmt.Errorf("asking for the topic %s: %w", name, err)
		}
	}
	e.inputID = topics[o.Input].ID
	if in, out := len(topics[o.Input].Partitions), len(topics[o.Changelog].Partitions); in != out {
		return &TopicError{fmt.Sprintf("%s has %d partitions and %s has %d: they must have the same number; see: callfold topics check", o.Input, in, o.Changelog, out)}
	}
	return nil
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
