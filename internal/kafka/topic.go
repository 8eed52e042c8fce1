package kafka

import (
	"slices"
	"strconv"

	"github.com/callfold/callfold/internal/settings"
)

// Topic is a topic as it is wanted.
type Topic struct {
	Name              string
	Partitions        int32
	ReplicationFactor int16
	// Aligned says that the topic's partitions must be as many as those of the
	// other aligned ones: everything of one call has one partition number.
	Aligned bool
	Configs []Config
}

// Config is one of a topic's configurations: what the topic is made with, and
// what follows when it is found to be another.
type Config struct {
	Name, Value string
	Compare     Compare
	// Severity is how bad a value that does not compare is, and Why what it does.
	Severity Severity
	Why      string
	// Unset leaves it to the broker's default when a topic is made: not every
	// provider lets it be set.
	Unset bool
}

// Compare says when a value that is found is as good as the one wanted.
type Compare int

// The ways to compare.
const (
	Equal     Compare = iota // only that value
	AtLeast                  // that number or more
	Unlimited                // no limit (-1), or one that nobody will live to see
	Any                      // whatever the operator chose, so it is not compared: ours is only a start
)

// Severity is how bad it is that something is not as wanted.
type Severity string

const (
	// Fatal would lose data, break exactly-once or hold up the work for ever: a
	// stage that uses the topic refuses to start.
	Fatal Severity = "fatal"
	// Advice is the operator's trade-off: a stage says it and starts.
	Advice Severity = "advice"
)

const (
	// rejectedRetention is how long what cannot be folded is kept: 30 days.
	rejectedRetention = 30 * 24 * 60 * 60 * 1000
	// tombstoneRetention is Kafka's default of delete.retention.ms: a day.
	tombstoneRetention = 24 * 60 * 60 * 1000
	// lifetime, a hundred years in milliseconds, is as good as no limit.
	lifetime = 100 * 365 * 24 * 60 * 60 * 1000
)

// Topics are the topics that the settings want. All have the same number of
// partitions, which lets a stage write results and state beside what it reads.
// The topic of dry runs is there only when dryRun is true.
func Topics(s settings.Kafka, dryRun bool) []Topic {
	topics := []Topic{
		topic(s, Events, true,
			Config{Name: "cleanup.policy", Value: "delete", Severity: Fatal, Why: "compaction would keep one event of each call and remove the others"},
			// By time and by size: a broker may limit either by default.
			Config{Name: "retention.ms", Value: "-1", Compare: Unlimited, Severity: Fatal, Why: "older events would be deleted, and everything is made again from them"},
			Config{Name: "retention.bytes", Value: "-1", Compare: Unlimited, Severity: Fatal, Why: "the oldest events would be deleted, and everything is made again from them"}),
		compacted(s, Calls),
		compacted(s, Tasks),
		topic(s, Rejected, false,
			Config{Name: "cleanup.policy", Value: "delete", Severity: Fatal, Why: "compaction would remove what was rejected before"},
			Config{Name: "retention.ms", Value: strconv.Itoa(rejectedRetention), Compare: Any}),
	}
	if dryRun {
		topics = append(topics, compacted(s, TasksDryRun))
	}
	return topics
}

// StageTopics are those of the named topics (Events, Calls, …).
func StageTopics(s settings.Kafka, names ...string) []Topic {
	return slices.DeleteFunc(Topics(s, true), func(t Topic) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return t.Name == TopicName(s, name) })
	})
}

// compacted is a topic that keeps the newest state of each call.
func compacted(s settings.Kafka, name string) Topic {
	return topic(s, name, true,
		// Not "compact,delete" either, whatever its retention is set to today.
		Config{Name: "cleanup.policy", Value: "compact", Severity: Fatal, Why: "states of calls that have not changed for long would be deleted"},
		Config{Name: "delete.retention.ms", Value: strconv.Itoa(tombstoneRetention), Compare: AtLeast, Unset: true, Severity: Advice,
			Why: "a local table that is older than half of it may have missed deletions and is restored from nothing, so restarts take longer"})
}

// topic is a topic with what all of ours have in common. Its min.insync.replicas
// is compared with the replicas that it has: see insync.
func topic(s settings.Kafka, name string, aligned bool, configs ...Config) Topic {
	return Topic{
		Name:              TopicName(s, name),
		Partitions:        int32(s.Partitions),
		ReplicationFactor: int16(s.ReplicationFactor),
		Aligned:           aligned,
		Configs: append(configs,
			Config{Name: "max.message.bytes", Value: strconv.Itoa(MaxRecordBytes), Compare: AtLeast, Severity: Fatal,
				Why: "the broker would refuse large records again and again, and the records behind them would wait for ever"},
			// One replica may be away without writing coming to a halt, and an
			// acknowledged record is still on two disks.
			Config{Name: minInsync, Value: strconv.Itoa(max(1, s.ReplicationFactor-1)), Compare: Any},
			Config{Name: unclean, Value: "false", Unset: true, Severity: Advice,
				Why: "a replica that was left behind may become the leader, and what it does not have is lost"},
			// Our producers write zstd. Naming it here would make the broker
			// compress anew what any other tool writes; so it is left to producers.
			Config{Name: "compression.type", Value: "producer", Compare: Any},
		),
	}
}

// Names of configurations that depend on the replicas.
const (
	minInsync = "min.insync.replicas"
	unclean   = "unclean.leader.election.enable"
)
