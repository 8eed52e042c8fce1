package chart

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// TestTrustedCAs wants each pod to have the authorities, by the variable that adds them
// to those of the image; what goes before the release says itself that they are missing.
func TestTrustedCAs(t *testing.T) {
	for _, p := range podsOf(objectsOf(t, readValues(t, chartDir+"/ci/everything-values.yaml"))) {
		var volume *corev1.ConfigMapVolumeSource
		for _, v := range p.spec.Volumes {
			if v.Name == "trusted" {
				volume = v.ConfigMap
			}
		}
		if volume == nil || volume.Name != "corporate-cas" || !slices.Equal(volume.Items, []corev1.KeyToPath{{Key: "ca-bundle.crt", Path: "ca.crt"}}) {
			t.Errorf("%s: the authorities are %v", p.owner, volume)
			continue
		}
		if optional := volume.Optional != nil && *volume.Optional; optional == p.runs() {
			t.Errorf("%s: runs for ever: %t, and without the authorities: %t", p.owner, p.runs(), optional)
		}
		for _, c := range p.containers() {
			at := mountPath(c, "trusted")
			if at == "" || !slices.Contains(c.Env, corev1.EnvVar{Name: "SSL_CERT_DIR", Value: at}) {
				t.Errorf("%s: the authorities are at %q, and its environment is %v", p.owner, at, c.Env)
			}
			if slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == "SSL_CERT_FILE" }) {
				t.Errorf("%s: the roots of the image do not count any more", p.owner)
			}
		}
	}
	for name, values := range map[string]string{
		"by default":                    "",
		"values from before it existed": "trustedCAs: null\nnetworkPolicy: {aircall: {ports: null}}",
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range podsOf(objectsOf(t, minimal(t, values))) {
				if slices.ContainsFunc(p.spec.Volumes, func(v corev1.Volume) bool { return v.Name == "trusted" }) ||
					slices.ContainsFunc(p.spec.Containers[0].Env, func(e corev1.EnvVar) bool { return e.Name == "SSL_CERT_DIR" }) {
					t.Errorf("%s has authorities", p.owner)
				}
			}
		})
	}
}

func mountPath(c corev1.Container, volume string) string {
	for _, m := range c.VolumeMounts {
		if m.Name == volume {
			return m.MountPath
		}
	}
	return ""
}

// TestBehindAProxy runs doctor as the chart would, where the way out is through a proxy.
// It looks into what is for Salesforce, and shows a certificate of the company's own
// authority; to Aircall, whose certificate is of a public one, it only passes on. So the
// program must trust both. Kafka is not behind it, and its certificate is the company's.
func TestBehindAProxy(t *testing.T) {
	binary, secrets := callfold(t), secretsDir(t)
	public, company := newAuthority(t, "Public"), newAuthority(t, "Company")
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, public.pem(), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		org      string // the host of Salesforce
		variable string // of doctor, beside HTTPS_PROXY
		values   string
		asked    []string
		says     string
	}{
		"all is trusted":                {"login.salesforce.com", "", "trustedCAs: {existingConfigMap: a}", []string{"api.aircall.io", "kafka", "login.salesforce.com"}, "HTTP 400"},
		"the roots alone":               {"login.salesforce.com", "", "", []string{"api.aircall.io"}, "unknown authority"},
		"what replaces the roots":       {"login.salesforce.com", "{name: SSL_CERT_FILE, value: /nowhere}", "trustedCAs: {existingConfigMap: a}", []string{"kafka", "login.salesforce.com"}, "unknown authority"},
		"a host that the proxy refuses": {"org.invalid", "", "trustedCAs: {existingConfigMap: a}", []string{"api.aircall.io", "kafka", "proxy for org.invalid:443"}, "Bad Gateway"},
		"a host that is not for it":     {"org.invalid", "{name: NO_PROXY, value: .invalid}", "trustedCAs: {existingConfigMap: a}", []string{"api.aircall.io", "kafka"}, "org.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n network
			proxy := n.proxy(t, map[string]string{
				"login.salesforce.com:443": n.site(t, "login.salesforce.com", company),
				"api.aircall.io:443":       n.site(t, "api.aircall.io", public),
			})
			objects := objectsOf(t, minimal(t, `
settings:
  kafka: {brokers: ["`+n.broker(t, company)+`"], tls: {enabled: true}}
  salesforce: {login_url: "https://`+test.org+`"}
  aircall: {api_id: example}
secrets: {aircallAPI: {existingSecret: a}}
doctor: {extraEnv: [{name: HTTPS_PROXY, value: "`+proxy+`"}, `+test.variable+`]}
`+test.values))
			pods := podsOf(objects)
			doctor := pods[slices.IndexFunc(pods, func(p pod) bool { return p.owner.component() == "doctor" })].spec.Containers[0]
			args := append(slices.Clone(doctor.Args), "--timeout", "21s") // a third of it for each request
			args[slices.Index(args, "--config")+1] = settingsFile(t, objects, secrets)
			cmd := exec.Command(binary, args...)
			// The file is in the place of the image's: of those of this machine nobody here has
			// the keys. Go reads it in the same way.
			cmd.Env = []string{"HOME=" + t.TempDir(), "SSL_CERT_FILE=" + roots}
			mounted := asMounted(t, company.pem())
			for _, e := range doctor.Env {
				if at := mountPath(doctor, "trusted"); at != "" {
					e.Value = strings.ReplaceAll(e.Value, at, mounted)
				}
				cmd.Env = append(cmd.Env, e.Name+"="+e.Value)
			}
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Error("nothing is wrong with servers that refuse everything")
			}
			if asked := n.asked(); !slices.Equal(asked, test.asked) || !strings.Contains(string(out), test.says) {
				t.Errorf("%v were asked, wanted %v; what it says, wanted %q:\n%s", asked, test.asked, test.says, out)
			}
		})
	}
}

