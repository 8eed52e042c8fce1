package kafka

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"

	"github.com/callfold/callfold/internal/settings"
)

// clientCertificate is the client's certificate, read again for each connection:
// it may be renewed on disk while we run.
type clientCertificate struct {
	s    settings.TLS
	last atomic.Pointer[tls.Certificate] // the last that could be read
}

func (c *clientCertificate) load() error {
	certificate, err := tls.LoadX509KeyPair(c.s.CertFile, c.s.KeyFile)
	if err != nil {
		return fmt.Errorf("reading kafka.tls.cert_file and kafka.tls.key_file: %w", err)
	}
	c.last.Store(&certificate)
	return nil
}

// get is for tls.Config.GetClientCertificate. Files that cannot be read may be
// just being written: then the last ones do, as long as the broker takes them.
func (c *clientCertificate) get(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if err := c.load(); err != nil && c.last.Load() == nil {
		return nil, err
	}
	return c.last.Load(), nil
}
