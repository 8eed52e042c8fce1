package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
	"github.com/tidwall/gjson"

	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

// startSalesforce runs the simulator command and gives its URL, and a function
// that stops it.
func startSalesforce(t *testing.T, args ...string) (base string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- execute(ctx, append([]string{"simulate", "salesforce", "--listen", "127.0.0.1:0"}, args...), nil, writer, &stderr)
		_ = writer.Close()
	}()
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	for lines := bufio.NewScanner(reader); base == "" && lines.Scan(); {
		base = address.FindString(lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	stop = func() {
		t.Helper()
		cancel()
		if got := <-code; got != exitDone {
			t.Errorf("it ended with code %d: %s", got, stderr.String())
		}
	}
	if base == "" {
		stop()
		t.FailNow()
	}
	return base, stop
}

// ask sends a request to the simulator and gives the answer's body.
func ask(t *testing.T, token, method, address, body string) string {
	t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode > 299 {
		t.Fatalf("%s %s: %s %s %v", method, address, resp.Status, answer, err)
	}
	return string(answer)
}

func signIn(t *testing.T, base string, form url.Values) string {
	t.Helper()
	resp, err := http.PostForm(base+"/services/oauth2/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	token := gjson.GetBytes(answer, "access_token").String()
	if token == "" {
		t.Fatalf("signing in: %s", answer)
	}
	return token
}

var devClient = url.Values{"grant_type": {"client_credentials"}, "client_id": {"dev"}, "client_secret": {"dev"}}

func TestSimulateSalesforceKeepsTheOrg(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "org")
	count := func(base, where string) string {
		query := url.QueryEscape("SELECT COUNT() FROM Contact WHERE " + where)
		return gjson.Get(ask(t, signIn(t, base, devClient), "GET", base+"/services/data/v64.0/query?q="+query, ""), "totalSize").String()
	}
	base, stop := startSalesforce(t, "--data", dir)
	sample := count(base, "Id != null")
	if sample == "0" {
		t.Error("the sample org has no contacts")
	}
	ask(t, signIn(t, base, devClient), "POST", base+"/services/data/v64.0/sobjects/Contact", `{"LastName":"Kept"}`)
	stop()

	// The second time the org is there, so --org does not count.
	org := filepath.Join(t.TempDir(), "org.json")
	if err := os.WriteFile(org, []byte(`{"Contact":[{"Id":"003000000000001AAA","Name":"Other Org"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	base, stop = startSalesforce(t, "--data", dir, "--org", org)
	if kept, other := count(base, "LastName = 'Kept'"), count(base, "LastName = 'Org'"); kept != "1" || other != "0" {
		t.Errorf("%s kept and %s other contacts, want 1 and 0", kept, other)
	}
	stop()

	base, stop = startSalesforce(t, "--org", org)
	if got := count(base, "Id != null"); got != "1" {
		t.Errorf("the org file makes %s contacts, want 1", got)
	}
	stop()
	base, stop = startSalesforce(t, "--org", "empty")
	if got := count(base, "Id != null"); got != "0" {
		t.Errorf("the empty org has %s contacts", got)
	}
	stop()
}

func TestSimulateSalesforceSignInByJWT(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "server.crt")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600); err != nil {
		t.Fatal(err)
	}
	user := gjson.GetBytes(traffic.SampleOrg(), "User.#(IsActive==true).Username").String()

	base, stop := startSalesforce(t, "--jwt-cert", path, "--client-id", "consumer-key")
	defer stop()
	assertion, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": "consumer-key", "sub": user, "aud": "https://login.salesforce.com", "exp": time.Now().Add(time.Minute).Unix(),
	}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	token := signIn(t, base, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}})
	info := ask(t, token, "GET", base+"/services/oauth2/userinfo", "")
	if got := gjson.Get(info, "preferred_username").String(); got != user {
		t.Errorf("signed in as %q, want %q", got, user)
	}
}

func TestSimulateSalesforcePortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var stderr bytes.Buffer
	code := execute(t.Context(), []string{"simulate", "salesforce", "--listen", taken.Addr().String()}, nil, io.Discard, &stderr)
	if code != exitFailed || !strings.Contains(stderr.String(), "in use by another program") || !strings.Contains(stderr.String(), "--listen") {
		t.Errorf("code %d: %s", code, stderr.String())
	}
}

func TestSimulateAircallSends(t *testing.T) {
	var mu sync.Mutex
	received := map[int64]int{}
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		event, err := schemas.ParseEvent(body)
		if err != nil || gjson.GetBytes(body, "token").String() != "t0ken" {
			t.Errorf("%v: %s", err, body)
		}
		mu.Lock()
		defer mu.Unlock()
		received[event.CallID]++
	}))
	defer endpoint.Close()
	args := []string{"simulate", "aircall", "--url", endpoint.URL, "--token", "t0ken", "--calls", "6", "--rate", "1000000", "--speed", "1000000", "--output", "json"}
	var got struct{ Calls, Requests, Accepted, Retried, GivenUp, Open int }
	if err := json.Unmarshal([]byte(runQuietly(t, nil, args...)), &got, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	requests := 0
	for _, n := range received {
		requests += n
	}
	if got.Calls < 6 || got.Calls != len(received) || got.Requests != requests || got.Accepted != requests || got.GivenUp+got.Open != 0 {
		t.Errorf("it says %+v; %d requests of %d calls came", got, requests, len(received))
	}
}

// What was given up makes the exit code 1; sending without an end has no wrong end.
func TestSimulateAircallSummary(t *testing.T) {
	text := textOutput
	cmd := newSimulateAircallCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetContext(t.Context())
	o := simulateAircall{format: &text, calls: 3}
	if err := o.summary(cmd, traffic.Stats{Calls: 3, Bodies: 20, Accepted: 18, Retried: 51, GivenUp: 1}); err == nil || exitCode(err) != exitFailed {
		t.Errorf("with one given up: %v", err)
	}
	if want := "calls: 3, requests: 20, accepted: 18, given up: 1, still open: 1, failed tries: 51\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	cmd.SetContext(ended)
	if err := o.summary(cmd, traffic.Stats{Calls: 2}); err == nil {
		t.Error("a signal before --calls were sent is no error")
	}
	o.calls = 0
	if err := o.summary(cmd, traffic.Stats{Calls: 2, Bodies: 2}); err != nil {
		t.Errorf("a signal without --calls: %v", err)
	}
}
