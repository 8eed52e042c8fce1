package salesforce

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/clock"
)

// The operations, as errors and the observer name them.
const (
	opSignIn   = "sign_in"
	opVersions = "versions"
	opLimits   = "limits"
	opQuery    = "query"
	opDescribe = "describe"
	opCreate   = "create"
	opGet      = "get"

	opCollectionsUpdate = "collections_update"
	opCollectionsUpsert = "collections_upsert"
	opCollectionsDelete = "collections_delete"
	opComposite         = "composite" // several collections

	opBulkQuery  = "bulk_query"  // all that is asked about a query job
	opBulkIngest = "bulk_ingest" // and about an ingest job
)

// operations are all of them.
var operations = []string{
	opSignIn, opVersions, opLimits, opQuery, opDescribe, opCreate, opGet,
	opCollectionsUpdate, opCollectionsUpsert, opCollectionsDelete, opComposite,
	opBulkQuery, opBulkIngest,
}

// Options configure a Client.
type Options struct {
	// LoginURL is where to sign in: https://login.salesforce.com,
	// https://test.salesforce.com, or the org's My Domain.
	LoginURL string
	// APIVersion is like "64.0".
	APIVersion string
	// Flow is how to sign in.
	Flow Flow
	// HTTPClient sends the requests; nil = one with Go's usual transport.
	HTTPClient *http.Client
	// Timeout is how long one request may take, 30 s where 0. It does not stop
	// Salesforce: what was sent may still be done after it.
	Timeout time.Duration
	// Now is the clock, Sleep waits between looks at a bulk job; nil = the system's.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	// Registerer takes the client's metrics; nil = nobody.
	Registerer prometheus.Registerer
}

// Client talks to one org as one user. It is safe for concurrent use.
type Client struct {
	loginURL *url.URL
	version  string
	flow     Flow
	http     *http.Client
	timeout  time.Duration
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	metrics  *metrics
	usage    atomic.Pointer[Usage]
	sent     atomic.Int64 // requests that count
	answered atomic.Pointer[time.Time]

	// signing guards what follows; it is a channel so that waiting ends with
	// the context.
	signing      chan struct{}
	session      *session
	refused      error
	refusedUntil time.Time
}

// New makes a Client. It sends nothing: the first request signs in.
func New(o Options) (*Client, error) {
	loginURL, err := url.Parse(o.LoginURL)
	if err != nil || (loginURL.Scheme != "https" && loginURL.Scheme != "http") || loginURL.Host == "" {
		return nil, fmt.Errorf("salesforce.login_url: %q is not a URL such as https://login.salesforce.com", o.LoginURL)
	}
	if o.APIVersion == "" {
		return nil, errors.New(`salesforce.api_version: empty; give one such as "64.0"`)
	}
	if o.Flow == nil {
		return nil, errors.New("salesforce.auth.flow: give jwt or client_credentials")
	}
	c := &Client{
		loginURL: loginURL,
		version:  o.APIVersion,
		flow:     o.Flow,
		http:     o.HTTPClient,
		timeout:  o.Timeout,
		now:      o.Now,
		sleep:    o.Sleep,
		metrics:  newMetrics(o.Registerer),
		signing:  make(chan struct{}, 1),
	}
	if c.http == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 16
		c.http = &http.Client{Transport: transport}
	}
	direct := *c.http
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // see ended
	c.http = &direct
	if c.timeout == 0 {
		c.timeout = 30 * time.Second
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.sleep == nil {
		c.sleep = clock.Sleep
	}
	return c, nil
}

// UserID is the Salesforce id of the user that the client acts as (the
// integration user). It signs in if need be.
func (c *Client) UserID(ctx context.Context) (string, error) {
	s, err := c.signedIn(ctx, nil)
	if err != nil {
		return "", err
	}
	if len(s.userID) < 15 {
		return "", errors.New("signing in to Salesforce: the answer names no user (no identity URL in id)")
	}
	return s.userID, nil
}

// Versions lists the API versions that the org speaks, such as "64.0". It needs
// no session and costs nothing of the allocation.
func (c *Client) Versions(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.loginURL.JoinPath("/services/data/").String(), nil)
	if err != nil {
		return nil, fmt.Errorf("listing API versions: %w", err)
	}
	status, header, body, err := c.send(opVersions, r, nil)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, errorOf(opVersions, status, header, body, c.now())
	}
	var answer []struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("listing API versions: reading the answer: %w", err)
	}
	versions := make([]string, len(answer))
	for i, v := range answer {
		versions[i] = v.Version
	}
	return versions, nil
}

// request is one request of the REST API, in a form that can be sent twice.
type request struct {
	method string
	// path begins with / and is escaped; query belongs to it.
	path        string
	body        []byte
	contentType string // of body; empty = JSON
	headers     []Header
	// read, where it is given, reads the body of a success as it comes, however long
	// that takes, as long as the next part of it comes within the deadline.
	read func(http.Header, io.Reader) error
}

