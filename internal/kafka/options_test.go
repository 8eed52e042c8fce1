package kafka

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
	s, adm := cluster(t)
	create(t, adm, Topics(s, false))
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

func TestSignIn(t *testing.T) {
	for mechanism, method := range map[string]string{"plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"} {
		s, _ := cluster(t, kfake.EnableSASL(), kfake.Superuser(method, "callfold", "secret"))
		s.SASL = settings.SASL{Mechanism: mechanism, Username: "callfold", Password: "secret"}
		if err := client(t, s).Ping(t.Context()); err != nil {
			t.Errorf("%s: %v", mechanism, err)
		}
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
	err := WaitReachable(t.Context(), client(t, s), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "refuses the sign-in (kafka.sasl)") || strings.Contains(err.Error(), "guess") || tries.Load() != 1 {
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
	err := WaitReachable(ctx, client(t, s), slog.New(atFirstLine{slog.DiscardHandler, cancel}))
	if err == nil || !strings.Contains(err.Error(), "are kafka.tls and kafka.sasl what it asks for?") {
		t.Errorf("got %v", err)
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	pool, server := certificates(t, dir)
	s, _ := cluster(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}))
	s.TLS = settings.TLS{Enabled: true, CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "client.pem"), KeyFile: filepath.Join(dir, "client.key")}
	if err := client(t, s).Ping(t.Context()); err != nil {
		t.Errorf("with the client's certificate: %v", err)
	}
	anonymous, stranger := s, s
	anonymous.TLS.CertFile, anonymous.TLS.KeyFile = "", ""
	stranger.TLS.CAFile = ""
	for name, s := range map[string]settings.Kafka{"without a client certificate": anonymous, "without the authority": stranger} {
		if err := client(t, s).Ping(t.Context()); err == nil {
			t.Errorf("%s: connected", name)
		}
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

// certificates makes an authority (ca.pem), a client (client.pem, client.key)
// and a server for 127.0.0.1.
func certificates(t *testing.T, dir string) (*x509.CertPool, tls.Certificate) {
	t.Helper()
	caKey := newKey(t)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caPEM, _ := sign(t, ca, ca, caKey, caKey)
	leaf := func(serial int64) (certPEM, keyPEM []byte) {
		key := newKey(t)
		return sign(t, &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: strconv.FormatInt(serial, 10)},
			NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}, ca, key, caKey)
	}
	clientPEM, clientKey := leaf(2)
	for name, content := range map[string][]byte{"ca.pem": caPEM, "client.pem": clientPEM, "client.key": clientKey} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server, err := tls.X509KeyPair(leaf(3))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(caPEM)
	return pool, server
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign gives a certificate signed by the parent, and its key, both in PEM.
func sign(t *testing.T, certificate, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) (certPEM, keyPEM []byte) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, certificate, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}
