package kafka

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/settings"
)

// TestCreateWaitsForEveryBroker has one broker hear of new topics later than the others,
// as on Apache Kafka, whichever it is.
func TestCreateWaitsForEveryBroker(t *testing.T) {
	for late := range int32(3) {
		s, fake := three(t)
		asked := misled(fake, late, 4, knowsNothing)
		create(t, s, Topics(s, false))
		if n := asked(); n != 4 {
			t.Errorf("returned after %d looks at broker %d, which knows the topics after 4", n, late)
		}
	}
}

// TestCreateWaitsForTopicsMadeAnew has one broker show topics that were deleted, and have
// the names of those that were made.
func TestCreateWaitsForTopicsMadeAnew(t *testing.T) {
	s, fake := three(t)
	asked := misled(fake, 1, 4, func(name string) kmsg.MetadataResponseTopic {
		old := kmsg.NewMetadataResponseTopic()
		old.Topic, old.TopicID = &name, [16]byte{1}
		return old
	})
	create(t, s, Topics(s, false))
	if n := asked(); n != 4 {
		t.Errorf("returned after %d looks at a broker that shows the old topics 4 times", n)
	}
}

// TestCreateWaitsForTopicsThatExist is about the second of two, the first of which was
// ended before all brokers knew the topics.
func TestCreateWaitsForTopicsThatExist(t *testing.T) {
	s, fake := three(t)
	create(t, s, Topics(s, false))
	asked := misled(fake, 1, 4, knowsNothing)
	create(t, s, Topics(s, false))
	if n := asked(); n != 4 {
		t.Errorf("returned after %d looks at a broker that knows the topics after 4", n)
	}
}

// TestCreateLeavesOldTopicsWithoutALeader: whoever repeats the command while a broker is
// away does not wait for it.
func TestCreateLeavesOldTopicsWithoutALeader(t *testing.T) {
	s, fake := three(t)
	create(t, s, Topics(s, false))
	asked := misled(fake, 1, 4, func(name string) kmsg.MetadataResponseTopic {
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic = &name
		partition := kmsg.NewMetadataResponseTopicPartition()
		partition.Leader, partition.ErrorCode = -1, kerr.LeaderNotAvailable.Code
		topic.Partitions = append(topic.Partitions, partition)
		return topic
	})
	create(t, s, Topics(s, false))
	if n := asked(); n != 1 {
		t.Errorf("the broker was asked %d times, want once", n)
	}
}

// TestCreateWaitsForASlowBroker has one broker give no answer at first, and know nothing
// then.
func TestCreateWaitsForASlowBroker(t *testing.T) {
	s, fake := three(t)
	asked := misled(fake, 1, 4, knowsNothing)
	var silent atomic.Int32
	fake.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if fake.CurrentNode() != 1 || len(request.(*kmsg.MetadataRequest).Topics) == 0 || silent.Load() == 2 {
			return nil, nil, false
		}
		silent.Add(1)
		return nil, errors.New("gone"), true
	})
	if _, err := Create(t.Context(), client(t, s, kgo.RequestRetries(0)), Topics(s, false)); err != nil {
		t.Error(err)
	}
	if n := asked(); n != 4 || silent.Load() < 2 {
		t.Errorf("returned after %d looks, and %d in vain; the broker knows the topics after 4, and 2 in vain", n, silent.Load())
	}
}

func knowsNothing(name string) kmsg.MetadataResponseTopic {
	topic := kmsg.NewMetadataResponseTopic()
	topic.Topic, topic.ErrorCode = &name, kerr.UnknownTopicOrPartition.Code
	return topic
}

// misled has a broker answer for topics as it should not, so many times; asked counts them.
func misled(fake *kfake.Cluster, broker int32, times int, answer func(name string) kmsg.MetadataResponseTopic) (asked func() int) {
	var n atomic.Int32
	fake.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		req := request.(*kmsg.MetadataRequest)
		if fake.CurrentNode() != broker || len(req.Topics) == 0 || int(n.Load()) == times {
			return nil, nil, false
		}
		n.Add(1)
		wrong := req.ResponseKind().(*kmsg.MetadataResponse)
		for _, topic := range req.Topics {
			wrong.Topics = append(wrong.Topics, answer(*topic.Topic))
		}
		return wrong, nil, true
	})
	return func() int { return int(n.Load()) }
}

// TestCreateBesideADeadBroker hangs up on who asks one of the brokers for topics: that
// one misleads nobody, and is not waited for.
func TestCreateBesideADeadBroker(t *testing.T) {
	s, fake := three(t)
	var asked atomic.Int32
	fake.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if fake.CurrentNode() != 1 || len(request.(*kmsg.MetadataRequest).Topics) == 0 {
			return nil, nil, false
		}
		asked.Add(1)
		return nil, errors.New("gone"), true
	})
	if _, err := Create(t.Context(), client(t, s, kgo.RequestRetries(1)), Topics(s, false)); err != nil {
		t.Error(err)
	}
	if asked.Load() == 0 {
		t.Error("the dead broker was not asked")
	}
}

// three starts a cluster of three brokers.
func three(t *testing.T) (s settings.Kafka, fake *kfake.Cluster) {
	t.Helper()
	fake = broker(t, kfake.NumBrokers(3))
	s = settings.Default().Kafka
	s.Brokers, s.ReplicationFactor, s.Partitions = fake.ListenAddrs(), 3, 6
	return s, fake
}
