package chart

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"helm.sh/helm/v3/pkg/chartutil"
)

// callfold builds the program and returns its path.
func callfold(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "callfold")
	build := exec.Command("go", "build", "-o", binary, "./cmd/callfold")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	return binary
}

// run runs the program without the environment of the test.
func run(t *testing.T, binary string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// secretsDir makes a directory with each of the secrets that a pod can have.
func secretsDir(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyText := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	certText := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"webhook-tokens": []byte("0123456789abcdef\n"), "salesforce": keyText, "kafka-ca.crt": certText, "kafka-client.crt": certText,
		"kafka-client.key": keyText, "kafka-password": []byte("secret"), "aircall-api-token": []byte("secret"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// settingsFile writes the settings of a render to a file, with the secrets where they are.
func settingsFile(t *testing.T, objects []object, secrets string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "callfold.yaml")
	for _, configMap := range ofType[*corev1.ConfigMap](objects) {
		if text, ok := configMap.Data["callfold.yaml"]; ok {
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "/etc/callfold/secrets", secrets)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return file
}

// TestTheProgramTakesTheSettings has `callfold config check` judge the settings of each
// of the values, and wants it to know each pod's arguments.
func TestTheProgramTakesTheSettings(t *testing.T) {
	binary, secrets := callfold(t), secretsDir(t)
	check := func(t *testing.T, values chartutil.Values) {
		t.Helper()
		objects := objectsOf(t, values)
		file := settingsFile(t, objects, secrets)
		if out, err := run(t, binary, "config", "check", "--config", file); err != nil {
			t.Errorf("config check: %v\n%s", err, out)
		}
		for _, p := range podsOf(objects) {
			for _, c := range p.containers() {
				if out, err := run(t, binary, append(c.Args, "--help")...); err != nil {
					t.Errorf("%s: callfold %s: %v\n%s", p.owner, strings.Join(c.Args, " "), err, out)
				}
			}
		}
	}
	eachValues(t, func(t *testing.T, _ string, values chartutil.Values) { check(t, values) })
	t.Run("the README's", func(t *testing.T) {
		readme, err := os.ReadFile(chartDir + "/README.md")
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(readme), "```yaml\n")[1:]
		if len(blocks) != 2 {
			t.Fatalf("there are %d values in it, those to install with and those behind a proxy are wanted", len(blocks))
		}
		for i, block := range blocks {
			text, _, _ := strings.Cut(block, "```")
			values, err := chartutil.ReadValues([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				values = minimal(t, text)
			}
			check(t, values)
		}
	})
	t.Run("authorities that are not there", func(t *testing.T) {
		file := settingsFile(t, objectsOf(t, minimal(t, "")), secrets)
		company := newAuthority(t, "Company")
		for name, test := range map[string]struct {
			dir  string
			says string
		}{
			"there":                            {asMounted(t, company.pem()), "the settings are right"},
			"no such ConfigMap or key":         {t.TempDir(), "ConfigMap and key of trustedCAs"},
			"a certificate that is not in PEM": {asMounted(t, company.certificate.Raw), "ConfigMap and key of trustedCAs"},
		} {
			cmd := exec.Command(binary, "config", "check", "--config", file)
			cmd.Env = []string{"HOME=" + t.TempDir(), "SSL_CERT_DIR=" + test.dir}
			if out, err := cmd.CombinedOutput(); !strings.Contains(string(out), test.says) {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		}
	})
	t.Run("a setting that is not there", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "callfold.yaml")
		if err := os.WriteFile(file, []byte("kafka: {broker: [a:1]}"), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := run(t, binary, "config", "check", "--config", file); err == nil {
			t.Errorf("it was taken: %s", out)
		}
	})
}