// network is what a pod can reach, and remembers who was: whose certificate was taken.
type network struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (n *network) reached(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen == nil {
		n.seen = map[string]bool{}
	}
	n.seen[name] = true
}

func (n *network) asked() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Keys(n.seen))
}

// site starts a server for a host that refuses all requests, and returns its address.
func (n *network) site(t *testing.T, host string, of authority) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n.reached(host)
		w.WriteHeader(http.StatusBadRequest)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of clients that do not trust it
	s.TLS = of.server(t, &x509.Certificate{DNSNames: []string{host}})
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// broker starts what ends each connection after the handshake, and returns its address.
func (n *network) broker(t *testing.T, of authority) string {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", of.server(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // it is closed
			}
			all.Go(func() {
				defer conn.Close()
				// Only who trusts the certificate sends something.
				if _, err := conn.Read(make([]byte, 1)); err == nil {
					n.reached("kafka")
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	return listener.Addr().String()
}

// proxy starts one that makes tunnels (CONNECT) to the addresses of some hosts, and
// returns its URL.
func (n *network) proxy(t *testing.T, ways map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, known := ways[r.Host]
		if r.Method != http.MethodConnect || !known {
			n.reached("proxy for " + r.Host)
			http.Error(w, "no way", http.StatusBadGateway)
			return
		}
		server, err := net.Dial("tcp", to)
		if err != nil {
			t.Errorf("connecting to %s: %v", r.Host, err)
			return
		}
		defer server.Close()
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("taking over the connection: %v", err)
			return
		}
		defer client.Close()
		if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			return // it went away
		}
		go func() {
			_, _ = io.Copy(server, client)
			_ = server.Close()
		}()
		_, _ = io.Copy(client, server)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// asMounted makes the directory of a mounted ConfigMap with one key, with the links that
// kubelets make.
func asMounted(t *testing.T, content []byte) string {
	t.Helper()
	dir := t.TempDir()
	data := filepath.Join(dir, "..2026_11_29_05_00_00.1")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "ca.crt"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"..data": filepath.Base(data), "ca.crt": filepath.Join("..data", "ca.crt")} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	return authority{}.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
}

// sign makes a certificate; the empty authority makes one that signs itself.
func (a authority) sign(t *testing.T, template *x509.Certificate) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(time.Hour)
	if a.key == nil {
		a = authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key}
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// server is the TLS configuration of a server with a certificate made after a template.
func (a authority) server(t *testing.T, template *x509.Certificate) *tls.Config {
	t.Helper()
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	of := a.sign(t, template)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{of.certificate.Raw}, PrivateKey: of.key}}}
}
