package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/settings"
)

// TestCertificateExpiry: what is configured is shown, the client's certificate as it
// is now, and of a bundle of authorities the last to expire.
func TestCertificateExpiry(t *testing.T) {
	now := time.Now()
	dir := t.TempDir()
	ca, client := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "client.pem")
	write := func(file string, days ...int) {
		t.Helper()
		var data []byte
		for _, d := range days {
			data = append(data, certificate(t, now.AddDate(0, 0, d))...)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(ca, 3, 400, 20)
	write(client, 10, 900)
	s := settings.Default()
	s.Kafka.TLS = settings.TLS{Enabled: true, CAFile: ca, CertFile: client}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("not looked at")})
	s.Salesforce.Auth.PrivateKey = settings.Secret(append(key, certificate(t, now.AddDate(0, 0, 30))...))

	shows := func(c *certificates, days map[string]int) {
		t.Helper()
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(c)
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			for _, m := range f.Metric {
				got[m.Label[0].GetValue()] = m.GetGauge().GetValue()
			}
		}
		want := map[string]float64{}
		for name, d := range days {
			want[name] = float64(now.AddDate(0, 0, d).Unix())
		}
		if !maps.Equal(got, want) {
			t.Errorf("shown is %v, want %v", got, want)
		}
	}
	c := newCertificates(s)
	shows(c, map[string]int{certificateKafkaCA: 400, certificateKafkaClient: 10, certificateSalesforce: 30})
	write(client, 90)
	shows(c, map[string]int{certificateKafkaCA: 400, certificateKafkaClient: 90, certificateSalesforce: 30})
	if err := os.Remove(client); err != nil {
		t.Fatal(err)
	}
	shows(c, map[string]int{certificateKafkaCA: 400, certificateSalesforce: 30})

	s.Kafka.TLS.Enabled = false
	s.Salesforce.Auth.PrivateKey = settings.Secret(key)
	shows(newCertificates(s), nil)
}

// TestKeyWithCertificate: a copy of the certificate behind the key does not disturb the
// sign-in.
func TestKeyWithCertificate(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	s := settings.Default()
	s.Salesforce.Auth = settings.Auth{Flow: "jwt", ClientID: "id", Username: "ada@example.com",
		PrivateKey: settings.Secret(append(text, certificate(t, time.Now().AddDate(1, 0, 0))...))}
	flow, err := signIn(s.Salesforce.Auth)
	if jwt, ok := flow.(salesforce.JWT); err != nil || !ok || !jwt.Key.Equal(key) {
		t.Errorf("the flow is %T, %v", flow, err)
	}
	if err := settings.Check(s, settings.ForSink); err != nil && strings.Contains(err.Error(), "private_key") {
		t.Error(err)
	}
}

func certificate(t *testing.T, expires time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: expires}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
