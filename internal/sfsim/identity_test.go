package sfsim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Sources: "OAuth 2.0 Client Credentials Flow for Server-to-Server Integration",
// "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration", "OAuth 2.0 Error
// Codes" (Salesforce Help).

func TestClientCredentials(t *testing.T) {
	g := newOrg(t, Options{ClientID: "dev", ClientSecret: "dev"})
	for _, c := range []struct {
		name  string
		form  url.Values
		error string
	}{
		{"no grant type", url.Values{}, "invalid_request"},
		{"unknown client", url.Values{"grant_type": {"client_credentials"}, "client_id": {"x"}, "client_secret": {"dev"}}, "invalid_client_id"},
		{"wrong secret", url.Values{"grant_type": {"client_credentials"}, "client_id": {"dev"}, "client_secret": {"x"}}, "invalid_client"},
		{"no secret", url.Values{"grant_type": {"client_credentials"}, "client_id": {"dev"}}, "invalid_client"},
		{"user name and password", url.Values{"grant_type": {"password"}, "client_id": {"dev"}, "client_secret": {"dev"}, "username": {"ada@example.com"}, "password": {"x"}}, "unsupported_grant_type"},
		{"refresh token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, "unsupported_grant_type"},
	} {
		r := g.post("/services/oauth2/token", c.form)
		if r.status != http.StatusBadRequest || r.body.Get("error").String() != c.error || r.body.Get("error_description").String() == "" {
			t.Errorf("%s: %d %s, want %s", c.name, r.status, r.body.Raw, c.error)
		}
	}

	req, err := http.NewRequest("POST", g.url+"/services/oauth2/token?x=y", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("dev", "dev")
	req.URL.RawQuery = ""
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Body = http.NoBody
	r := g.read(http.DefaultClient.Do(req))
	if r.body.Get("error").String() != "invalid_request" {
		t.Errorf("HTTP Basic without a grant type: %d %s", r.status, r.body.Raw)
	}
}

func TestTokenAnswer(t *testing.T) {
	g := newOrg(t, Options{})
	r := g.post("/services/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"dev"}, "client_secret": {"dev"}})
	for _, name := range []string{"access_token", "instance_url", "id", "token_type", "issued_at", "scope", "signature"} {
		if r.body.Get(name).String() == "" {
			t.Errorf("the answer lacks %s", name)
		}
	}
	for _, name := range []string{"refresh_token", "expires_in"} {
		if r.body.Get(name).Exists() {
			t.Errorf("the answer has a %s", name)
		}
	}
	if got := r.body.Get("instance_url").String(); got != g.url {
		t.Errorf("instance_url is %s, want %s, the host that the client used", got, g.url)
	}
	if got := r.body.Get("id").String(); got != g.url+"/id/"+organizationID+"/005000000000001AAA" {
		t.Errorf("id is %s", got)
	}
	info := g.must(http.StatusOK, "GET", "/services/oauth2/userinfo", "")
	if got := info.body.Get("preferred_username").String(); got != "integration@example.com" {
		t.Errorf("userinfo is of %q", got)
	}
}

func TestJWTBearer(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	g := newOrg(t, Options{ClientID: "dev", JWTKeys: []crypto.PublicKey{stranger.Public(), key.Public()}})
	other := newOrg(t, Options{JWTKeys: []crypto.PublicKey{stranger.Public()}})
	good := func() jwt.MapClaims {
		return jwt.MapClaims{"iss": "dev", "sub": "ada@example.com", "aud": "https://login.salesforce.com", "exp": testTime.Add(2 * time.Minute).Unix()}
	}
	with := func(name string, value any) jwt.MapClaims {
		c := good()
		c[name] = value
		return c
	}
	ask := func(g *org, method jwt.SigningMethod, key any, claims jwt.MapClaims) reply {
		t.Helper()
		assertion, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return g.post("/services/oauth2/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}})
	}
	for _, c := range []struct {
		name   string
		claims jwt.MapClaims
		error  string // empty: signed in
	}{
		{"good", good(), ""},
		{"test host", with("aud", "https://test.salesforce.com"), ""},
		{"own host", with("aud", g.url), ""},
		{"exp just within", with("exp", testTime.Add(3*time.Minute).Unix()), ""},
		{"another consumer", with("iss", "x"), "invalid_client_id"},
		{"another audience", with("aud", "https://example.com"), "invalid_grant"},
		{"no audience", with("aud", nil), "invalid_grant"},
		{"expired", with("exp", testTime.Add(-time.Second).Unix()), "invalid_grant"},
		{"too far ahead", with("exp", testTime.Add(3*time.Minute+time.Second).Unix()), "invalid_grant"},
		{"exp with a fraction", with("exp", float64(testTime.Unix())+60.5), "invalid_grant"},
		{"exp as text", with("exp", "1773576060"), "invalid_grant"},
		{"no exp", with("exp", nil), "invalid_grant"},
		{"unknown user", with("sub", "nobody@example.com"), "invalid_grant"},
		{"inactive user", with("sub", "ivo@example.com"), "invalid_grant"},
	} {
		r := ask(g, jwt.SigningMethodRS256, key, c.claims)
		if got := r.body.Get("error").String(); got != c.error || (r.status == http.StatusOK) != (c.error == "") {
			t.Errorf("%s: %d %s, want %q", c.name, r.status, r.body.Raw, c.error)
		}
	}
	if r := ask(other, jwt.SigningMethodRS256, key, good()); r.body.Get("error").String() != "invalid_grant" {
		t.Errorf("a key that nobody registered: %d %s", r.status, r.body.Raw)
	}
	if r := ask(g, jwt.SigningMethodHS256, []byte("secret"), good()); r.body.Get("error").String() != "invalid_grant" {
		t.Errorf("HS256: %d %s", r.status, r.body.Raw)
	}

	// Who signs in is who creates and owns.
	g.token = ask(g, jwt.SigningMethodRS256, key, good()).body.Get("access_token").String()
	id := g.must(http.StatusCreated, "POST", "sobjects/Task", `{}`).body.Get("id").String()
	task := g.must(http.StatusOK, "GET", "sobjects/Task/"+id, "").body
	if task.Get("OwnerId").String() != "005000000000002AAA" || task.Get("CreatedById").String() != "005000000000002AAA" {
		t.Errorf("owner and creator are not who signed in: %s", task.Raw)
	}
}

func TestSessionsEnd(t *testing.T) {
	g := newOrg(t, Options{SessionLife: time.Hour})
	g.must(http.StatusOK, "GET", "limits", "")
	g.now = g.now.Add(time.Hour - time.Second)
	g.must(http.StatusOK, "GET", "limits", "")
	g.now = g.now.Add(time.Second) // use did not prolong it
	wantError(t, g.do("GET", "limits", ""), http.StatusUnauthorized, "INVALID_SESSION_ID")

	g.signIn()
	g.must(http.StatusOK, "GET", "limits", "")
	g.sim.Expire()
	wantError(t, g.do("GET", "limits", ""), http.StatusUnauthorized, "INVALID_SESSION_ID")

	g.signIn()
	g.post("/services/oauth2/revoke", url.Values{"token": {g.token}})
	wantError(t, g.do("GET", "limits", ""), http.StatusUnauthorized, "INVALID_SESSION_ID")
}

// TestTokenWearsOut: a token that is good for so many requests, whoever sends them.
func TestTokenWearsOut(t *testing.T) {
	g := newOrg(t, Options{SessionUses: 3})
	for range 2 {
		for range 3 {
			g.must(http.StatusOK, "GET", "limits", "")
		}
		wantError(t, g.do("GET", "limits", ""), http.StatusUnauthorized, "INVALID_SESSION_ID")
		g.signIn()
	}
}

// TestTokenFault: an arranged refusal of the token endpoint has OAuth's shape.
func TestTokenFault(t *testing.T) {
	g := newOrg(t, Options{})
	g.sim.Fail(Fault{Operation: "token", Status: http.StatusBadRequest, Code: "invalid_grant", Message: "user hasn't approved this consumer"})
	if r := g.post("/services/oauth2/token", nil); r.status != http.StatusBadRequest || r.body.Raw != `{"error":"invalid_grant","error_description":"user hasn't approved this consumer"}` {
		t.Error(r.status, r.body.Raw)
	}
}
