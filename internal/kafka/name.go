package kafka

import (
	"cmp"
	"fmt"
	"os"

	"github.com/callfold/callfold/internal/settings"
)

// The topics, without the prefix of the settings.
const (
	Events      = "events"       // webhook bodies as they came
	Calls       = "calls"        // the state of each call
	Tasks       = "tasks"        // the outcome of each call
	Rejected    = "rejected"     // what cannot be folded
	TasksDryRun = "tasks-dryrun" // outcomes of a dry run
)

// The consumer groups, without the prefix of the settings.
const (
	ProcessorGroup  = "callfold-processor"
	SinkGroup       = "callfold-sink"
	SinkDryRunGroup = "callfold-sink-dryrun"
)

// TopicName is the full name of one of the topics above. Events and Calls may have a
// prefix of their own.
func TopicName(s settings.Kafka, topic string) string {
	switch topic {
	case Events:
		return cmp.Or(s.EventsPrefix, s.TopicPrefix) + topic
	case Calls:
		return cmp.Or(s.CallsPrefix, s.TopicPrefix) + topic
	}
	return s.TopicPrefix + topic
}

// Under are settings by which all topics have one prefix.
func Under(s settings.Kafka, prefix string) settings.Kafka {
	s.TopicPrefix, s.EventsPrefix, s.CallsPrefix = prefix, "", ""
	return s
}

// GroupName is the full name of one of the groups above.
func GroupName(s settings.Kafka, group string) string { return s.GroupPrefix + group }

// Instance is the stable name of this process: that of the settings, else the host name.
func Instance(s settings.Kafka) (string, error) {
	if s.Instance != "" {
		return s.Instance, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("finding a name for this process (set kafka.instance): %w", err)
	}
	return host, nil
}
