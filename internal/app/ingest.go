package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/ingest"
	"github.com/callfold/callfold/ingest/journal"
	"github.com/callfold/callfold/internal/kafka"
)

// Ingest is the stage that receives webhooks.
type Ingest struct {
	http.Handler // serves ingest.Path

	client  *kgo.Client
	server  *ingest.Server
	journal *journal.Journal // nil without one
	logger  *slog.Logger
	topics  *topicCheck
	readers *Readers
}

// Ingest makes the stage that receives webhooks. The caller serves it as a
// handler, and closes it when no request is under way any more.
func (a *App) Ingest() (*Ingest, error) {
	logger := a.Logger.With("stage", "ingest")
	opts, err := kafka.Options(a.Settings.Kafka, "callfold-ingest", logger, a.Registry)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(append(opts, kafka.ProducerOptions()...), ingest.ProducerOptions()...)...)
	if err != nil {
		return nil, err
	}
	o := ingest.Options{
		Producer:      client,
		EventsTopic:   a.topic(kafka.Events),
		RejectedTopic: a.topic(kafka.Rejected),
		Health:        a.reportIngest,
		Logger:        logger,
		Registerer:    a.Registry,
	}
	o.Probe = ingest.ProbeTopics(client, o.EventsTopic, o.RejectedTopic)
	for _, token := range a.Settings.Ingest.Tokens {
		o.Tokens = append(o.Tokens, token.Reveal())
	}
	if o.Journal, err = a.openJournal(logger); err != nil {
		client.Close()
		return nil, err
	}
	server, err := ingest.New(o)
	if err != nil {
		client.Close()
		if o.Journal != nil {
			err = errors.Join(err, o.Journal.Close())
		}
		return nil, err
	}
	a.Health.Watch("ingest", server.Alive)
	return &Ingest{
		Handler: server, client: client, server: server, journal: o.Journal, logger: logger,
		topics:  a.newTopicCheck(logger, false, kafka.Events, kafka.Rejected),
		readers: a.LogReaders("ingest"),
	}, nil
}

// Run keeps the stage's readiness up to date until ctx is done. It returns an
// error when the topics, once the brokers are there, are such that events
// would be lost.
func (i *Ingest) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return i.server.Run(ctx) })
	group.Go(func() error { return i.topics.watch(ctx, i.client) })
	group.Go(func() error { i.readers.Watch(ctx, i.client); return nil })
	return group.Wait()
}

// Close closes the Kafka client and the journal. What is in the journal stays
// there.
func (i *Ingest) Close() {
	i.client.Close()
	if i.journal == nil {
		return
	}
	if err := i.journal.Close(); err != nil {
		i.logger.Error("the journal could not be closed in order; what was acknowledged is safe in it", "err", err)
	}
}

// openJournal opens the journal of the settings, if they want one.
func (a *App) openJournal(logger *slog.Logger) (*journal.Journal, error) {
	s := a.Settings.Ingest
	if s.JournalDir == "" {
		return nil, nil
	}
	j, err := journal.Open(journal.Options{Dir: s.JournalDir, MaxBytes: int64(s.JournalMaxBytes), Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("ingest.journal_dir = %s: %w", s.JournalDir, err)
	}
	return j, nil
}

// reportIngest tells the health registry about the stage. With a journal it can
// be ready although something is wrong.
func (a *App) reportIngest(component string, problem error) {
	var degraded *ingest.Degraded
	if errors.As(problem, &degraded) {
		a.Health.ReadyBut(component, degraded.Reason)
		return
	}
	a.report(component, problem)
}
