package partition

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/kafka/bubble"
)

// TestLeaderless: of two partitions one has no leader, as brokers tell it while its
// replicas are away. The other can be read, and the error of the one names it, also where
// the caller's deadline is the shorter one.
func TestLeaderless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := bubble.Start(t, kfake.SeedTopics(2, "t"))
		client := broker.Client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
		defer client.Close()
		for number := range int32(2) {
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Partition: number}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		broker.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
			broker.KeepControl()
			answer := request.ResponseKind().(*kmsg.MetadataResponse)
			node := kmsg.NewMetadataResponseBroker()
			node.Host, node.Port = "127.0.0.1", 9093
			answer.Brokers = append(answer.Brokers, node)
			info := broker.TopicInfo("t")
			topic := kmsg.NewMetadataResponseTopic()
			topic.Topic, topic.TopicID = &info.Topic, info.TopicID
			for number := range int32(2) {
				p := kmsg.NewMetadataResponseTopicPartition()
				p.Partition, p.Leader, p.Replicas = number, 0, []int32{0}
				if number == 1 {
					p.Leader, p.ErrorCode = -1, kerr.LeaderNotAvailable.Code
				}
				topic.Partitions = append(topic.Partitions, p)
			}
			answer.Topics = append(answer.Topics, topic)
			return answer, nil, true
		})

		time.Sleep(time.Minute) // virtual: what the client remembers is old
		began := time.Now()
		topics, err := Lookup(t.Context(), client, "t")
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 40*time.Second {
			t.Errorf("looking them up took %v", took)
		}
		one, err := topics.Partition("t", 0)
		if err != nil {
			t.Fatal(err)
		}
		read := 0
		if complete, err := one.Read(t.Context(), func(records []*kgo.Record, _ int64) error { read += len(records); return nil }); read != 1 || !complete || err != nil {
			t.Errorf("read %d records of the one with a leader, complete %v: %v", read, complete, err)
		}
		if since, err := one.Since(t.Context(), time.Unix(1, 0)); err != nil || since.Start() != 0 {
			t.Errorf("since 1970: %v", err)
		}
		if _, err = topics.Partition("t", 1); !errors.Is(err, kerr.LeaderNotAvailable) || !strings.Contains(err.Error(), "looking up the topic t, partition 1 (") {
			t.Errorf("without a leader: %v", err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err = Lookup(ctx, client, "t")
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the last answer was: looking up the topic t, partition 1 (") {
			t.Errorf("within 5 s: %v", err)
		}
	})
}

// TestSinceWhileTheTopicIsUnknown: a broker that has just started knows no topics. What
// was written since a time is looked for until it does, and not taken to be nothing.
func TestSinceWhileTheTopicIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := bubble.Start(t, kfake.SeedTopics(1, "t"))
		one := ofOneRecord(t, broker)
		time.Sleep(time.Minute) // virtual: what the client remembers is old
		fault := broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "t", Err: kerr.UnknownTopicOrPartition, Count: -1})
		time.AfterFunc(10*time.Second, fault.Remove)
		since, err := one.Since(t.Context(), time.Unix(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		if since.Len() != 1 {
			t.Errorf("%d records since 1970, want 1", since.Len())
		}
	})
}
