package app

import (
	"context"
	"net/http"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/ingest"
	"github.com/callfold/callfold/internal/kafka"
)

// Ingest is the stage that receives webhooks.
type Ingest struct {
	http.Handler // serves ingest.Path

	client *kgo.Client
	server *ingest.Server
}

// Ingest makes the stage that receives webhooks. The caller serves it as a
// handler, and closes it when no request is under way any more.
func (a *App) Ingest() (*Ingest, error) {
	if a.Settings.Ingest.JournalDir != "" {
		a.Logger.Warn("ingest.journal_dir is set, but this version keeps no journal: while no broker is there webhooks are answered with 503")
	}
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
		Health:        a.report,
		Logger:        logger,
		Registerer:    a.Registry,
	}
	o.Probe = ingest.ProbeTopics(client, o.EventsTopic, o.RejectedTopic)
	for _, token := range a.Settings.Ingest.Tokens {
		o.Tokens = append(o.Tokens, token.Reveal())
	}
	server, err := ingest.New(o)
	if err != nil {
		client.Close()
		return nil, err
	}
	return &Ingest{Handler: server, client: client, server: server}, nil
}

// Run keeps the stage's readiness up to date until ctx is done.
func (i *Ingest) Run(ctx context.Context) error { return i.server.Run(ctx) }

// Close closes the Kafka client.
func (i *Ingest) Close() { i.client.Close() }
