package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
)

// TestFailedClaim: who lacks a right when the topic was just made is told what to delete,
// and then the next try works.
func TestFailedClaim(t *testing.T) {
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
	s := settings.Default().Kafka
	s.Partitions, s.ReplicationFactor = 2, 1
	adm := kadm.NewClient(client)
	if _, err := kafka.Create(t.Context(), client, kafka.Topics(s, false)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CALLFOLD_KAFKA_BROKERS", strings.Join(cluster.ListenAddrs(), ","))
	t.Setenv("CALLFOLD_KAFKA_REPLICATION_FACTOR", "1")
	build := func() (string, int) {
		var out bytes.Buffer
		code := execute(t.Context(), []string{"replay", "state", "--to", "blue."}, nil, &out, &out)
		return out.String(), code
	}

	cluster.ControlKey(int16(kmsg.InitProducerID), func(r kmsg.Request) (kmsg.Response, error, bool) {
		answer := r.ResponseKind().(*kmsg.InitProducerIDResponse)
		answer.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
		return answer, nil, true
	})
	out, code := build()
	if code != exitFailed || !strings.Contains(out, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED") || !strings.Contains(out, "\nDelete the topic blue.calls before the next try: ") {
		t.Errorf("without the right: exit code %d\n%s", code, out)
	}
	if _, err := adm.DeleteTopic(t.Context(), "blue.calls"); err != nil {
		t.Fatal(err)
	}
	if out, code := build(); code != exitDone {
		t.Errorf("with the right: exit code %d\n%s", code, out)
	}
}
