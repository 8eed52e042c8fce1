package settings

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// rsaKey is a private key in PEM as openssl writes it.
func rsaKey(t *testing.T) Secret {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return inPEM(t, k)
}

func inPEM(t *testing.T, key any) Secret {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// complete are settings with which every stage can work.
func complete(t *testing.T) Settings {
	t.Helper()
	s := Default()
	s.Ingest.Tokens = []Secret{"token"}
	s.Salesforce.Auth = Auth{Flow: "jwt", ClientID: "id", Username: "u@example.com", PrivateKey: rsaKey(t)}
	return s
}

// TestNeed shows that what is missing matters only to the stage that needs it.
func TestNeed(t *testing.T) {
	if err := Check(complete(t), ForAll); err != nil {
		t.Fatal(err)
	}
	ingest := []string{"ingest.tokens_file"}
	sink := []string{"salesforce.auth.client_id", "salesforce.auth.username", "salesforce.auth.private_key_file"}
	for _, test := range []struct {
		name string
		need Need
		want []string
	}{
		{"offline", Offline, nil},
		{"kafka", ForKafka, nil},
		{"processor", ForProcessor, nil},
		{"ingest", ForIngest, ingest},
		{"sink", ForSink, sink},
		{"all", ForAll, slices.Concat(ingest, sink)},
	} {
		if got := keysOf(t, Check(Default(), test.need)); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: problems of %v, want %v", test.name, got, test.want)
		}
	}
}

func TestClientCredentials(t *testing.T) {
	s := complete(t)
	s.Salesforce.Auth = Auth{Flow: "client_credentials"}
	want := []string{"salesforce.login_url", "salesforce.auth.client_id", "salesforce.auth.client_secret_file"}
	if got := keysOf(t, Check(s, ForSink)); !reflect.DeepEqual(got, want) {
		t.Errorf("problems of %v, want %v", got, want)
	}
	s.Salesforce.LoginURL = "https://example.my.salesforce.com"
	s.Salesforce.Auth.ClientID, s.Salesforce.Auth.ClientSecret = "id", "secret"
	if err := Check(s, ForSink); err != nil {
		t.Error(err)
	}
}

func TestPrivateKey(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := complete(t)
	for wrong, text := range map[string]Secret{
		"the private key is not PEM":         "password",
		"the private key is not an RSA key":  inPEM(t, curve),
		"the private key cannot be parsed (": Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})),
	} {
		s.Salesforce.Auth.PrivateKey = text
		if err := Check(s, Offline); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("got %v, want %q", err, wrong)
		}
	}
}

func TestSASL(t *testing.T) {
	s := Default()
	s.Kafka.SASL.Mechanism = "plain"
	if got := keysOf(t, Check(s, Offline)); got != nil {
		t.Errorf("offline: problems of %v", got)
	}
	want := []string{"kafka.sasl.username", "kafka.sasl.password_file"}
	if got := keysOf(t, Check(s, ForProcessor)); !reflect.DeepEqual(got, want) {
		t.Errorf("problems of %v, want %v", got, want)
	}
}

func TestLoginURL(t *testing.T) {
	for url, right := range map[string]bool{
		"https://login.salesforce.com": true, "https://x.my.salesforce.com/": true, "http://127.0.0.1:8081": true,
		"http://localhost:8081": true, "http://[::1]:8081": true, "http://x.my.salesforce.com": false, "login.salesforce.com": false,
		"https://user:pass@x.com": false, "https://x.com/?a": false, "ftp://x.com": false, "": false,
	} {
		if wrong := hostURLProblem(url); (wrong == "") != right {
			t.Errorf("%q: %q", url, wrong)
		}
	}
}

// TestUnreadableSecrets shows that a secret file that cannot be read is told
// once, with its cause, and only to who needs it.
func TestUnreadableSecrets(t *testing.T) {
	s, err := Load("", []string{
		"CALLFOLD_INGEST_TOKENS_FILE=/nowhere/tokens", "CALLFOLD_SALESFORCE_AUTH_PRIVATE_KEY_FILE=/nowhere/key.pem",
		"CALLFOLD_SALESFORCE_AUTH_CLIENT_ID=id", "CALLFOLD_SALESFORCE_AUTH_USERNAME=u@example.com",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(s, Offline); err != nil {
		t.Errorf("offline: %v", err)
	}
	const want = `the settings have 2 problems:
  CALLFOLD_INGEST_TOKENS_FILE: ingest.tokens_file = /nowhere/tokens: the file cannot be read: no such file or directory; name a file that exists and that this user may read
  CALLFOLD_SALESFORCE_AUTH_PRIVATE_KEY_FILE: salesforce.auth.private_key_file = /nowhere/key.pem: the file cannot be read: no such file or directory; name a file that exists and that this user may read`
	if err := Check(s, ForAll); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}
