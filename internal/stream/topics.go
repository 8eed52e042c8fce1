package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/observe"
)

// TopicError says that the topics are not such that the stage could run.
type TopicError struct{ Problem string }

func (e *TopicError) Error() string { return e.Problem }

const (
	// topicsWithin bounds one look at the topics.
	topicsWithin = 10 * time.Second
	// topicsAgain is how often a running stage looks at them again.
	topicsAgain = 10 * time.Minute
	// TopicsKnown is how long it may take until every broker knows of topics that
	// were just made, or changed.
	TopicsKnown = 3 * time.Second
)

// waitForTopics returns nil once the topics are there and right, or ctx is done.
func (e *Engine[V]) waitForTopics(ctx context.Context) error {
	cl, err := kgo.NewClient(e.opts.Client()...)
	if err != nil {
		return fmt.Errorf("making a Kafka client: %w", err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	wait := newBackOff()
	var wrong time.Time // since when the topics are not right
	var told observe.Seldom
	for {
		err := e.checkOption(ctx, adm)
		if err == nil {
			err = e.checkTopics(ctx, adm)
		}
		if err == nil || ctx.Err() != nil {
			e.opts.Health(e.opts.Name, nil)
			return nil
		}
		if errors.As(err, new(*TopicError)) {
			if wrong.IsZero() {
				wrong = time.Now()
			}
			if time.Since(wrong) >= TopicsKnown {
				return err
			}
			pause(ctx, TopicsKnown/6)
			continue
		}
		wrong = time.Time{} // what nobody could look at may be right meanwhile
		e.opts.Health(e.opts.Name, err)
		if told.Now() {
			e.opts.Logger.Warn("waiting for Kafka", "cause", err)
		}
		if !pause(ctx, wait.NextBackOff()) {
			return nil
		}
	}
}

// watchTopics looks at the topics again while the stage runs: somebody may
// change them. A stage that runs is not ended by what it finds, since events
// that wait are worse off; it says so and is not ready until it is mended.
func (e *Engine[V]) watchTopics(ctx context.Context) {
	if e.opts.CheckTopics == nil {
		return
	}
	wrong := false
	for pause(ctx, topicsAgain) {
		err := e.lookAgain(ctx)
		switch {
		case errors.As(err, new(*TopicError)):
			wrong = true
			e.opts.Health(e.opts.Name, err)
			e.opts.Logger.Error("the topics were changed while the stage runs", "cause", err)
		case err == nil && wrong:
			wrong = false
			e.opts.Health(e.opts.Name, nil)
			e.opts.Logger.Info("the topics are right again")
		}
	}
}

func (e *Engine[V]) lookAgain(ctx context.Context) error {
	cl, err := kgo.NewClient(e.opts.Client()...)
	if err != nil {
		return fmt.Errorf("making a Kafka client: %w", err)
	}
	defer cl.Close()
	return e.checkOption(ctx, kadm.NewClient(cl))
}

// checkOption does the stage's own check of the topics.
func (e *Engine[V]) checkOption(ctx context.Context, adm *kadm.Client) error {
	if e.opts.CheckTopics == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, topicsWithin)
	defer cancel()
	return e.opts.CheckTopics(ctx, adm)
}

// checkTopics looks whether the topics exist and fit each other, which the
// engine itself relies on.
func (e *Engine[V]) checkTopics(ctx context.Context, adm *kadm.Client) error {
	ctx, cancel := context.WithTimeout(ctx, topicsWithin)
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