// data is the path of a resource of the REST API; its parts are escaped here.
func (c *Client) data(parts ...string) string {
	path := "/services/data/v" + c.version
	for _, part := range parts {
		// A + is legal in a path, but some servers read it as a space.
		path += "/" + strings.ReplaceAll(url.PathEscape(part), "+", "%2B")
	}
	return path
}

// mostRepeats is how often a request is repeated because its session has ended.
const mostRepeats = 50

// do sends a request and reads the answer into answer (if not nil). Where its
// session has ended it signs in again and repeats the request: once, or, where the
// new session has ended too because others used it up, mostRepeats times.
func (c *Client) do(ctx context.Context, operation string, q request, answer any) error {
	s, err := c.signedIn(ctx, nil)
	if err != nil {
		return err
	}
	status, header, body, err := c.attempt(ctx, operation, s, q)
	for repeats := 0; err == nil && ended(status); repeats++ {
		if repeats == mostRepeats || repeats > 0 && !s.usedUp() {
			break
		}
		if s, err = c.signedIn(ctx, s); err != nil {
			return err
		}
		status, header, body, err = c.attempt(ctx, operation, s, q)
	}
	if err != nil {
		return err
	}
	if status < 200 || status > 299 {
		return errorOf(operation, status, header, body, c.now())
	}
	now := c.now()
	c.answered.Store(&now)
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(body, answer); err != nil {
		// The request was done, but what came of it is unknown.
		return &Unanswered{Operation: operation, Err: fmt.Errorf("reading the answer: %w", err)}
	}
	return nil
}

// Answered is when Salesforce last did what a request asked; zero before the first.
// Signing in does not count.
func (c *Client) Answered() time.Time {
	if at := c.answered.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// uploadRate is how many bytes a second a body takes at the most, beyond the deadline:
// that of a bulk job may have many megabytes.
const uploadRate = 256 << 10

// attempt sends a request once, within the deadline.
func (c *Client) attempt(ctx context.Context, operation string, s *session, q request) (int, http.Header, []byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	deadline := time.AfterFunc(c.timeout+time.Duration(len(q.body)/uploadRate)*time.Second, func() { cancel(context.DeadlineExceeded) })
	defer deadline.Stop()
	read := q.read
	if read != nil {
		read = func(header http.Header, body io.Reader) error {
			return q.read(header, patient{body, deadline, c.timeout})
		}
	}
	r, err := http.NewRequestWithContext(ctx, q.method, s.instance.Scheme+"://"+s.instance.Host+q.path, bytes.NewReader(q.body))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("asking Salesforce for %s: %w", operation, err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Accept", "application/json")
	if len(q.body) > 0 {
		r.Header.Set("Content-Type", cmp.Or(q.contentType, "application/json; charset=utf-8"))
	}
	for _, h := range q.headers {
		r.Header.Set(h.Name, h.Value)
	}
	c.sent.Add(1)
	s.open.Add(1)
	defer s.open.Add(-1)
	status, header, body, err := c.send(operation, r, read)
	if err == nil && !ended(status) {
		s.served.Store(true)
	}
	return status, header, body, err
}

// patient reads a body of which each part has the time of a request; what goes by
// between two parts does not count.
type patient struct {
	io.Reader
	deadline *time.Timer
	timeout  time.Duration
}

func (p patient) Read(b []byte) (int, error) {
	p.deadline.Reset(p.timeout)
	defer p.deadline.Stop()
	return p.Reader.Read(b)
}

// maxAnswer bounds what is read of an answer. A page of 2,000 records is far
// below it.
const maxAnswer = 64 << 20

// send sends a request. Where read is given it reads the body of a success, and its
// error is that of send.
func (c *Client) send(operation string, r *http.Request, read func(http.Header, io.Reader) error) (status int, header http.Header, body []byte, err error) {
	began := c.now()
	result := resultUnanswered
	defer func() { c.metrics.request(operation, result, c.now().Sub(began)) }()
	answer, err := c.http.Do(r)
	if err != nil {
		// *url.Error repeats the URL, and with it a query's values.
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err
		}
		return 0, nil, nil, &Unanswered{Operation: operation, Err: err}
	}
	defer answer.Body.Close()
	if u, ok := parseUsage(answer.Header.Get("Sforce-Limit-Info")); ok {
		c.usage.Store(&u)
		c.metrics.usage(u)
	}
	success := answer.StatusCode >= 200 && answer.StatusCode <= 299
	if success && read != nil {
		if err := read(answer.Header, answer.Body); err != nil {
			return 0, nil, nil, err
		}
	} else if body, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer)); err != nil {
		return 0, nil, nil, &Unanswered{Operation: operation, Err: err}
	}
	result = resultRefused
	if success {
		result = resultOK
	}
	return answer.StatusCode, answer.Header, body, nil
}
