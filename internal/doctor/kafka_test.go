package doctor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
)

func TestKafka(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	s := settings.Default()
	s.Kafka.Brokers, s.Kafka.ReplicationFactor = cluster.ListenAddrs(), 1

	var told strings.Builder
	look := func(name string) {
		fmt.Fprintf(&told, "# %s\n", name)
		o := Options{Settings: s}
		o.fill()
		for _, f := range lookAtKafka(t.Context(), o) {
			fmt.Fprintf(&told, "%-6s  %s\n", f.Level(), f)
		}
	}
	look("no topics")
	if _, err := kafka.Create(t.Context(), client, kafka.Topics(s.Kafka, false)); err != nil {
		t.Fatal(err)
	}
	look("all is right")
	s.Kafka.Partitions = 6
	look("advice")
	s.Kafka.Partitions = 12
	short := "604800000"
	if _, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &short}}, "aircall.events"); err != nil {
		t.Fatal(err)
	}
	look("a short memory")
	golden(t, "kafka.txt", told.String())
}

// TestNoBroker wants the other areas looked at, although no broker answers.
func TestNoBroker(t *testing.T) {
	p := newPatient(t)
	p.timeout = 6 * time.Second // a third of it for each request
	p.settings.Kafka.Brokers = []string{"127.0.0.1:1"}
	findings := p.lookAtAll()
	if f := findings[0]; f.OK || f.Severity != Wrong || !strings.Contains(f.Found, "127.0.0.1:1 (kafka.brokers)") {
		t.Errorf("got %s", f)
	}
	for _, f := range findings[1:] {
		if f.Area != areaSalesforce || !f.OK {
			t.Errorf("got %s", f)
		}
	}
	if len(findings) < 20 {
		t.Errorf("only %d findings", len(findings))
	}
}
