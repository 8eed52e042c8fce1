// Package kafkatest holds what a broker may demand of its clients (TLS, mutual
// TLS, SASL) and the mistakes that a user can make about it, as tables: for
// tests against the embedded broker as well as against Apache Kafka.
package kafkatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Files are the paths of certificates and keys in PEM. Broker and client are
// signed by CA; the stranger is a client that only OtherCA knows.
type Files struct {
	CA, OtherCA                 string
	BrokerCert, BrokerKey       string // for 127.0.0.1 and localhost
	ClientCert, ClientKey       string
	StrangerCert, StrangerKey   string
	ElsewhereCert, ElsewhereKey string // a broker's, for another host
}

// MakeFiles makes fresh certificates and keys in the directory, valid for a day.
// Certificate and key of one owner lie in name.pem and name-key.pem; the key is
// in PKCS #8, as Java reads it.
func MakeFiles(dir string) (Files, error) {
	at := func(name string) string { return filepath.Join(dir, name) }
	f := Files{
		CA: at("ca.pem"), OtherCA: at("other-ca.pem"),
		BrokerCert: at("broker.pem"), BrokerKey: at("broker-key.pem"),
		ClientCert: at("client.pem"), ClientKey: at("client-key.pem"),
		StrangerCert: at("stranger.pem"), StrangerKey: at("stranger-key.pem"),
		ElsewhereCert: at("elsewhere.pem"), ElsewhereKey: at("elsewhere-key.pem"),
	}
	ca, err := newAuthority("callfold test CA")
	if err != nil {
		return f, err
	}
	other, err := newAuthority("another test CA")
	if err != nil {
		return f, err
	}
	for path, a := range map[string]*authority{f.CA: ca, f.OtherCA: other} {
		if err := writePEM(path, "CERTIFICATE", a.certificate.Raw); err != nil {
			return f, err
		}
	}
	here := x509.Certificate{DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	for _, owner := range []struct {
		by        *authority
		name      string
		template  x509.Certificate
		cert, key string
	}{
		{ca, "broker", here, f.BrokerCert, f.BrokerKey},
		{ca, "client", x509.Certificate{}, f.ClientCert, f.ClientKey},
		{other, "stranger", x509.Certificate{}, f.StrangerCert, f.StrangerKey},
		{ca, "elsewhere", x509.Certificate{DNSNames: []string{"kafka.example.com"}}, f.ElsewhereCert, f.ElsewhereKey},
	} {
		if err := owner.by.issue(owner.name, owner.template, owner.cert, owner.key); err != nil {
			return f, err
		}
	}
	return f, nil
}

// ServerTLS is the TLS configuration of a broker in Go with such files. It asks
// for a client's certificate if mutual is true.
func (f Files) ServerTLS(mutual bool) (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(f.BrokerCert, f.BrokerKey)
	if err != nil {
		return nil, fmt.Errorf("reading the broker's certificate: %w", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if mutual {
		text, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the CA: %w", err)
		}
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(text)
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(name string) (*authority, error) {
	template := x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	return sign(name, template, nil)
}

// issue makes a key and its certificate and writes both.
func (a *authority) issue(name string, template x509.Certificate, certPath, keyPath string) error {
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	made, err := sign(name, template, a)
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(made.key)
	if err != nil {
		return fmt.Errorf("encoding the key of %s: %w", name, err)
	}
	if err := writePEM(keyPath, "PRIVATE KEY", key); err != nil {
		return err
	}
	return writePEM(certPath, "CERTIFICATE", made.certificate.Raw)
}

// sign makes a key and a certificate of it, signed by the authority, or by
// itself where that is nil.
func sign(name string, template x509.Certificate, by *authority) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of %s: %w", name, err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, fmt.Errorf("making a serial number: %w", err)
	}
	template.SerialNumber = serial
	template.Subject = pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	parent, signer := &template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, key.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("making the certificate of %s: %w", name, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of %s: %w", name, err)
	}
	return &authority{certificate, key}, nil
}

func writePEM(path, kind string, der []byte) error {
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		return fmt.Errorf("writing a test certificate: %w", err)
	}
	return nil
}
