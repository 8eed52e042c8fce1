package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
)

// drained returns once everything that was posted has gone all the way, or with
// what is left when the time is over.
func (h *harness) drained(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.drain)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(h.broker.direct()...), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	said := time.Now()
	for {
		left := h.left(ctx, client)
		if left == nil {
			h.diary.say("drained")
			return nil
		}
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			h.diary.say("draining: %v", left)
		}
		if !sleep(ctx, time.Second) {
			return fmt.Errorf("not drained after %v: %w", h.drain, left)
		}
	}
}

// left says what has not gone all the way; nil when everything has.
func (h *harness) left(ctx context.Context, client *kgo.Client) error {
	journaled, known := h.counters.now("callfold_ingest_journal_events", h.of("ingest"))
	switch {
	case !known:
		return errors.New("an ingest has not said what is in its journal")
	case journaled > 0:
		return fmt.Errorf("%.0f events are in the journals", journaled)
	}
	if err := caughtUp(ctx, client, kafka.TopicName(names, kafka.Events), kafka.GroupName(names, kafka.ProcessorGroup)); err != nil {
		return err
	}
	if err := caughtUp(ctx, client, kafka.TopicName(names, kafka.Calls), kafka.GroupName(names, kafka.SinkGroup)); err != nil {
		return err
	}
	n, err := retrying(ctx, h.broker.direct())
	if err == nil && n > 0 {
		err = fmt.Errorf("%d calls are to be tried again", n)
	}
	return err
}

// judge reads what the run left behind and lets the checker compare.
func (h *harness) judge(ctx context.Context) error {
	r := h.report
	r.Salesforce = h.org.counted()
	r.PostsAgain = int(h.poster.failed.Load())
	r.Mismatches = h.counters.total("callfold_input_mismatch_total")
	r.Met = map[string]int{
		metAborted:  h.counters.total("callfold_transactions_total", `result="aborted"`),
		metUnknown:  h.counters.total("callfold_transactions_total", `result="unknown"`),
		metReplays:  h.counters.total("callfold_ingest_journal_published_total"),
		metTakeover: r.Salesforce[takeOver],
		metLost:     r.Salesforce[lostAnswer] + r.Salesforce[lateAnswer],
	}
	e := newEvidence(h.ledgerFile(), h.poster.unanswered)
	e.journaled = h.counters.total("callfold_ingest_journal_written_total") > 0
	h.diary.say("checking")
	if err := e.readLedger(); err != nil {
		return err
	}
	if err := e.readEvents(ctx, h.broker.direct()); err != nil {
		return err
	}
	if err := e.readCalls(ctx, h.broker.direct()); err != nil {
		return err
	}
	e.tasks = h.org.server.Records("Task")
	v, err := check(e, time.Now())
	if err != nil {
		return err
	}
	r.Verdict = v
	r.PerSecond = float64(v.Bodies) / max(r.Seconds, 1)
	h.diary.say("lost %d, duplicated %d, diverged %d", v.Lost, v.Duplicated, v.Diverged)
	return nil
}
