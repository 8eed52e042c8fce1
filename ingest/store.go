package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// store makes a record durable, in Kafka or in the journal, or returns why
// that is not known when ctx ends.
//
// With a journal Kafka gets half of the time that is left. While Kafka is known
// to take nothing the record goes to the journal at once, so that an outage does
// not hold up every request.
func (s *Server) store(ctx context.Context, record *kgo.Record) error {
	if s.o.Journal == nil {
		return s.produce(ctx, record)
	}
	if s.broker.worthTrying() {
		half, cancel := context.WithTimeout(ctx, timeLeft(ctx)/2)
		err := s.produce(half, record)
		cancel()
		if err == nil {
			return nil
		}
	}
	if err := s.o.Journal.Append(ctx, s.journaled(record)); err != nil {
		return fmt.Errorf("keeping an event in the journal: %w", err)
	}
	return nil
}

func timeLeft(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return defaultAckTimeout
	}
	return time.Until(deadline)
}

// The topics' names in the journal: a journal outlives a change of the prefix.
const (
	journaledEvent    = "events"
	journaledRejected = "rejected"
)

// journaled is the record as it goes into the journal. The client may still
// hold the record itself, and sets fields of it.
func (s *Server) journaled(r *kgo.Record) *kgo.Record {
	kept := &kgo.Record{Topic: journaledEvent, Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp}
	if r.Topic == s.o.RejectedTopic {
		kept.Topic = journaledRejected
	}
	return kept
}

// published is a record from the journal as it goes to Kafka: with the key,
// value, headers and time of its reception.
func (s *Server) published(kept *kgo.Record) *kgo.Record {
	r := &kgo.Record{Topic: s.o.EventsTopic, Key: kept.Key, Value: kept.Value, Headers: kept.Headers, Timestamp: kept.Timestamp}
	if kept.Topic == journaledRejected {
		r.Topic = s.o.RejectedTopic
	}
	return r
}

// refusedForGood tells an error that is due to the record and not to the state
// of the cluster. It would come again.
func refusedForGood(err error) bool {
	for _, refusal := range []error{kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.UnsupportedForMessageFormat} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// refusedForTopic tells an error that every record of the topic would meet,
// until somebody changes the cluster or its rights.
func refusedForTopic(err error) bool {
	for _, refusal := range []error{kerr.TopicAuthorizationFailed, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InvalidTopicException, kerr.PolicyViolation} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}
