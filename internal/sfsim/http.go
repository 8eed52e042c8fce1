package sfsim

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The limits of the transport ("Request and response sizes", Salesforce
// Developer Limits and Allocations).
const (
	maxURI  = 16_384
	maxBody = 50 << 20
)

// call is one request on the org's data; composite makes several out of one HTTP request.
type call struct {
	s       *Server
	tx      *tx // nil for requests that only read
	method  string
	version string   // as in the path: v64.0
	args    []string // parts of the path that the route leaves open
	query   url.Values
	header  http.Header
	body    []byte
	user    string // Id of the user whose session it is
}

// response is an answer before it is written.
type response struct {
	status int
	header http.Header
	body   []byte // JSON, or empty
}

func newResponse(status int, body []byte) *response {
	return &response{status: status, header: http.Header{}, body: body}
}

// answer makes a response with the JSON of v.
func answer(status int, v any) *response {
	body, err := json.Marshal(v)
	if err != nil {
		return failure(fail(http.StatusInternalServerError, "UNKNOWN_EXCEPTION", "writing the answer: %v", err))
	}
	return newResponse(status, body)
}

// failure makes a response of the faults of one request.
func failure(errs ...*apiError) *response {
	if records := errs[0].records; records != nil {
		return answer(errs[0].status, records)
	}
	return answer(errs[0].status, errs)
}

// ok tells whether the request succeeded.
func (r *response) ok() bool { return r.status < 300 }

// ServeHTTP answers one request of the REST API or the token endpoint.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation, resp := s.serve(r)
	status := 0
	if resp != nil {
		status = resp.status
	}
	if s.requests != nil {
		s.requests.WithLabelValues(operation, strconv.Itoa(status)).Inc()
	}
	s.log.Debug("simulator request", "operation", operation, "method", r.Method, "status", status)
	if resp == nil {
		panic(http.ErrAbortHandler) // the documented way to cut a connection
	}
	maps.Copy(w.Header(), resp.header)
	if len(resp.body) > 0 && w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	}
	w.WriteHeader(resp.status)
	if _, err := w.Write(resp.body); err != nil {
		s.log.Debug("simulator answer not delivered", "operation", operation, "error", err)
	}
}

// serve names the request's operation and answers it; a nil response cuts the connection.
func (s *Server) serve(r *http.Request) (string, *response) {
	if len(r.RequestURI) > maxURI || len(r.URL.RequestURI()) > maxURI {
		resp := newResponse(http.StatusRequestURITooLong, []byte("<h1>URI Too Long</h1>"))
		resp.header.Set("Content-Type", "text/html;charset=utf-8")
		return "other", resp
	}
	if strings.HasPrefix(r.URL.Path, "/services/oauth2/") || strings.HasPrefix(r.URL.Path, "/id/") {
		return s.serveIdentity(r)
	}
	if strings.TrimSuffix(r.URL.Path, "/") == "/services/data" {
		return "versions", s.faulty("versions", r, ready(func() *response { return versions(r.Method) }))
	}
	found, apiErr := match(r.Method, r.URL.EscapedPath())
	return found.operation, s.faulty(found.operation, r, func() (job, *response) { return s.admit(r, found, apiErr) })
}

// concurrencyMessage is what an org says that has too many long requests under way.
const concurrencyMessage = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."

// admit lets a request under /services/data/vNN.0 in: it has a session and the org
// has room for it. The job does its work. A request that is not let in is answered at once.
func (s *Server) admit(r *http.Request, found matched, apiErr *apiError) (job, *response) {
	user, ok := s.session(r)
	if !ok {
		resp := failure(fail(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid"))
		resp.header.Set("WWW-Authenticate", "Token")
		return nil, resp
	}
	now := s.now()
	used, limit, within := s.usage.count(now)
	limited := func(resp *response) *response {
		resp.header.Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", used, limit))
		return resp
	}
	if !within {
		return nil, limited(failure(fail(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")))
	}
	c := &call{s: s, method: r.Method, version: found.version, args: found.args, header: r.Header, user: user}
	if apiErr == nil {
		c.body, apiErr = readBody(r, found.route)
	}
	if apiErr != nil {
		return nil, limited(failure(apiErr))
	}
	var err error
	if c.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return nil, limited(failure(badRequest("MALFORMED_QUERY", "the query string is not valid: %v", err)))
	}
	flight, room := s.usage.enter(now)
	if !room {
		return nil, limited(failure(fail(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", concurrencyMessage)))
	}
	return func(fault *Fault) *response {
		defer s.usage.leave(flight)
		return limited(s.run(found.route, c, s.pause(fault, c.operations(found.route)...)))
	}, nil
}

// pause is the time that a request of these operations takes; nil when it takes none.
func (s *Server) pause(fault *Fault, operations ...string) func() {
	latency := s.options.Latency * time.Duration(len(operations))
	if s.options.LatencyOf != nil {
		latency = 0
		for _, operation := range operations {
			latency += s.options.LatencyOf(operation)
		}
	}
	if latency <= 0 && fault.HoldLocks == nil {
		return nil
	}
	return func() {
		time.Sleep(latency)
		if fault.HoldLocks != nil {
			<-fault.HoldLocks
		}
	}
}

// session returns the user whose access token the request carries.
func (s *Server) session(r *http.Request) (user string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "OAuth") {
		return "", false
	}
	return s.sessions.user(token, s.now())
}

// run does the work of a route under the lock that it needs.
func (s *Server) run(rt *route, c *call, pause func()) *response {
	if !rt.writes {
		if pause != nil {
			pause()
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		return rt.handle(c)
	}
	var resp *response
	err := s.writeDuring(pause, func(t *tx) error {
		t.user = c.user
		c.tx = t
		resp = c.handled(rt)
		return nil
	})
	if err != nil {
		s.log.Error("the simulator could not keep a request", "error", err)
		return failure(fail(http.StatusInternalServerError, "UNKNOWN_EXCEPTION", "%v", err))
	}
	return resp
}

// readBody reads the request's JSON, or what its route takes instead, unzipped.
func readBody(r *http.Request, rt *route) ([]byte, *apiError) {
	accepted, limit := rt.accepts()
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, badRequest("JSON_PARSER_ERROR", "the body is not gzip: %v", err)
		}
		in = unzip
	}
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(io.LimitReader(in, int64(limit)+1)); err != nil {
		return nil, badRequest("JSON_PARSER_ERROR", "reading the body: %v", err)
	}
	if buf.Len() > limit {
		return nil, fail(http.StatusRequestEntityTooLarge, "REQUEST_TOO_LARGE", "the body is larger than %d bytes", limit)
	}
	if buf.Len() > 0 {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != accepted {
			return nil, fail(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Content type %q not supported: use %s", r.Header.Get("Content-Type"), accepted)
		}
	}
	return buf.Bytes(), nil
}

// baseURL is the org's address as the client wrote it.
func baseURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

func retryAfter(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}

// rawJSON is JSON that is already written.
type rawJSON = jsontext.Value
