package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/ingest"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/internal/settings"
)

// TestIngestTellsThatNobodyReads: while the processor reads another log ingest takes
// webhooks, and says so where somebody looks; no more once the processor reads this one.
func TestIngestTellsThatNobodyReads(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	must(t, err)
	defer cluster.Close()
	s := settings.Default()
	s.Kafka.Brokers, s.Kafka.Partitions, s.Kafka.ReplicationFactor = cluster.ListenAddrs(), 2, 1
	s.Ingest.Tokens = []settings.Secret{"secret"}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka.Brokers...))
	must(t, err)
	defer client.Close()
	adm := kadm.NewClient(client)
	for _, prefix := range []string{"", "green."} {
		s.Kafka.EventsPrefix = prefix
		_, err = kafka.Create(t.Context(), client, kafka.Topics(s.Kafka, false))
		must(t, err)
	}
	group := kafka.GroupName(s.Kafka, kafka.ProcessorGroup)
	old := reader(t, s.Kafka, "aircall.events")
	eventually(t, func() error {
		elsewhere, err := kafka.ReadElsewhere(t.Context(), adm, group, "green.events")
		if err == nil && elsewhere == "" {
			err = errors.New("the group reads nothing yet")
		}
		return err
	})

	a := New(s, slog.New(slog.DiscardHandler), "ingest")
	stage, err := a.Ingest()
	must(t, err)
	defer stage.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- stage.Run(ctx) }()
	shows := func(path, want string) error {
		w := httptest.NewRecorder()
		observe.AdminHandler(a.Health, a.Registry).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			return fmt.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		return nil
	}
	const metric = `callfold_output_astray{stage="ingest"} `
	eventually(t, func() error {
		return shows("/readyz", "events: ready, but: this stage writes to green.events, and the group callfold-processor reads aircall.events")
	})
	must(t, shows("/metrics", metric+"1"))
	w := httptest.NewRecorder()
	stage.ServeHTTP(w, httptest.NewRequest("POST", ingest.Path, bytes.NewReader(fmt.Appendf(nil,
		`{"resource":"call","event":"call.created","timestamp":%d,"token":"secret","data":{"id":812}}`, time.Now().Unix()))))
	if w.Code != 200 {
		t.Errorf("a webhook is answered with %d %s", w.Code, w.Body)
	}
	stop()
	must(t, <-ended)

	old.Close()
	reader(t, s.Kafka, "green.events")
	eventually(t, func() error { return stage.readers.check(t.Context(), adm) })
	must(t, shows("/metrics", metric+"0"))
}

// TestReadersCannotBeKnown: without the right to know a stage works, and says it once.
func TestReadersCannotBeKnown(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableACLs())
	must(t, err)
	defer cluster.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	must(t, err)
	defer client.Close()
	var log bytes.Buffer
	r := New(settings.Default(), slog.New(slog.NewTextHandler(&log, nil))).LogReaders("ingest")
	for range 2 {
		must(t, r.check(t.Context(), kadm.NewClient(client)))
	}
	if n := strings.Count(log.String(), "give this user DESCRIBE on the group"); n != 1 {
		t.Errorf("it says %d times:\n%s", n, &log)
	}
}

// reader is the processor's group at work on a log.
func reader(t *testing.T, s settings.Kafka, topic string) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...), kgo.ConsumerGroup(kafka.GroupName(s, kafka.ProcessorGroup)), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit())
	must(t, err)
	t.Cleanup(client.Close)
	return client
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, condition func() error) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // polling
	}
}
