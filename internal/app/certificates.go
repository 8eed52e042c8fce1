package app

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/settings"
)

// The certificates, as the metric names them.
const (
	certificateKafkaClient = "kafka_client" // kafka.tls.cert_file
	certificateKafkaCA     = "kafka_ca"     // kafka.tls.ca_file
	certificateSalesforce  = "salesforce"   // beside the key in salesforce.auth.private_key_file
)

// certificates tells when the certificates of the settings expire. One that is
// not there has no series: its expiry is not known, and 0 would be long ago.
type certificates struct {
	expiry     *prometheus.Desc
	clientFile string
	atStart    map[string]time.Time // of what is read only once
}

// newCertificates reads what the process reads only at its start. What cannot be
// read is left out here: whoever needs it says so.
func newCertificates(s settings.Settings) *certificates {
	c := &certificates{
		expiry: prometheus.NewDesc("callfold_certificate_expiry_timestamp_seconds",
			"UNIX time at which a certificate of the settings expires. Of kafka.tls.cert_file as it is on disk; of the last to expire in kafka.tls.ca_file; "+
				"salesforce is the certificate of the app that the JWT flow signs in to, where a copy of it stands behind the key in salesforce.auth.private_key_file. "+
				"What is not configured has no series.", []string{"certificate"}, nil),
		atStart: map[string]time.Time{},
	}
	if s.Kafka.TLS.Enabled {
		c.clientFile = s.Kafka.TLS.CertFile
		if file := s.Kafka.TLS.CAFile; file != "" {
			if ends := expiries(read(file)); len(ends) > 0 {
				c.atStart[certificateKafkaCA] = latest(ends)
			}
		}
	}
	if ends := expiries([]byte(s.Salesforce.Auth.PrivateKey.Reveal())); len(ends) > 0 {
		c.atStart[certificateSalesforce] = ends[0]
	}
	return c
}

// Describe tells the metric; it makes certificates a prometheus.Collector.
func (c *certificates) Describe(to chan<- *prometheus.Desc) { to <- c.expiry }

// Collect gives the metric as it is now. The client's certificate is read again, as
// it is for each connection: it may be renewed meanwhile.
func (c *certificates) Collect(to chan<- prometheus.Metric) {
	gauge := func(name string, at time.Time) {
		to <- prometheus.MustNewConstMetric(c.expiry, prometheus.GaugeValue, float64(at.Unix()), name)
	}
	for name, at := range c.atStart {
		gauge(name, at)
	}
	if c.clientFile != "" {
		if ends := expiries(read(c.clientFile)); len(ends) > 0 {
			gauge(certificateKafkaClient, ends[0])
		}
	}
}

// read is a file, or nothing where it cannot be read.
func read(file string) []byte {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil // the connection that needs it says so
	}
	return data
}

// expiries are those of the certificates in PEM, in their order.
func expiries(data []byte) []time.Time {
	var ends []time.Time
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			ends = append(ends, certificate.NotAfter)
		}
	}
	return ends
}

// latest is right for authorities: a bundle holds old ones beside new ones while
// they are changed, and only after the last nothing is trusted any more.
func latest(ends []time.Time) time.Time {
	end := ends[0]
	for _, e := range ends {
		if e.After(end) {
			end = e
		}
	}
	return end
}
