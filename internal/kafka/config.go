package kafka

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// configuration compares what is configured of a topic. configs is empty when
// this user may read none of it.
func (t Topic) configuration(configs kadm.ResourceConfigs, detail kadm.TopicDetail) ([]Finding, error) {
	found, err := configs.On(t.Name, nil)
	if err == nil {
		err = found.Err
	}
	if configs == nil || errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.ClusterAuthorizationFailed) {
		return []Finding{{Topic: t.Name, What: "configuration", Wanted: "readable", Found: "not readable", Severity: Advice,
			Why:  "so whether the topic would lose data could not be checked",
			Mend: "give this user the right DESCRIBE_CONFIGS on the topic"}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describing topic %s: %w", t.Name, err)
	}
	values := map[string]string{}
	for _, c := range found.Configs {
		values[c.Key] = c.MaybeValue()
	}
	var findings []Finding
	for _, c := range t.Configs {
		value, known := values[c.Name]
		switch {
		case c.Name == minInsync && known:
			findings = append(findings, t.insync(value, replicas(detail)))
		case c.Compare == Any, c.Name == unclean && replicas(detail) <= 1:
		case known:
			findings = append(findings, t.compare(c, value))
		case c.Severity == Fatal:
			findings = append(findings, Finding{Topic: t.Name, What: c.Name, Wanted: c.Value, Found: "not told", Severity: Advice,
				Why: "the broker does not tell this configuration", Mend: "make sure that it is " + c.Value})
		}
	}
	return findings, nil
}

// compare compares one configuration.
func (t Topic) compare(wanted Config, value string) Finding {
	f := Finding{Topic: t.Name, What: wanted.Name, Wanted: wanted.Value, Found: value}
	switch wanted.Compare {
	case AtLeast:
		f.OK = atLeast(value, wanted.Value)
	case Unlimited:
		f.OK = value == "-1" || atLeast(value, strconv.Itoa(lifetime))
	case Equal, Any:
		f.OK = value == wanted.Value
	}
	if !f.OK {
		f.Severity, f.Why, f.Mend = wanted.Severity, wanted.Why, t.alter(wanted.Name, wanted.Value)
	}
	return f
}

// insync compares min.insync.replicas with the replicas that the topic has: two
// at the least where there are three, so that a record that was acknowledged
// outlives one broker; and fewer than all, so that writing goes on without one.
func (t Topic) insync(value string, replicas int) Finding {
	f := Finding{Topic: t.Name, What: minInsync, Wanted: strconv.Itoa(max(1, min(2, replicas-1))), Found: value}
	n, err := strconv.Atoi(value)
	switch {
	case err != nil:
		f.Severity, f.Why = Advice, "it is not a number"
	case n > replicas:
		f.Severity, f.Why = Fatal, fmt.Sprintf("the topic has %d replicas, so nothing could ever be written", replicas)
	case n == replicas && replicas > 1:
		f.Severity, f.Why = Advice, "nothing can be written while one broker is away"
	case replicas >= 3 && n < 2:
		f.Severity, f.Why = Advice, "what only one broker has is acknowledged, and lost when that broker is"
	default:
		f.OK, f.Wanted = true, value
		return f
	}
	f.Mend = t.alter(minInsync, f.Wanted)
	return f
}

// alter is the command that sets a configuration of the topic.
func (t Topic) alter(name, value string) string {
	return fmt.Sprintf("kafka-configs --alter --entity-type topics --entity-name %s --add-config %s=%s", t.Name, name, value)
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
