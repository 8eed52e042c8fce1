package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/stream"
)

// topicCheck is a stage's look at its topics.
type topicCheck struct {
	settings settings.Kafka
	topics   []kafka.Topic
	// transactions says that the stage uses them, so that their version matters.
	transactions bool
	logger       *slog.Logger
	told         map[kafka.Finding]bool // advice that was given already
}

// newTopicCheck makes the check of the named topics (kafka.Events, …).
func (a *App) newTopicCheck(logger *slog.Logger, transactions bool, names ...string) *topicCheck {
	return &topicCheck{
		settings:     a.Settings.Kafka,
		topics:       kafka.StageTopics(a.Settings.Kafka, names...),
		transactions: transactions,
		logger:       logger,
		told:         map[kafka.Finding]bool{},
	}
}

// check returns a *stream.TopicError for topics that would lose data or break
// exactly-once, and another error when the cluster could not be asked. What is
// the operator's trade-off it says once in the log. It is not for several
// goroutines at once.
func (c *topicCheck) check(ctx context.Context, adm *kadm.Client) error {
	findings, err := kafka.Check(ctx, adm, c.topics)
	if err != nil {
		return kafka.Explain(err, c.settings)
	}
	if refusal := kafka.Refusal(findings); refusal != "" {
		return &stream.TopicError{Problem: refusal}
	}
	if c.transactions {
		version, err := kafka.CheckTransactions(ctx, adm)
		if err != nil {
			return kafka.Explain(err, c.settings)
		}
		findings = append(findings, version)
	}
	for _, f := range findings {
		if !f.OK && !c.told[f] {
			c.told[f] = true
			c.logger.Warn("the Kafka cluster could be safer", "finding", f.String())
		}
	}
	return nil
}

// topicsAgain is how often a running stage looks at its topics again.
const topicsAgain = 10 * time.Minute

// watch checks the topics once the brokers are there, and returns an error when
// the stage must not go on: when what is wrong stays so for as long as a broker may not
// have heard of topics that were just made. Later findings, of topics that somebody changed
// while it runs, it says in the log only: to refuse webhooks would lose more.
func (c *topicCheck) watch(ctx context.Context, client *kgo.Client) error {
	adm := kadm.NewClient(client)
	wait := backoff.NewExponentialBackOff(backoff.WithMaxInterval(15*time.Second), backoff.WithMaxElapsedTime(0))
	checked := false
	var wrong time.Time // since when the topics are not right
	for {
		err := c.checkWithin(ctx, adm)
		next := topicsAgain
		switch {
		case err == nil:
			checked = true
		case !errors.As(err, new(*stream.TopicError)):
			wrong = time.Time{}
			c.logger.Debug("the topics cannot be checked yet", "cause", err)
			next = wait.NextBackOff()
		case !checked && ctx.Err() == nil:
			if wrong.IsZero() {
				wrong = time.Now()
			}
			if time.Since(wrong) >= stream.TopicsKnown {
				return err
			}
			next = stream.TopicsKnown / 6
		default:
			c.logger.Error("the topics were changed while the stage runs", "cause", err)
		}
		select {
		case <-time.After(next):
		case <-ctx.Done():
			return nil
		}
	}
}

// checkWithin bounds one look at the topics.
func (c *topicCheck) checkWithin(ctx context.Context, adm *kadm.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return c.check(ctx, adm)
}
