package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"github.com/twmb/franz-go/plugin/kprom"
	"github.com/twmb/franz-go/plugin/kslog"

	"github.com/callfold/callfold/internal/settings"
)

// MaxRecordBytes is the largest record batch, on the topics and in producers.
// It leaves a webhook body, at most 1 MiB, ample room for its headers.
const MaxRecordBytes = 2 << 20

// Options are the client options that every client of ours has: brokers, TLS,
// sign-in, client id, warnings to the logger, and metrics callfold_kafka_…
// labelled client_id.
//
// A nil registerer means no metrics. Otherwise the client id must be unique
// among the clients open at one time on that registerer: kprom panics when two
// register the same metrics. A closed client's metrics are unregistered.
func Options(s settings.Kafka, client string, logger *slog.Logger, metrics prometheus.Registerer) ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(s.Brokers...),
		kgo.ClientID(client),
		kgo.WithLogger(newWarnings(kslog.New(logger))),
	}
	if s.TLS.Enabled {
		config, err := tlsConfig(s.TLS)
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	if s.SASL.Mechanism != "" {
		mechanism, err := saslMechanism(s.SASL)
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.SASL(mechanism))
	}
	if metrics != nil {
		opts = append(opts, kgo.WithHooks(kprom.NewMetrics("callfold_kafka", kprom.Registerer(wellNamed{metrics}), kprom.WithClientLabel())))
	}
	return opts, nil
}

// ProducerOptions are those of a producer that writes by key and loses nothing:
// acknowledged by all in-sync replicas, idempotent (franz-go's default, which
// wants those acks), zstd, and on the partition that Kafka's own clients choose.
// They bound no time: the caller says how long it waits.
func ProducerOptions() []kgo.Opt {
	return []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.ZstdCompression()),
		kgo.ProducerBatchMaxBytes(MaxRecordBytes),
		// Without a hasher this is murmur2 as in the Java client, so that
		// everybody finds a call's records in the same partition.
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
	}
}

func tlsConfig(s settings.TLS) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading kafka.tls.ca_file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading kafka.tls.ca_file: %s holds no certificate in PEM", s.CAFile)
		}
	}
	if s.CertFile != "" {
		certificate := &clientCertificate{s: s}
		if err := certificate.load(); err != nil {
			return nil, err
		}
		config.GetClientCertificate = certificate.get
	}
	return config, nil
}

func saslMechanism(s settings.SASL) (sasl.Mechanism, error) {
	password := s.Password.Reveal()
	switch s.Mechanism {
	case "plain":
		return plain.Auth{User: s.Username, Pass: password}.AsMechanism(), nil
	case "scram-sha-256":
		return scram.Auth{User: s.Username, Pass: password}.AsSha256Mechanism(), nil
	case "scram-sha-512":
		return scram.Auth{User: s.Username, Pass: password}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("kafka.sasl.mechanism %q is not known; use plain, scram-sha-256 or scram-sha-512", s.Mechanism)
}
