package kafka

import (
	"context"
	"crypto/tls"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka/kafkatest"
)

// demanding starts a broker that demands it of its clients.
func demanding(t *testing.T, s kafkatest.Security, f kafkatest.Files) []string {
	t.Helper()
	var opts []kfake.Opt
	if s.TLS {
		config, err := f.ServerTLS(s.Mutual)
		if err != nil {
			t.Fatal(err)
		}
		opts = append(opts, kfake.TLS(config))
	}
	if s.Mechanism != "" {
		opts = append(opts, kfake.EnableSASL(), kfake.Superuser(strings.ToUpper(s.Mechanism), kafkatest.User, kafkatest.Password))
	}
	return broker(t, opts...).ListenAddrs()
}

func files(t *testing.T) kafkatest.Files {
	t.Helper()
	f, err := kafkatest.MakeFiles(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSecurity writes a record and reads it back over each combination of what
// a broker may demand.
func TestSecurity(t *testing.T) {
	f := files(t)
	for _, s := range kafkatest.Securities() {
		t.Run(s.Name, func(t *testing.T) {
			k := s.Settings(f, demanding(t, s, f)...)
			k.ReplicationFactor, k.Partitions = 1, 1
			writer := client(t, k, ProducerOptions()...)
			create(t, k, Topics(k, false))
			if err := writer.ProduceSync(t.Context(), &kgo.Record{Topic: "aircall.events", Value: []byte("hello")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			reader := client(t, k, kgo.ConsumeTopics("aircall.events"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			fetches := reader.PollFetches(ctx)
			if records := fetches.Records(); len(records) != 1 || string(records[0].Value) != "hello" {
				t.Errorf("read %d records, errors %v", len(records), fetches.Errors())
			}
		})
	}
}

// TestMistakes makes each mistake and wants to be told which setting to mend.
func TestMistakes(t *testing.T) {
	f := files(t)
	for _, m := range kafkatest.Mistakes() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			k := m.Broker.Settings(f, demanding(t, m.Broker, f)...)
			m.Make(&k, f)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := Check(ctx, kadm.NewClient(client(t, k, kgo.RequestRetries(0))), Topics(k, false))
			err = Explain(err, k)
			if err == nil || !strings.Contains(err.Error(), m.Want) {
				t.Errorf("got %v, want it to name %s", err, m.Want)
			}
		})
	}
}

// TestCertificateOfAnotherHost: what the broker shows is right but for its name.
func TestCertificateOfAnotherHost(t *testing.T) {
	f := files(t)
	f.BrokerCert, f.BrokerKey = f.ElsewhereCert, f.ElsewhereKey
	s := kafkatest.Security{TLS: true}
	k := s.Settings(f, demanding(t, s, f)...)
	_, err := Check(t.Context(), kadm.NewClient(client(t, k, kgo.RequestRetries(0))), Topics(k, false))
	if err = Explain(err, k); err == nil || !strings.Contains(err.Error(), "is for another host") {
		t.Errorf("got %v", err)
	}
}

// TestClientCertificateIsRenewed replaces the files under a client that runs:
// its next connection shows the new certificate.
func TestClientCertificateIsRenewed(t *testing.T) {
	f := files(t)
	renewed := files(t)
	c, err := tlsConfig(kafkatest.Security{TLS: true, Mutual: true}.Settings(f).TLS)
	if err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		certificate, err := c.GetClientCertificate(new(tls.CertificateRequestInfo))
		if err != nil {
			t.Fatal(err)
		}
		return string(certificate.Certificate[0])
	}
	before := shown()
	// The certificate is new and the key still the old one: in mid-renewal.
	copyFile(t, renewed.ClientCert, f.ClientCert)
	if shown() != before {
		t.Error("a certificate that does not fit its key was shown")
	}
	copyFile(t, renewed.ClientKey, f.ClientKey)
	if shown() == before {
		t.Error("the old certificate is still shown")
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
