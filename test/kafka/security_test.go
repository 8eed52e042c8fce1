package kafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callfold/callfold/internal/apache"
)

// TestSecurity asks brokers that demand TLS, a certificate or a sign-in, with
// what they want and with what they do not.
func TestSecurity(t *testing.T) {
	only(t, "package kafka tries the embedded broker", one)
	w := newWorld(t)
	tls := w.tlsFiles()
	stranger, err := apache.NewCertificates()
	check(t, err)
	otherCA := w.file("other-ca.pem", stranger.CA)
	strange := []string{"CALLFOLD_KAFKA_TLS_CERT_FILE=" + w.file("other.pem", stranger.Client), "CALLFOLD_KAFKA_TLS_KEY_FILE=" + w.file("other.key", stranger.ClientKey)}

	w.tries("TLS", "TLS", true, tls.ca...)
	w.tries("no TLS", "TLS", false)
	w.tries("TLS with another authority", "TLS", false, "CALLFOLD_KAFKA_TLS_ENABLED=true", "CALLFOLD_KAFKA_TLS_CA_FILE="+otherCA)
	w.tries("mutual TLS", "MUTUAL", true, append(tls.ca, tls.client...)...)
	w.tries("mutual TLS without a certificate", "MUTUAL", false, tls.ca...)
	w.tries("mutual TLS with a certificate of another authority", "MUTUAL", false, append(tls.ca, strange...)...)
	w.tries("no sign-in", "SASL", false)
	for _, mechanism := range []string{"plain", "scram-sha-256", "scram-sha-512"} {
		right, wrong := w.signIn(mechanism, user, password), w.signIn(mechanism, user, "wrong")
		w.tries(mechanism, "SASL", true, right...)
		w.tries(mechanism+" with a wrong password", "SASL", false, wrong...)
		w.tries(mechanism+" for somebody unknown", "SASL", false, w.signIn(mechanism, "nobody", password)...)
		w.tries(mechanism+" over TLS", "SASLTLS", true, append(tls.ca, right...)...)
		w.tries(mechanism+" over TLS with a wrong password", "SASLTLS", false, append(tls.ca, wrong...)...)
		w.tries(mechanism+" without TLS", "SASLTLS", false, right...)
	}
}

// TestSecureProcessor folds over TLS with SCRAM.
func TestSecureProcessor(t *testing.T) {
	only(t, "package kafka tries the embedded broker", one)
	w := newWorld(t)
	w.load(100)
	env := append(w.tlsFiles().ca, w.signIn("scram-sha-512", user, password)...)
	p := w.processor("a", append(env, "CALLFOLD_KAFKA_BROKERS="+strings.Join(shared.apache.Listener("SASLTLS"), ","))...)
	w.drained()
	p.stop()
	w.verify()
}

// tries asks a listener for the topics: it answers, or the command says what is
// wrong.
func (w *world) tries(name, listener string, works bool, env ...string) {
	w.Run(name, func(t *testing.T) {
		w := *w
		w.T = t // what is waited for is the subtest's
		env := append(env, "CALLFOLD_KAFKA_BROKERS="+strings.Join(shared.apache.Listener(listener), ","))
		if works {
			if out, code := w.command(env, "topics", "check", "--timeout", "2m"); code != 0 {
				t.Errorf("exit code %d\n%s", code, out)
			}
			return
		}
		w.eventually("it says what is wrong", func(context.Context) error {
			out, code := w.command(env, "topics", "check", "--timeout", "5s") // a slow broker may not have said it by then
			if code != 1 {
				t.Fatalf("exit code %d, want 1\n%s", code, out)
			}
			if !strings.Contains(out, "kafka.tls") && !strings.Contains(out, "kafka.sasl") && !strings.Contains(out, "to a tls endpoint") {
				return fmt.Errorf("no word of it:\n%s", out)
			}
			return nil
		})
	})
}

type tlsFiles struct{ ca, client []string }

// tlsFiles are the settings for the fleet's certificates.
func (w *world) tlsFiles() tlsFiles {
	w.Helper()
	c := shared.certificates
	return tlsFiles{
		ca:     []string{"CALLFOLD_KAFKA_TLS_ENABLED=true", "CALLFOLD_KAFKA_TLS_CA_FILE=" + w.file("ca.pem", c.CA)},
		client: []string{"CALLFOLD_KAFKA_TLS_CERT_FILE=" + w.file("client.pem", c.Client), "CALLFOLD_KAFKA_TLS_KEY_FILE=" + w.file("client.key", c.ClientKey)},
	}
}

// signIn are the settings for a sign-in.
func (w *world) signIn(mechanism, name, secret string) []string {
	w.Helper()
	return []string{"CALLFOLD_KAFKA_SASL_MECHANISM=" + mechanism, "CALLFOLD_KAFKA_SASL_USERNAME=" + name, "CALLFOLD_KAFKA_SASL_PASSWORD=" + secret}
}

func (w *world) file(name string, content []byte) string {
	w.Helper()
	path := filepath.Join(w.dir, name)
	check(w.T, os.WriteFile(path, content, 0o600))
	return path
}
