package sfsim

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// testTime is what the clock of a test org shows unless the test turns it.
var testTime = time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)

// org is a simulator behind a real HTTP server, with a signed-in client.
type org struct {
	t      *testing.T
	sim    *Server
	url    string
	token  string
	header http.Header // sent with every request
	now    time.Time
}

// reply is an answer as a client sees it.
type reply struct {
	status int
	header http.Header
	body   gjson.Result
}

// newOrg opens a simulator, loads testdata/org.json into one that is empty, and signs in.
func newOrg(t *testing.T, o Options) *org {
	t.Helper()
	g := &org{t: t, now: testTime, header: http.Header{}}
	if o.Now == nil {
		o.Now = func() time.Time { return g.now }
	}
	sim, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	g.sim = sim
	server := httptest.NewServer(sim)
	t.Cleanup(func() {
		server.Close()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	g.url = server.URL
	if empty, err := sim.Empty(); err != nil {
		t.Fatal(err)
	} else if empty {
		if err := sim.Load(readFile(t, "testdata/org.json")); err != nil {
			t.Fatal(err)
		}
	}
	g.signIn()
	return g
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (g *org) signIn() {
	g.t.Helper()
	r := g.post("/services/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"dev"}, "client_secret": {"dev"}})
	if r.status != http.StatusOK {
		g.t.Fatalf("signing in: %d %s", r.status, r.body.Raw)
	}
	g.token = r.body.Get("access_token").String()
}

// post sends a form.
func (g *org) post(path string, form url.Values) reply {
	g.t.Helper()
	resp, err := http.PostForm(g.url+path, form)
	return g.read(resp, err)
}

// do sends one request; a path without a leading slash is one under /services/data/v64.0/.
func (g *org) do(method, path, body string) reply {
	g.t.Helper()
	resp, err := g.try(method, path, body)
	return g.read(resp, err)
}

func (g *org) try(method, path, body string) (*http.Response, error) {
	if !strings.HasPrefix(path, "/") {
		path = "/services/data/v64.0/" + path
	}
	req, err := http.NewRequest(method, g.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+g.token)
	maps.Copy(req.Header, g.header)
	return http.DefaultClient.Do(req)
}

func (g *org) read(resp *http.Response, err error) reply {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, gjson.ParseBytes(body)}
}

func (g *org) query(soql string) reply {
	g.t.Helper()
	return g.do("GET", "query?q="+url.QueryEscape(soql), "")
}

// must is do for requests that are no part of what is tested.
func (g *org) must(status int, method, path, body string) reply {
	g.t.Helper()
	r := g.do(method, path, body)
	if r.status != status {
		g.t.Fatalf("%s %s: %d, want %d: %s", method, path, r.status, status, r.body.Raw)
	}
	return r
}

// wantError fails the test unless the reply is this fault of a request.
func wantError(t *testing.T, r reply, status int, code string) {
	t.Helper()
	if r.status != status || r.body.Get("0.errorCode").String() != code {
		t.Errorf("answered %d %s, want %d %s", r.status, r.body.Raw, status, code)
	}
}
