package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Producer is the part of [kgo.Client] that a request needs. It must write
// idempotently and be acknowledged by all in-sync replicas, and it must not
// block: a full buffer fails the record at once.
type Producer interface {
	TryProduce(ctx context.Context, r *kgo.Record, promise func(*kgo.Record, error))
}

// ProducerOptions are for a client whose records somebody waits for. They bound
// what it holds while the broker is away: 10,000 records of together 64 MiB,
// beyond which webhooks are answered with 503 at once. They go beside the
// options that every producer of ours has.
func ProducerOptions() []kgo.Opt {
	return []kgo.Opt{
		kgo.MaxBufferedRecords(10_000),
		kgo.MaxBufferedBytes(64 << 20),
		// A webhook waits for its own record, so it is sent with whatever else
		// is there within two milliseconds.
		kgo.ProducerLinger(2 * time.Millisecond),
		// When a partition's leader moves, its new one is looked up four times
		// a second. The default, once in 5 s, is later than we can wait.
		kgo.MetadataMinAge(250 * time.Millisecond),
	}
}

// ProbeTopics makes a probe that asks whether the broker answers and has the
// topics, with a leader for each partition.
func ProbeTopics(client *kgo.Client, topics ...string) func(context.Context) error {
	admin := kadm.NewClient(client)
	return func(ctx context.Context) error {
		found, err := admin.ListTopics(ctx, topics...)
		if err != nil {
			return fmt.Errorf("asking Kafka for its topics: %w", err)
		}
		for _, name := range topics {
			switch err := found[name].Err; {
			case errors.Is(err, kerr.UnknownTopicOrPartition):
				return fmt.Errorf("topic %s does not exist, run callfold topics create: %w", name, err)
			case err != nil:
				return fmt.Errorf("topic %s: %w", name, err)
			}
			for _, p := range found[name].Partitions.Sorted() {
				if p.Err != nil {
					return fmt.Errorf("topic %s, partition %d: %w", name, p.Partition, p.Err)
				}
			}
		}
		return nil
	}
}

var (
	errNoAck = errors.New("no acknowledgement in time")
	// errGivenUp says of a record that its own time was not over.
	errGivenUp = errors.New("given up together with another record of its batch, whose time was over")
)

// ownError is why a record was not taken that was produced with ctx. The client
// gives up a batch as a whole when the time of one record in it is over: of the
// others that says nothing, some were handed over just before.
func ownError(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return errGivenUp
	}
	return err
}

// produce appends a record and waits until all in-sync replicas have it, or ctx
// ends. A record that was never sent is then given up by the client; one that
// was sent may still be written, hence the answer that it is not known.
func (s *Server) produce(ctx context.Context, record *kgo.Record) error {
	started := time.Now()
	done := make(chan error, 1) // the promise must not block when we are gone
	s.o.Producer.TryProduce(ctx, record, func(_ *kgo.Record, err error) { done <- ownError(ctx, err) })
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = errNoAck
	}
	s.broker.produced(started, err)
	return err
}
