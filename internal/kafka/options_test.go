package kafka

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/settings"
)

// TestPartitioner holds the partitioner against the vectors of Kafka's own test
// (UtilsTest.testMurmur2), so that Java consumers look in the same partition.
func TestPartitioner(t *testing.T) {
	c, err := kgo.NewClient(ProducerOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	partitioner := c.OptValue(kgo.RecordPartitioner).(kgo.Partitioner).ForTopic("aircall.events")
	for key, murmur2 := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
	} {
		for _, n := range []int{1, 12, 50} {
			// Utils.toPositive(murmur2(key)) % partitions
			want := int(murmur2&0x7fffffff) % n
			if got := partitioner.Partition(&kgo.Record{Key: []byte(key)}, n); got != want {
				t.Errorf("%q of %d partitions: %d, want %d", key, n, got, want)
			}
		}
	}
}

// TestProducerKeepsItsPromises reads back what a producer with our options is.
func TestProducerKeepsItsPromises(t *testing.T) {
	c, err := kgo.NewClient(ProducerOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.OptValue(kgo.RequiredAcks) != kgo.AllISRAcks() {
		t.Error("not acknowledged by all in-sync replicas")
	}
	if c.OptValue(kgo.DisableIdempotentWrite) != false {
		t.Error("not idempotent")
	}
	if codecs := c.OptValue(kgo.ProducerBatchCompression).([]kgo.CompressionCodec); len(codecs) != 1 || codecs[0] != kgo.ZstdCompression() {
		t.Errorf("compresses with %v, want zstd alone", codecs)
	}
}

// TestLargeRecord writes a body of nearly 2 MiB that cannot be compressed.
func TestLargeRecord(t *testing.T) {
	s, _ := cluster(t)
	create(t, s, Topics(s, false))
	c := client(t, s, ProducerOptions()...)
	body := make([]byte, MaxRecordBytes-1024)
	if _, err := rand.Read(body); err != nil {
		t.Fatal(err)
	}
	record := &kgo.Record{Topic: TopicName(s, Events), Key: []byte("910400155"), Value: body}
	if err := c.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Error(err)
	}
}

// TestSignInRefused answers as Kafka does, with an error code, and wants no
// second try. (The fake broker's own answer to a wrong password is to hang up.)
func TestSignInRefused(t *testing.T) {
	s := settings.Default().Kafka
	s.SASL = settings.SASL{Mechanism: "plain", Username: "callfold", Password: "guess"}
	fake := broker(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "callfold", "secret"))
	var tries atomic.Int32
	fake.ControlKey(int16(kmsg.SASLAuthenticate), func(request kmsg.Request) (kmsg.Response, error, bool) {
		tries.Add(1)
		fake.KeepControl()
		answer := request.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		answer.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return answer, nil, true
	})
	s.Brokers = fake.ListenAddrs()
	err := WaitReachable(t.Context(), client(t, s), s, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "refuses the sign-in: look at kafka.sasl.username") || strings.Contains(err.Error(), "guess") || tries.Load() != 1 {
		t.Errorf("got %v after %d tries", err, tries.Load())
	}
}

// atFirstLine is a log that does something when it is written to.
type atFirstLine struct {
	slog.Handler
	do func()
}

func (h atFirstLine) Enabled(context.Context, slog.Level) bool { return true }

func (h atFirstLine) Handle(context.Context, slog.Record) error {
	h.do()
	return nil
}

// TestSignInMissing connects without signing in where that is asked for.
func TestSignInMissing(t *testing.T) {
	s, _ := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "callfold", "secret"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := WaitReachable(ctx, client(t, s), s, slog.New(atFirstLine{slog.DiscardHandler, cancel}))
	if err == nil || !strings.Contains(err.Error(), "this port may want TLS (kafka.tls.enabled) or a sign-in (kafka.sasl)") {
		t.Errorf("got %v", err)
	}
}

func TestTLSFiles(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.pem")
	if err := os.WriteFile(garbage, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, s := range map[string]settings.TLS{
		"no such file":         {CAFile: filepath.Join(dir, "missing.pem")},
		"holds no certificate": {CAFile: garbage},
		"kafka.tls.cert_file":  {CertFile: garbage, KeyFile: garbage},
	} {
		s.Enabled = true
		if _, err := Options(settings.Kafka{TLS: s}, "test", slog.New(slog.DiscardHandler), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestMetrics wants the client's metrics while it is open, and lets a second
// client of the same name take over once it is closed.
func TestMetrics(t *testing.T) {
	s, _ := cluster(t)
	registry := prometheus.NewPedanticRegistry()
	opts, err := Options(s, "callfold-test", slog.New(slog.DiscardHandler), registry)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c, err := kgo.NewClient(opts...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, family := range families {
			if !strings.HasPrefix(family.GetName(), "callfold_kafka_") {
				t.Errorf("%s is not ours", family.GetName())
			}
			found = found || family.GetName() == "callfold_kafka_connects_total"
		}
		if !found {
			t.Error("no callfold_kafka_connects_total")
		}
		c.Close()
	}
}
