package kafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
)

const partitions = 6

// world is what one test has to itself: topics, groups, and the processes of
// stages on them.
type world struct {
	*testing.T
	fleet  *fleet
	dir    string
	kafka  settings.Kafka // as the stages have it
	client *kgo.Client
	adm    *kadm.Client

	calls  int // made so far: each load makes others
	events int // acknowledged by the broker
	poison int // of them, those that are no events
}

var worlds atomic.Int32

// newWorld makes topics on the shared fleet, for a test that does no harm to it
// and so runs beside others.
func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	return newWorldOn(t, shared)
}

// newWorldOn makes topics on a fleet that the test has to itself: its own, or the
// shared one while no other test runs.
func newWorldOn(t *testing.T, f *fleet) *world {
	t.Helper()
	w := emptyWorld(t, f)
	w.createTopics()
	return w
}

// emptyWorld has no topics yet.
func emptyWorld(t *testing.T, f *fleet) *world {
	t.Helper()
	w := &world{T: t, fleet: f, dir: t.TempDir()}
	w.kafka = settings.Default().Kafka
	w.kafka.Brokers = f.brokers
	w.kafka.TopicPrefix = fmt.Sprintf("t%d-", worlds.Add(1))
	w.kafka.GroupPrefix = w.kafka.TopicPrefix
	w.kafka.Partitions, w.kafka.ReplicationFactor = partitions, min(3, f.nodes())
	w.client = w.newClient()
	w.adm = kadm.NewClient(w.client)
	return w
}

// newClient is a client of the test's own, past the proxies.
func (w *world) newClient(opts ...kgo.Opt) *kgo.Client {
	w.Helper()
	client, err := kgo.NewClient(append(append(kafka.ProducerOptions(), kgo.SeedBrokers(w.fleet.direct...), kgo.MetadataMinAge(250*time.Millisecond)), opts...)...)
	check(w.T, err)
	w.Cleanup(client.Close)
	return client
}

func (w *world) createTopics() {
	w.Helper()
	_, err := kafka.Create(w.patiently(), w.client, kafka.Topics(w.kafka, false))
	check(w.T, err)
}

// configure changes a topic's configuration, and returns when every broker
// shows it: those of Apache Kafka hear of it later than it is answered.
func (w *world) configure(topic string, values map[string]string) {
	w.Helper()
	var configs []kadm.AlterConfig
	for name, value := range values {
		configs = append(configs, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
	}
	answers, err := w.adm.AlterTopicConfigs(w.patiently(), configs, w.topic(topic))
	check(w.T, err)
	check(w.T, answers[0].Err)
	w.eventually("the topic is configured", func(ctx context.Context) error {
		brokers, err := w.adm.ListBrokers(ctx)
		if err != nil {
			return err
		}
		for _, broker := range brokers {
			if err := w.configured(ctx, broker.NodeID, w.topic(topic), values); err != nil {
				return err
			}
		}
		return nil
	})
}

// configured tells whether a broker has heard of a topic's configuration.
func (w *world) configured(ctx context.Context, broker int32, topic string, values map[string]string) error {
	ask := kmsg.NewDescribeConfigsRequestResource()
	ask.ResourceType, ask.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Resources = append(req.Resources, ask)
	answer, err := w.client.Broker(int(broker)).RetriableRequest(ctx, req)
	if err != nil {
		return err
	}
	for _, found := range answer.(*kmsg.DescribeConfigsResponse).Resources {
		if err := kerr.ErrorForCode(found.ErrorCode); err != nil {
			return err
		}
		for _, config := range found.Configs {
			if want, ok := values[config.Name]; ok && (config.Value == nil || *config.Value != want) {
				return fmt.Errorf("broker %d has another %s", broker, config.Name)
			}
		}
	}
	return nil
}

// patiently is a context for one thing that is waited for.
func (w *world) patiently() context.Context {
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	w.Cleanup(cancel)
	return ctx
}

func (w *world) topic(name string) string { return kafka.TopicName(w.kafka, name) }
func (w *world) group() string            { return kafka.GroupName(w.kafka, kafka.ProcessorGroup) }

// environment is the stages' settings.
func (w *world) environment(more ...string) []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "CALLFOLD_") {
			env = append(env, e)
		}
	}
	k := w.kafka
	return append(append(env,
		"CALLFOLD_KAFKA_BROKERS="+strings.Join(k.Brokers, ","),
		"CALLFOLD_KAFKA_TOPIC_PREFIX="+k.TopicPrefix,
		"CALLFOLD_KAFKA_CALLS_PREFIX="+k.CallsPrefix,
		"CALLFOLD_KAFKA_GROUP_PREFIX="+k.GroupPrefix,
		"CALLFOLD_KAFKA_PARTITIONS="+strconv.Itoa(k.Partitions),
		"CALLFOLD_KAFKA_REPLICATION_FACTOR="+strconv.Itoa(k.ReplicationFactor),
		"CALLFOLD_LOG_FORMAT=text",
	), more...)
}

// eventually waits until the condition gives no error.
func (w *world) eventually(what string, condition func(context.Context) error) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	for {
		err := condition(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			w.Fatalf("waiting until %s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond) // polling
	}
}

// stateDir is where the processor of that instance keeps its table.
func (w *world) stateDir(instance string) string { return filepath.Join(w.dir, "state-"+instance) }
