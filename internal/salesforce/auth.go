package salesforce

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// Flow is a way of signing in without a person: [JWT] or [ClientCredentials].
type Flow interface {
	// form makes the body of the request to the token endpoint.
	form(loginURL *url.URL, now time.Time) (url.Values, error)
}

// JWT is OAuth's JWT bearer flow: the app signs an assertion with the private
// key whose certificate the External Client App holds.
type JWT struct {
	// ClientID is the app's consumer key.
	ClientID string
	// Username is the integration user's.
	Username string
	// Key is the private key.
	Key *rsa.PrivateKey
}

// ParseKey reads a PEM-encoded RSA private key (PKCS#1 or PKCS#8).
func ParseKey(pem []byte) (*rsa.PrivateKey, error) {
	key, err := jwt.ParseRSAPrivateKeyFromPEM(pem)
	if err != nil {
		return nil, fmt.Errorf("reading the private key: %w", err)
	}
	return key, nil
}

// assertionLife is how long an assertion is valid. Salesforce refuses more than
// three minutes; the rest is room for clocks that differ.
const assertionLife = 2 * time.Minute

func (f JWT) form(loginURL *url.URL, now time.Time) (url.Values, error) {
	assertion, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": f.ClientID,
		"sub": f.Username,
		"aud": audience(loginURL),
		"exp": now.Add(assertionLife).Unix(),
	}).SignedString(f.Key)
	if err != nil {
		return nil, fmt.Errorf("signing the assertion: %w", err)
	}
	return url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"assertion":  {assertion},
	}, nil
}

// audience is the aud claim: Salesforce wants the login or the test host, also
// when one signs in on the org's My Domain. Any other host is its own audience.
func audience(loginURL *url.URL) string {
	host := loginURL.Hostname()
	switch {
	case strings.HasSuffix(host, ".sandbox.my.salesforce.com"):
		return "https://test.salesforce.com"
	case strings.HasSuffix(host, ".my.salesforce.com"):
		return "https://login.salesforce.com"
	}
	return loginURL.Scheme + "://" + loginURL.Host
}

// ClientCredentials is OAuth's client credentials flow. It works on the org's
// My Domain host only, and acts as the run-as user of the External Client App.
type ClientCredentials struct {
	ClientID     string
	ClientSecret string
}

func (f ClientCredentials) form(*url.URL, time.Time) (url.Values, error) {
	return url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {f.ClientID},
		"client_secret": {f.ClientSecret},
	}, nil
}

// session is what a sign-in gives.
type session struct {
	token    string
	instance *url.URL
	userID   string

	served atomic.Bool  // it was good for at least one request
	open   atomic.Int32 // requests under way with it
}

// ended tells whether the answer to a request is that its session is over: 401, or
// the way to another address, which the org has had since its domain was renamed or
// it was moved. The sign-in tells the new one; requests with a body are not to be
// sent to wherever an answer points.
func ended(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// usedUp tells whether a session that was refused may have been a good one before,
// and was used up by requests that others sent in the meantime.
func (s *session) usedUp() bool { return s.served.Load() || s.open.Load() > 0 }

// signInPause is how long a refused sign-in is not tried again.
const signInPause = time.Minute

// signedIn gives the session, signing in when there is none or when it is still
// the one that Salesforce no longer takes. One caller signs in, the others wait.
func (c *Client) signedIn(ctx context.Context, stale *session) (*session, error) {
	select {
	case c.signing <- struct{}{}:
		defer func() { <-c.signing }()
	case <-ctx.Done():
		return nil, &Unanswered{Operation: opSignIn, Err: ctx.Err()}
	}
	if c.session != nil && c.session != stale {
		return c.session, nil
	}
	if c.refused != nil && c.now().Before(c.refusedUntil) {
		return nil, c.refused
	}
	s, err := c.signIn(ctx)
	c.session, c.refused = s, nil
	if refusal := (*Error)(nil); errors.As(err, &refusal) && refusal.Status < 500 {
		c.refused, c.refusedUntil = err, c.now().Add(max(signInPause, refusal.RetryAfter))
	}
	return s, err
}

func (c *Client) signIn(ctx context.Context) (*session, error) {
	form, err := c.flow.form(c.loginURL, c.now())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost,
		c.loginURL.JoinPath("/services/oauth2/token").String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("signing in to Salesforce: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, header, body, err := c.send(opSignIn, r, nil)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		refusal := errorOf(opSignIn, status, header, body, c.now())
		refusal.SignIn = true
		return nil, refusal
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		InstanceURL string `json:"instance_url"`
		// ID is the identity URL, ending in /ORGANISATION/USER.
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, errors.New("signing in to Salesforce: the answer is not what a token endpoint gives; check salesforce.login_url")
	}
	instance, err := url.Parse(answer.InstanceURL)
	if err != nil || instance.Host == "" || answer.AccessToken == "" {
		return nil, errors.New("signing in to Salesforce: the answer names no instance_url or no access_token; check salesforce.login_url")
	}
	return &session{token: answer.AccessToken, instance: instance, userID: path.Base(answer.ID)}, nil
}
