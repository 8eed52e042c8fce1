package app

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/stream"
)

// TestIngestWaitsForNewTopics: a broker that has not heard yet of topics that were just
// made does not end ingest, and topics that are not there do.
func TestIngestWaitsForNewTopics(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	must(t, err)
	defer cluster.Close()
	s := settings.Default()
	s.Kafka.Brokers, s.Kafka.Partitions, s.Kafka.ReplicationFactor = cluster.ListenAddrs(), 2, 1
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka.Brokers...))
	must(t, err)
	defer client.Close()
	watch := New(s, slog.New(slog.DiscardHandler)).newTopicCheck(slog.New(slog.DiscardHandler), false, kafka.Events, kafka.Rejected).watch
	if err := watch(t.Context(), client); !errors.As(err, new(*stream.TopicError)) {
		t.Errorf("without topics it ended with %v", err)
	}

	_, err = kafka.Create(t.Context(), client, kafka.Topics(s.Kafka, false))
	must(t, err)
	looks, again := 0, make(chan struct{})
	cluster.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req := request.(*kmsg.MetadataRequest)
		if !req.IncludeTopicAuthorizedOperations {
			return nil, nil, false
		}
		if looks++; looks > 1 {
			if looks == 2 {
				close(again)
			}
			return nil, nil, false
		}
		answer := req.ResponseKind().(*kmsg.MetadataResponse)
		for _, asked := range req.Topics {
			topic := kmsg.NewMetadataResponseTopic()
			topic.Topic, topic.ErrorCode = asked.Topic, kerr.UnknownTopicOrPartition.Code
			answer.Topics = append(answer.Topics, topic)
		}
		return answer, nil, true
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- watch(ctx, client) }()
	select {
	case err := <-ended:
		t.Fatalf("it ended: %v", err)
	case <-again:
	}
	stop()
	must(t, <-ended)
}
