package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/callfold/callfold/internal/settings"
)

// Explain says of an error of connecting which setting it is most likely about.
// Other errors, and nil, it returns as they are.
func Explain(err error, s settings.Kafka) error {
	if why := explanation(err, s); why != "" {
		return fmt.Errorf("%s: %w", why, err)
	}
	return err
}

func explanation(err error, s settings.Kafka) string {
	var (
		verification *tls.CertificateVerificationError
		header       tls.RecordHeaderError
		operation    *net.OpError
	)
	brokers := strings.Join(s.Brokers, ", ")
	switch {
	case err == nil:
		return ""
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return "the broker refuses the sign-in: look at kafka.sasl.username and kafka.sasl.password_file"
	case errors.Is(err, kerr.UnsupportedSaslMechanism), errors.Is(err, kerr.IllegalSaslState):
		return "the broker refuses this kind of sign-in: look at kafka.sasl.mechanism"
	case errors.As(err, &verification):
		return verificationProblem(verification, s)
	case errors.As(err, &header):
		return "the broker does not speak TLS on this port: name its TLS port in kafka.brokers, or set kafka.tls.enabled to false"
	case errors.As(err, &operation) && operation.Op == "remote error":
		// A TLS alert: the broker broke off because of what we sent.
		if s.TLS.CertFile == "" {
			return "the broker demands a client certificate: set kafka.tls.cert_file and kafka.tls.key_file"
		}
		return "the broker refuses the client certificate: look at kafka.tls.cert_file and kafka.tls.key_file"
	case errors.Is(err, io.EOF):
		return closedProblem(s)
	case s.TLS.Enabled && (errors.As(err, &operation) && operation.Timeout() || errors.Is(err, context.DeadlineExceeded)):
		return "no TLS connection comes about in time: look whether " + brokers + " (kafka.brokers) can be reached and speaks TLS there (kafka.tls.enabled)"
	}
	return ""
}

// verificationProblem is about a broker's certificate that we do not accept.
func verificationProblem(err error, s settings.Kafka) string {
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &host):
		return "the broker's certificate is for another host: name the brokers in kafka.brokers, and in their advertised.listeners, as the certificate does"
	case errors.As(err, &authority) && s.TLS.CAFile == "":
		return "the broker's certificate is of an authority that this system does not know: name a file with its certificate in kafka.tls.ca_file"
	case errors.As(err, &authority):
		return "the broker's certificate is not of an authority in kafka.tls.ca_file"
	}
	return "the broker's certificate is not accepted (is it out of date, or made for something else?)"
}

// closedProblem is about a broker that closes a fresh connection without a word.
// A Kafka broker does so when it cannot make sense of what it is sent.
func closedProblem(s settings.Kafka) string {
	switch {
	case s.SASL.Mechanism != "":
		return "the broker closes the connection at once: look at kafka.sasl.username and kafka.sasl.password_file, at kafka.sasl.mechanism, and whether this port wants TLS (kafka.tls.enabled)"
	case s.TLS.Enabled:
		return "the broker closes the connection at once: it may want a sign-in (kafka.sasl), a client certificate (kafka.tls.cert_file), or no TLS on this port (kafka.tls.enabled)"
	}
	return "the broker closes the connection at once: this port may want TLS (kafka.tls.enabled) or a sign-in (kafka.sasl)"
}
