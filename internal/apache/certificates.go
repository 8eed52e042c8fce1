package apache

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Certificates are those of a cluster and of its clients, in PEM, signed by an
// authority of their own. They are valid for a day, for 127.0.0.1 and localhost.
type Certificates struct {
	CA                []byte
	Server, ServerKey []byte
	Client, ClientKey []byte
}

// NewCertificates makes an authority, and what it signs.
func NewCertificates() (*Certificates, error) {
	ca, caKey, err := sign("callfold test authority", nil, nil)
	if err != nil {
		return nil, fmt.Errorf("making a certificate authority: %w", err)
	}
	c := &Certificates{CA: encode("CERTIFICATE", ca.Raw)}
	for _, wanted := range []struct {
		name      string
		cert, key *[]byte
	}{{"broker", &c.Server, &c.ServerKey}, {"client", &c.Client, &c.ClientKey}} {
		cert, key, err := sign(wanted.name, ca, caKey)
		if err != nil {
			return nil, fmt.Errorf("making a certificate: %w", err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key) // the form that Java reads
		if err != nil {
			return nil, fmt.Errorf("encoding a key: %w", err)
		}
		*wanted.cert, *wanted.key = encode("CERTIFICATE", cert.Raw), encode("PRIVATE KEY", der)
	}
	return c, nil
}

// sign makes a certificate; without an authority it is one.
func sign(name string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.ParseIP(host)},
	}
	if ca == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
		template.ExtKeyUsage, template.DNSNames, template.IPAddresses = nil, nil, nil
		ca, caKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
