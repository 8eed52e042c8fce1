package kafka

import (
	"strconv"

	"github.com/callfold/callfold/internal/settings"
)

// Topic is a topic as it is wanted.
type Topic struct {
	Name              string
	Partitions        int32
	ReplicationFactor int16
	Configs           []Config
}

// Config is one of a topic's configurations and how strictly it is compared.
type Config struct {
	Name, Value string
	Compare     Compare
}

// Compare says when a value that is found is as good as the one wanted.
type Compare int

// The ways to compare.
const (
	Equal   Compare = iota // only that value
	AtLeast                // that number or more
	Any                    // whatever the operator chose, so it is not compared: ours is only a start
)

// rejectedRetention is how long what cannot be folded is kept: 30 days.
const rejectedRetention = 30 * 24 * 60 * 60 * 1000

// Topics are the topics that the settings want. All have the same number of
// partitions: everything of one call has one partition number everywhere, which
// lets a stage write results and state beside what it reads. The topic of dry
// runs is there only when dryRun is true.
func Topics(s settings.Kafka, dryRun bool) []Topic {
	compact := Config{Name: "cleanup.policy", Value: "compact"}
	remove := Config{Name: "cleanup.policy", Value: "delete"}
	topics := []Topic{
		// Unlimited by time and by size: the event log is what everything
		// else is rebuilt from. A broker may limit either by default.
		topic(s, Events, remove, Config{Name: "retention.ms", Value: "-1"}, Config{Name: "retention.bytes", Value: "-1"}),
		topic(s, Calls, compact),
		topic(s, Tasks, compact),
		topic(s, Rejected, remove, Config{Name: "retention.ms", Value: strconv.Itoa(rejectedRetention), Compare: Any}),
	}
	if dryRun {
		topics = append(topics, topic(s, TasksDryRun, compact))
	}
	return topics
}

// topic is a topic with what all of ours have in common.
func topic(s settings.Kafka, name string, configs ...Config) Topic {
	return Topic{
		Name:              TopicName(s, name),
		Partitions:        int32(s.Partitions),
		ReplicationFactor: int16(s.ReplicationFactor),
		Configs: append(configs,
			Config{Name: "max.message.bytes", Value: strconv.Itoa(MaxRecordBytes), Compare: AtLeast},
			// One replica may be away without writing coming to a halt, and an
			// acknowledged record is still on two disks.
			Config{Name: "min.insync.replicas", Value: strconv.Itoa(max(1, s.ReplicationFactor-1)), Compare: AtLeast},
			// Our producers write zstd. Naming it here would make the broker
			// compress anew what any other tool writes; so it is left to producers.
			Config{Name: "compression.type", Value: "producer", Compare: Any},
		),
	}
}
