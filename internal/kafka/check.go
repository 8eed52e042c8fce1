package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Finding is one thing about one topic, right or wrong.
type Finding struct {
	Topic string `json:"topic"`
	// What is "exists", "partitions", "replication" or the name of a configuration.
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Wanted string `json:"wanted"`
	Found  string `json:"found"`
	// Mend says how to mend it; empty when OK.
	Mend string `json:"mend,omitempty"`
}

// Check compares the topics that exist with those wanted. The findings are in
// the order of the topics; the error is only for when the cluster could not be asked.
func Check(ctx context.Context, adm *kadm.Client, topics []Topic) ([]Finding, error) {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	// Asking for the authorized operations too is what makes kadm ask the
	// cluster: otherwise it answers from a cache that is up to 5 s old.
	details, err := adm.ListTopics(kadm.WithAuthorizedOps(ctx), names...)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	configs, err := adm.DescribeTopicConfigs(ctx, existing(details, names)...)
	if err != nil {
		return nil, fmt.Errorf("describing topics: %w", err)
	}
	counts := map[int]bool{}
	for _, name := range existing(details, names) {
		counts[len(details[name].Partitions)] = true
	}
	var findings []Finding
	for _, t := range topics {
		detail, ok := details[t.Name]
		if !ok || errors.Is(detail.Err, kerr.UnknownTopicOrPartition) {
			findings = append(findings, Finding{Topic: t.Name, What: "exists", Wanted: "yes", Found: "no", Mend: "run callfold topics create"})
			continue
		}
		if detail.Err != nil {
			return nil, fmt.Errorf("looking at topic %s: %w", t.Name, detail.Err)
		}
		found, err := configs.On(t.Name, nil)
		if err == nil {
			err = found.Err
		}
		if err != nil {
			return nil, fmt.Errorf("describing topic %s: %w", t.Name, err)
		}
		findings = append(findings, Finding{Topic: t.Name, What: "exists", OK: true, Wanted: "yes", Found: "yes"},
			partitions(t, detail, len(counts) == 1), replication(t, detail))
		for _, c := range t.Configs {
			if c.Compare != Any {
				findings = append(findings, config(t, c, found))
			}
		}
	}
	return findings, nil
}

// existing are the names of the topics that are there.
func existing(details kadm.TopicDetails, names []string) []string {
	var there []string
	for _, name := range names {
		if d, ok := details[name]; ok && d.Err == nil {
			there = append(there, name)
		}
	}
	return there
}

// partitions compares the partition count. same says whether all topics that
// exist have the same count: then it is the setting that is wrong, since Kafka
// would put the calls into other partitions after a change.
func partitions(t Topic, detail kadm.TopicDetail, same bool) Finding {
	found := len(detail.Partitions)
	f := Finding{Topic: t.Name, What: "partitions", OK: found == int(t.Partitions),
		Wanted: strconv.Itoa(int(t.Partitions)), Found: strconv.Itoa(found)}
	if f.OK {
		return f
	}
	if same {
		f.Mend = fmt.Sprintf("set kafka.partitions to %d; the topics agree with each other, and adding partitions would move calls away from their state", found)
	} else {
		f.Mend = "delete and recreate the topic with the count of the others (calls and tasks are rebuilt from events; never delete events itself)"
	}
	return f
}

// replication compares the replication factor: that of the partition with the fewest replicas.
func replication(t Topic, detail kadm.TopicDetail) Finding {
	found := -1
	for _, p := range detail.Partitions {
		if found < 0 || len(p.Replicas) < found {
			found = len(p.Replicas)
		}
	}
	f := Finding{Topic: t.Name, What: "replication", OK: found >= int(t.ReplicationFactor),
		Wanted: strconv.Itoa(int(t.ReplicationFactor)), Found: strconv.Itoa(found)}
	if !f.OK {
		f.Mend = fmt.Sprintf("add replicas with kafka-reassign-partitions, or set kafka.replication_factor to %d", found)
	}
	return f
}

// config compares one configuration.
func config(t Topic, wanted Config, found kadm.ResourceConfig) Finding {
	f := Finding{Topic: t.Name, What: wanted.Name, Wanted: wanted.Value}
	for _, c := range found.Configs {
		if c.Key == wanted.Name {
			f.Found = c.MaybeValue()
		}
	}
	f.OK = f.Found == wanted.Value || wanted.Compare == AtLeast && atLeast(f.Found, wanted.Value)
	if !f.OK {
		f.Mend = fmt.Sprintf("kafka-configs --alter --entity-type topics --entity-name %s --add-config %s=%s", t.Name, wanted.Name, wanted.Value)
	}
	return f
}

// atLeast compares two whole numbers; what is not one is not enough.
func atLeast(found, wanted string) bool {
	f, err := strconv.ParseInt(found, 10, 64)
	if err != nil {
		return false
	}
	w, err := strconv.ParseInt(wanted, 10, 64)
	return err == nil && f >= w
}
