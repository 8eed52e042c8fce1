package apiserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// identity is a certificate and its key, in PEM.
type identity struct{ cert, key []byte }

// authority signs identities. They are valid for a day.
type authority struct {
	identity
	x509    *x509.Certificate
	private *ecdsa.PrivateKey
}

func newAuthority() (*authority, error) {
	a := &authority{x509: &x509.Certificate{
		Subject: pkix.Name{CommonName: "callfold test authority"},
		IsCA:    true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	var err error
	if a.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	a.identity, err = a.issue(a.x509, a.private)
	return a, err
}

// sign makes an identity for a server on this machine and for a client, which
// Kubernetes takes to be in that group.
func (a *authority) sign(name, group string) (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.ParseIP(host)},
	}
	if group != "" {
		template.Subject.Organization = []string{group}
	}
	return a.issue(template, key)
}

func (a *authority) issue(template *x509.Certificate, key *ecdsa.PrivateKey) (made identity, err error) {
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return identity{}, err
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, a.x509, key.Public(), a.private)
	if err != nil {
		return identity{}, err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return identity{}, err
	}
	return identity{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}),
	}, nil
}
