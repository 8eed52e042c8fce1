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
func failure(errs ...*apiError) *response { return answer(errs[0].status, errs) }

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
		return "versions", s.faulty("versions", r, func() *response { return versions(r.Method) })
	}
	found, apiErr := match(r.Method, r.URL.EscapedPath())
	return found.operation, s.faulty(found.operation, r, func() *response { return s.serveData(r, found, apiErr) })
}

// faulty does the work unless an injected fault stands before it, and lets one
// replace the answer afterwards.
func (s *Server) faulty(operation string, r *http.Request, work func() *response) *response {
	fault := s.faults.forRequest(operation, r)
	if fault == nil {
		return work()
	}
	if fault.Hold != nil {
		<-fault.Hold
	}
	replaced := fault.Cut || fault.Status != 0 || fault.Code != ""
	if fault.AfterCommit || !replaced {
		if resp := work(); !replaced {
			return resp
		}
	}
	if fault.Cut {
		return nil
	}
	return fault.response()
}

// serveData answers a request under /services/data/vNN.0.
func (s *Server) serveData(r *http.Request, found matched, apiErr *apiError) *response {
	user, ok := s.session(r)
	if !ok {
		resp := failure(fail(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid"))
		resp.header.Set("WWW-Authenticate", "Token")
		return resp
	}
	used, within := s.usage.count(s.now(), s.options.DailyLimit)
	limited := func(resp *response) *response {
		resp.header.Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", used, s.options.DailyLimit))
		return resp
	}
	if !within {
		return limited(failure(fail(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")))
	}
	if apiErr != nil {
		return limited(failure(apiErr))
	}
	if s.options.Latency > 0 {
		time.Sleep(s.options.Latency)
	}
	body, apiErr := readBody(r)
	if apiErr != nil {
		return limited(failure(apiErr))
	}
	c := &call{
		s: s, method: r.Method, version: found.version, args: found.args,
		header: r.Header, body: body, user: user,
	}
	var err error
	if c.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return limited(failure(badRequest("MALFORMED_QUERY", "the query string is not valid: %v", err)))
	}
	return limited(s.run(found.route, c))
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
func (s *Server) run(rt *route, c *call) *response {
	if !rt.writes {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return rt.handle(c)
	}
	var resp *response
	err := s.write(func(t *tx) error {
		t.user = c.user
		c.tx = t
		resp = rt.handle(c)
		return nil
	})
	if err != nil {
		s.log.Error("the simulator could not keep a request", "error", err)
		return failure(fail(http.StatusInternalServerError, "UNKNOWN_EXCEPTION", "%v", err))
	}
	return resp
}

// readBody reads the request's JSON, unzipped.
func readBody(r *http.Request) ([]byte, *apiError) {
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, badRequest("JSON_PARSER_ERROR", "the body is not gzip: %v", err)
		}
		in = unzip
	}
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(io.LimitReader(in, maxBody+1)); err != nil {
		return nil, badRequest("JSON_PARSER_ERROR", "reading the body: %v", err)
	}
	if buf.Len() > maxBody {
		return nil, fail(http.StatusRequestEntityTooLarge, "REQUEST_TOO_LARGE", "the body is larger than %d bytes", maxBody)
	}
	if buf.Len() > 0 {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "application/json" {
			return nil, fail(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Content type %q not supported: use application/json", r.Header.Get("Content-Type"))
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
