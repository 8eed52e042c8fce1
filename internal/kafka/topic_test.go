package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/callfold/callfold/internal/settings"
)

// cluster starts a broker and gives settings that lead to it and a client.
func cluster(t *testing.T, opts ...kfake.Opt) (settings.Kafka, *kadm.Client) {
	t.Helper()
	s := settings.Default().Kafka
	s.Brokers, s.ReplicationFactor, s.Partitions = broker(t, opts...).ListenAddrs(), 1, 6
	return s, kadm.NewClient(client(t, s))
}

// broker starts a cluster of one, unless opts say otherwise.
func broker(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	fake, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	return fake
}

// client connects as the settings say.
func client(t *testing.T, s settings.Kafka, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	opts, err := Options(s, "callfold-test", slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// create makes the topics and fails the test if one could not be made.
func create(t *testing.T, s settings.Kafka, topics []Topic) map[string]bool {
	t.Helper()
	created, err := Create(t.Context(), client(t, s), topics)
	if err != nil {
		t.Fatal(err)
	}
	isNew := map[string]bool{}
	for _, c := range created {
		isNew[c.Topic] = c.New
	}
	return isNew
}

// wrongs are the findings that are not OK, as topic, what, found.
func wrongs(t *testing.T, adm *kadm.Client, topics []Topic) string {
	t.Helper()
	var b strings.Builder
	for _, f := range check(t, adm, topics) {
		if !f.OK {
			b.WriteString(strings.Join([]string{f.Topic, f.What, f.Found, f.Mend}, " | ") + "\n")
		} else if f.Mend != "" {
			t.Errorf("%+v is right and has a mend", f)
		}
	}
	return b.String()
}

// TestTopicsAreAsTheArchitectureSays asks the broker what the topics became.
func TestTopicsAreAsTheArchitectureSays(t *testing.T) {
	s, adm := cluster(t, kfake.NumBrokers(3))
	s.ReplicationFactor = 3
	create(t, s, Topics(s, true))
	common := map[string]string{"max.message.bytes": "2097152", "min.insync.replicas": "2", "compression.type": "producer"}
	for name, own := range map[string]map[string]string{
		"aircall.events":       {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"},
		"aircall.calls":        {"cleanup.policy": "compact"},
		"aircall.tasks":        {"cleanup.policy": "compact"},
		"aircall.tasks-dryrun": {"cleanup.policy": "compact"},
		"aircall.rejected":     {"cleanup.policy": "delete", "retention.ms": "2592000000"},
	} {
		described, err := adm.DescribeTopicConfigs(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, c := range described[0].Configs {
			if c.Source == kmsg.ConfigSourceDynamicTopicConfig {
				found[c.Key] = c.MaybeValue()
			}
		}
		want := maps.Clone(common)
		maps.Copy(want, own)
		if !maps.Equal(found, want) {
			t.Errorf("%s has %v, want %v", name, found, want)
		}
		details, err := adm.ListTopics(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if p := details[name].Partitions; len(p) != 6 || len(p[0].Replicas) != 3 {
			t.Errorf("%s has %d partitions of %d replicas, want 6 of 3", name, len(p), len(p[0].Replicas))
		}
	}
}

func TestCreateTwice(t *testing.T) {
	s, _ := cluster(t)
	first := create(t, s, Topics(s, false))
	want := map[string]bool{"aircall.events": true, "aircall.calls": true, "aircall.tasks": true, "aircall.rejected": true}
	if !maps.Equal(first, want) {
		t.Errorf("the first time made %v, want %v", first, want)
	}
	for name := range want {
		want[name] = false
	}
	want["aircall.tasks-dryrun"] = true
	if second := create(t, s, Topics(s, true)); !maps.Equal(second, want) {
		t.Errorf("the second time made %v, want %v", second, want)
	}
}

func TestCreateSaysWhatToMend(t *testing.T) {
	s, _ := cluster(t)
	s.ReplicationFactor = 3
	created, err := Create(t.Context(), client(t, s), Topics(s, false))
	if len(created) != 0 || err == nil || strings.Count(err.Error(), "kafka.replication_factor = 3") != 4 {
		t.Errorf("created %v, error %v; want the factor named for each of four topics", created, err)
	}
}

func TestCheckFresh(t *testing.T) {
	s, adm := cluster(t)
	want := strings.Repeat("T | exists | no | run callfold topics create\n", 4)
	for _, name := range []string{"aircall.events", "aircall.calls", "aircall.tasks", "aircall.rejected"} {
		want = strings.Replace(want, "T |", name+" |", 1)
	}
	if got := wrongs(t, adm, Topics(s, false)); got != want {
		t.Errorf("before: got\n%swant\n%s", got, want)
	}
	create(t, s, Topics(s, false))
	if got := wrongs(t, adm, Topics(s, false)); got != "" {
		t.Errorf("after: got\n%s", got)
	}
}

// TestCheckFindsChanges changes one thing after another and wants exactly it
// found, with how bad it is.
func TestCheckFindsChanges(t *testing.T) {
	for _, test := range []struct {
		topic, config, value string
		want                 Severity // empty: nothing is wrong
		mend                 string   // the value that the mend sets
	}{
		{"events", "cleanup.policy", "compact", Fatal, "delete"},
		{"events", "cleanup.policy", "compact,delete", Fatal, "delete"},
		{"events", "retention.ms", "604800000", Fatal, "-1"},
		{"events", "retention.bytes", "1000", Fatal, "-1"},
		{"calls", "cleanup.policy", "delete", Fatal, "compact"},
		{"calls", "cleanup.policy", "compact,delete", Fatal, "compact"},
		{"calls", "delete.retention.ms", "60000", Advice, "86400000"},
		{"tasks", "cleanup.policy", "delete", Fatal, "compact"},
		{"tasks", "max.message.bytes", "1048588", Fatal, "2097152"},
		{"events", "max.message.bytes", "1048588", Fatal, "2097152"},
		{"rejected", "cleanup.policy", "compact", Fatal, "delete"},
		{"calls", "min.insync.replicas", "1", Advice, "2"},
		{"calls", "min.insync.replicas", "3", Advice, "2"},
		{"calls", "min.insync.replicas", "4", Fatal, "2"},
		// More than is wanted, or the operator's own choice, is no mistake.
		{"tasks", "max.message.bytes", "10000000", "", ""},
		{"events", "retention.ms", "9223372036854775807", "", ""},
		{"events", "message.timestamp.type", "LogAppendTime", "", ""},
		{"rejected", "retention.ms", "1000", "", ""},
		{"calls", "compression.type", "zstd", "", ""},
	} {
		s, adm := cluster(t, kfake.NumBrokers(3))
		s.ReplicationFactor = 3
		create(t, s, Topics(s, false))
		configure(t, adm, "aircall."+test.topic, test.config, test.value)
		want, fatal := "", ""
		if test.want != "" {
			want = fmt.Sprintf("aircall.%[1]s | %[2]s | %[3]s | kafka-configs --alter --entity-type topics --entity-name aircall.%[1]s --add-config %[2]s=%[4]s\n",
				test.topic, test.config, test.value, test.mend)
		}
		if test.want == Fatal {
			fatal = "aircall." + test.topic + "  " + test.config + ": " + test.value + ", wanted " + test.mend
		}
		if got := wrongs(t, adm, Topics(s, false)); got != want {
			t.Errorf("%s %s=%s: got\n%swant\n%s", test.topic, test.config, test.value, got, want)
		}
		if got := Refusal(check(t, adm, Topics(s, false))); (got != "") != (fatal != "") || !strings.Contains(got, fatal) {
			t.Errorf("%s %s=%s: the refusal is %q, want %q in it", test.topic, test.config, test.value, got, fatal)
		}
	}
}

// configure sets a configuration of a topic.
func configure(t *testing.T, adm *kadm.Client, topic, name, value string) {
	t.Helper()
	change := kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value}
	if answer, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{change}, topic); err != nil || answer[0].Err != nil {
		t.Fatal(err, answer[0].Err)
	}
}

func check(t *testing.T, adm *kadm.Client, topics []Topic) []Finding {
	t.Helper()
	findings, err := Check(t.Context(), adm, topics)
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

// TestUncleanElection: the fake broker does not know this configuration.
func TestUncleanElection(t *testing.T) {
	replicas := func(n int) kadm.TopicDetail {
		return kadm.TopicDetail{Partitions: kadm.PartitionDetails{0: {Replicas: make([]int32, n)}}}
	}
	for _, test := range []struct {
		value    string
		replicas int
		want     Severity
	}{{"true", 3, Advice}, {"false", 3, ""}, {"true", 1, ""}} {
		topic := Topic{Name: "t", Configs: []Config{{Name: unclean, Value: "false", Severity: Advice, Why: "lost"}}}
		configs := kadm.ResourceConfigs{{Name: "t", Configs: []kadm.Config{{Key: unclean, Value: &test.value}}}}
		findings, err := topic.configuration(configs, replicas(test.replicas))
		if err != nil {
			t.Fatal(err)
		}
		var got Severity
		for _, f := range findings {
			got = f.Severity
		}
		if got != test.want {
			t.Errorf("%+v: got %v", test, findings)
		}
	}
}

// TestCheckWithoutTheRight lets the user read the topics but not how they are
// configured: an advice for each, and no refusal.
func TestCheckWithoutTheRight(t *testing.T) {
	fake := broker(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "admin", "secret"),
		kfake.User("PLAIN", "callfold", "secret",
			kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: "aircall.", Pattern: kmsg.ACLResourcePatternTypePrefixed, Operation: kmsg.ACLOperationDescribe, Allow: true}))
	s := settings.Default().Kafka
	s.Brokers, s.ReplicationFactor, s.Partitions = fake.ListenAddrs(), 1, 6
	s.SASL = settings.SASL{Mechanism: "plain", Username: "admin", Password: "secret"}
	create(t, s, Topics(s, false))

	s.SASL.Username = "callfold"
	adm := kadm.NewClient(client(t, s))
	findings := check(t, adm, StageTopics(s, Events, Calls))
	if refusal := Refusal(findings); refusal != "" {
		t.Error(refusal)
	}
	const want = "aircall.events | configuration | not readable | give this user the right DESCRIBE_CONFIGS on the topic\n" +
		"aircall.calls | configuration | not readable | give this user the right DESCRIBE_CONFIGS on the topic\n"
	if got := wrongs(t, adm, StageTopics(s, Events, Calls)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestTransactionVersion asks clusters of several releases.
func TestTransactionVersion(t *testing.T) {
	for _, test := range []struct {
		release *kversion.Versions
		found   string
		ok      bool
	}{{kversion.V3_6_0(), "0", false}, {kversion.V4_0_0(), "2", true}} {
		_, adm := cluster(t, kfake.MaxVersions(test.release))
		got, err := CheckTransactions(t.Context(), adm)
		if err != nil {
			t.Fatal(err)
		}
		if got.Found != test.found || got.OK != test.ok || (got.Severity == Advice) == test.ok {
			t.Errorf("got %+v, want %+v", got, test)
		}
	}
}

func TestCheckFindsPartitions(t *testing.T) {
	s, adm := cluster(t)
	create(t, s, Topics(s, false))

	other := s
	other.Partitions, other.ReplicationFactor = 12, 2
	got := wrongs(t, adm, Topics(other, false))
	for _, want := range []string{"aircall.calls | partitions | 6 | set kafka.partitions to 6,", "aircall.tasks | replication | 1 | add replicas"} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%swant a line with %q", got, want)
		}
	}

	if answer, err := adm.UpdatePartitions(t.Context(), 8, "aircall.calls"); err != nil || answer.Error() != nil {
		t.Fatal(err, answer.Error())
	}
	const want = "aircall.calls | partitions | 8 | set kafka.partitions to 6, stop all stages, delete the topic"
	if got := wrongs(t, adm, Topics(s, false)); !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 1 {
		t.Errorf("got\n%swant only %q", got, want)
	}
}

func TestCheckUnreachable(t *testing.T) {
	s, adm := cluster(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if findings, err := Check(ctx, adm, Topics(s, false)); err == nil {
		t.Errorf("got %v, want an error", findings)
	}
}
