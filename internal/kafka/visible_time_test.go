//go:build synctests

package kafka_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/kafka/bubble"
	"github.com/callfold/callfold/internal/settings"
)

// TestCreateEnds: brokers that are silent are waited for together, one that never knows the
// topics for half a minute, and a right that is missing not at all.
func TestCreateEnds(t *testing.T) {
	// Two of three brokers have this answer, none at all if it is nil.
	answering := func(code int16) func(kmsg.Request) kmsg.Response {
		return func(request kmsg.Request) kmsg.Response {
			answer := request.ResponseKind().(*kmsg.MetadataResponse)
			for _, asked := range request.(*kmsg.MetadataRequest).Topics {
				topic := kmsg.NewMetadataResponseTopic()
				topic.Topic, topic.ErrorCode = asked.Topic, code
				answer.Topics = append(answer.Topics, topic)
			}
			return answer
		}
	}
	for _, test := range []struct {
		name     string
		answer   func(kmsg.Request) kmsg.Response
		atLeast  time.Duration
		lessThan time.Duration
		wrong    string
	}{
		{"silent", func(kmsg.Request) kmsg.Response { return nil }, 15 * time.Second, 20 * time.Second, ""},
		{"ignorant", answering(kerr.UnknownTopicOrPartition.Code), 30 * time.Second, 31 * time.Second, "not all brokers know them yet"},
		{"forbidden", answering(kerr.TopicAuthorizationFailed.Code), 0, time.Second, "give this user the right DESCRIBE on it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := bubble.Start(t, kfake.NumBrokers(3), kfake.Ports(9093, 9094, 9095))
				broker.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
					broker.KeepControl()
					if broker.CurrentNode() == 0 || len(request.(*kmsg.MetadataRequest).Topics) == 0 {
						return nil, nil, false
					}
					return test.answer(request), nil, true
				})
				client := broker.Client()
				defer client.Close()
				s := settings.Default().Kafka
				s.Partitions, s.ReplicationFactor = 1, 1
				begun := time.Now()
				created, err := kafka.Create(t.Context(), client, kafka.Topics(s, false))
				took := time.Since(begun)
				if len(created) != 4 || (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
					t.Errorf("created %v, %v; want four topics, and the error %q", created, err, test.wrong)
				}
				if took < test.atLeast || took >= test.lessThan {
					t.Errorf("it took %v, want %v to %v", took, test.atLeast, test.lessThan)
				}
			})
		})
	}
}
