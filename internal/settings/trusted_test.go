package settings

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestTrusted: a directory of authorities in which there is none is told of to who
// needs them, and to nobody else.
func TestTrusted(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	dir := func(content []byte) string {
		t.Helper()
		dir := t.TempDir()
		if content != nil {
			if err := os.WriteFile(filepath.Join(dir, "ca.crt"), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	right := dir(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	inDER, empty := dir(der), dir(nil)
	for _, test := range []struct {
		name, variable string
		need           Need
		wrong          bool
	}{
		{"a certificate", "SSL_CERT_DIR=" + right, ForAll, false},
		{"a certificate in one of several", "SSL_CERT_DIR=/nowhere:" + empty + ":" + right, ForAll, false},
		{"nothing is said", "SSL_CERT_DIR=", ForAll, false},
		{"another variable", "SSL_CERT_DIRS=" + empty, ForAll, false},
		{"an empty directory", "SSL_CERT_DIR=" + empty, ForAll, true},
		{"no directory", "SSL_CERT_DIR=/nowhere", ForSink, true},
		{"a certificate in DER", "SSL_CERT_DIR=" + inDER, ForAircall, true},
		{"an empty directory, for ingest and processor", "SSL_CERT_DIR=" + empty, ForKafka | ForIngest | ForProcessor, false},
		{"an empty directory, offline", "SSL_CERT_DIR=" + empty, Offline, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			loaded, err := Load("", []string{test.variable})
			if err != nil {
				t.Fatal(err)
			}
			s := complete(t)
			s.source = loaded.source
			_, dirs, _ := strings.Cut(test.variable, "=")
			want := "the settings have a problem: SSL_CERT_DIR: " + dirs + " holds no certificate in PEM; put those"
			wrong := test.wrong && runtime.GOOS == "linux"
			switch err := Check(s, test.need); {
			case !wrong && err != nil:
				t.Errorf("told of: %v", err)
			case wrong && (err == nil || !strings.HasPrefix(err.Error(), want)):
				t.Errorf("got %v, want %s…", err, want)
			}
		})
	}
}
