package salesforce_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/callfold/callfold/internal/salesforce"
)

// org is a hand-made Salesforce: a token endpoint that hands out numbered
// tokens of which only the newest is valid, and a handler for the rest.
type org struct {
	*httptest.Server
	signIns atomic.Int32
	expired atomic.Bool
	token   http.HandlerFunc
	rest    http.HandlerFunc
}

func newOrg(t *testing.T, rest http.HandlerFunc) *org {
	o := &org{rest: rest}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/services/oauth2/token" && o.token != nil:
			o.signIns.Add(1)
			o.token(w, r)
		case r.URL.Path == "/services/oauth2/token":
			n := o.signIns.Add(1)
			o.expired.Store(false)
			fmt.Fprintf(w, `{"access_token":"secret-%d","instance_url":%q,"id":"%s/id/00D000000000001AAA/005000000000001AAA"}`, n, o.URL, o.URL)
		case o.expired.Load() || r.Header.Get("Authorization") != fmt.Sprintf("Bearer secret-%d", o.signIns.Load()):
			w.WriteHeader(401)
			io.WriteString(w, `[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]`)
		default:
			o.rest(w, r)
		}
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *org) client(t *testing.T, change func(*salesforce.Options)) *salesforce.Client {
	t.Helper()
	options := salesforce.Options{
		LoginURL:   o.URL,
		APIVersion: "64.0",
		Flow:       salesforce.ClientCredentials{ClientID: "app", ClientSecret: "hush"},
	}
	if change != nil {
		change(&options)
	}
	c, err := salesforce.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// upsert writes rows by the external id of a Task.
func upsert(ctx context.Context, c *salesforce.Client, externalID string, rows ...salesforce.Record) ([]salesforce.RowResult, error) {
	results, err := c.Collections(ctx, []salesforce.Collection{{Object: "Task", ExternalID: externalID, Rows: rows}})
	if err != nil {
		return nil, err
	}
	return results[0].Rows, results[0].Err
}

func refusal(t *testing.T, err error) *salesforce.Error {
	t.Helper()
	var e *salesforce.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *salesforce.Error", err)
	}
	return e
}

func TestSignInIsSharedAndRepeatedAfterExpiry(t *testing.T) {
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"done":true,"records":[]}`) })
	c := o.client(t, nil)
	all := func() {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := c.Query(t.Context(), "SELECT Id FROM User"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	all()
	if n := o.signIns.Load(); n != 1 {
		t.Errorf("%d sign-ins for 20 concurrent requests, want 1", n)
	}
	o.expired.Store(true)
	all()
	if n := o.signIns.Load(); n != 2 {
		t.Errorf("%d sign-ins after the session expired, want 2", n)
	}
}

func TestSecond401IsAnError(t *testing.T) {
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(401)
		io.WriteString(w, `[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]`)
	})
	_, err := o.client(t, nil).Query(t.Context(), "SELECT Id FROM User")
	if e := refusal(t, err); e.Status != 401 || e.Code != "INVALID_SESSION_ID" || e.SignIn {
		t.Errorf("got %+v", e)
	}
	if n := o.signIns.Load(); n != 2 {
		t.Errorf("%d sign-ins, want 2: one at first, one after the 401", n)
	}
}

func TestRefusedSignInIsNotHammered(t *testing.T) {
	o := newOrg(t, nil)
	o.token = func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		io.WriteString(w, `{"error":"invalid_grant","error_description":"user hasn't approved this consumer"}`)
	}
	now := time.Unix(1_700_000_000, 0)
	c := o.client(t, func(opt *salesforce.Options) { opt.Now = func() time.Time { return now } })
	for range 10 {
		_, err := c.Limits(t.Context())
		if e := refusal(t, err); e.Code != "invalid_grant" || !e.SignIn || e.Message == "" {
			t.Fatalf("got %+v", e)
		}
	}
	if n := o.signIns.Load(); n != 1 {
		t.Errorf("%d sign-ins within one moment, want 1", n)
	}
	now = now.Add(61 * time.Second)
	_, _ = c.Limits(t.Context())
	if n := o.signIns.Load(); n != 2 {
		t.Errorf("%d sign-ins after a minute, want 2", n)
	}
}

func TestJWTAssertion(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	o := newOrg(t, nil)
	now := time.Unix(1_700_000_000, 0)
	var claims jwt.MapClaims
	o.token = func(w http.ResponseWriter, r *http.Request) {
		token, err := jwt.Parse(r.FormValue("assertion"), func(*jwt.Token) (any, error) { return &key.PublicKey, nil },
			jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(func() time.Time { return now }))
		if err != nil || r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
			t.Errorf("assertion %q: %v", r.FormValue("assertion"), err)
			w.WriteHeader(400)
			return
		}
		claims = token.Claims.(jwt.MapClaims)
		fmt.Fprintf(w, `{"access_token":"x","instance_url":%q,"id":"%s/id/00D000000000001AAA/005000000000007AAA"}`, o.URL, o.URL)
	}
	c := o.client(t, func(opt *salesforce.Options) {
		opt.Flow = salesforce.JWT{ClientID: "consumer", Username: "bot@example.com", Key: key}
		opt.Now = func() time.Time { return now }
	})
	id, err := c.UserID(t.Context())
	if err != nil || id != "005000000000007AAA" {
		t.Errorf("UserID: %q, %v", id, err)
	}
	life := int64(claims["exp"].(float64)) - now.Unix()
	if claims["iss"] != "consumer" || claims["sub"] != "bot@example.com" || claims["aud"] != o.URL || life <= 0 || life > 180 {
		t.Errorf("claims: %v", claims)
	}
}

func TestErrorsOfRequests(t *testing.T) {
	for name, tt := range map[string]struct {
		status     int
		retryAfter string
		body       string
		want       salesforce.Error
	}{
		"rest": {400, "", `[{"errorCode":"INVALID_FIELD","message":"No such column 'Type'","fields":["Type"]}]`,
			salesforce.Error{Status: 400, Code: "INVALID_FIELD", Message: "No such column 'Type'"}},
		"throttle":  {403, "", `[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]`, salesforce.Error{Status: 403, Code: "REQUEST_LIMIT_EXCEEDED", Message: "TotalRequests Limit exceeded."}},
		"page":      {503, "7", `<html>maintenance</html>`, salesforce.Error{Status: 503, Code: "HTTP_503", RetryAfter: 7 * time.Second}},
		"ambiguous": {300, "", `["/services/data/v64.0/sobjects/Task/00T1","/services/data/v64.0/sobjects/Task/00T2"]`, salesforce.Error{Status: 300, Code: "HTTP_300"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
				if tt.retryAfter != "" {
					w.Header().Set("Retry-After", tt.retryAfter)
				}
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			_, err := upsert(t.Context(), o.client(t, nil), "Call__c", salesforce.Record{"Call__c": "1"})
			e := refusal(t, err)
			if e.Status != tt.want.Status || e.Code != tt.want.Code || e.Message != tt.want.Message || e.RetryAfter != tt.want.RetryAfter || e.Operation != "collections_upsert" {
				t.Errorf("got %+v, want %+v", e, tt.want)
			}
		})
	}
}

func TestErrorsHidePhoneNumbers(t *testing.T) {
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		io.WriteString(w, `[{"errorCode":"MALFORMED_QUERY","message":"WHERE (Phone IN ('+33 1 23 45 67 89','0123456789') ERROR at Row:1:Column:57"}]`)
	})
	_, err := o.client(t, nil).Query(t.Context(), "SELECT")
	if text := err.Error(); strings.Contains(text, "456") || strings.Contains(text, "23 45") || !strings.Contains(text, "…89") || !strings.Contains(text, "Column:57") {
		t.Errorf("the error reads: %s", text)
	}
}

func TestLostAnswersAreUnanswered(t *testing.T) {
	for name, rest := range map[string]http.HandlerFunc{
		"cut before the answer": func(w http.ResponseWriter, r *http.Request) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			conn.Close()
		},
		"cut in the answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `[{"id":`)
		},
		"no JSON":                 func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>") },
		"fewer results than rows": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "[]") },
		"no answer in good time": func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // only then does the server notice that the client left
			<-r.Context().Done()
		},
		"not what create gives us": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{}`) },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t, rest)
			c := o.client(t, func(opt *salesforce.Options) { opt.Timeout = 3 * time.Second }) // of the sign-in, too
			_, err := c.CollectionsUpdate(t.Context(), "Task", []salesforce.Record{{"id": "00T1"}})
			var u *salesforce.Unanswered
			if !errors.As(err, &u) || u.Operation != "collections_update" {
				t.Errorf("got %v, want Unanswered", err)
			}
			for _, secret := range []string{"secret-", "hush", "Bearer"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows %q: %v", secret, err)
				}
			}
		})
	}
}

func TestQueryPages(t *testing.T) {
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/services/data/v64.0/query/01g-2" {
			io.WriteString(w, `{"done":true,"records":[{"Id":"3","Owner":{"Name":"Ada"}}]}`)
			return
		}
		if q := r.URL.Query().Get("q"); q != "SELECT Id FROM User WHERE Name = 'O\\'Neil & Söhne'" {
			t.Errorf("query: %s", q)
		}
		io.WriteString(w, `{"done":false,"nextRecordsUrl":"/services/data/v64.0/query/01g-2","records":[{"Id":"1"},{"Id":"2"}]}`)
	})
	records, err := o.client(t, nil).Query(t.Context(), "SELECT Id FROM User WHERE Name = "+salesforce.QuoteSOQL("O'Neil & Söhne"))
	if err != nil || len(records) != 3 || records[2]["Owner"].(salesforce.Record)["Name"] != "Ada" {
		t.Errorf("got %v, %v", records, err)
	}
}

func TestLongQueryTravelsInABody(t *testing.T) {
	soql := "SELECT Id FROM Contact WHERE Phone IN ('" + strings.Repeat("+33123456789','", 300) + "')"
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) > 2000 {
			t.Errorf("a URI of %d bytes", len(r.RequestURI))
		}
		var body struct {
			CompositeRequest []struct{ Method, URL, ReferenceID string }
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.CompositeRequest) != 1 {
			t.Fatalf("body: %v", err)
		}
		part, err := http.NewRequest(body.CompositeRequest[0].Method, body.CompositeRequest[0].URL, nil)
		if err != nil || part.URL.Query().Get("q") != soql {
			t.Errorf("the query did not arrive: %v", err)
		}
		if r.Header.Get("X-Fail") == "" && strings.Contains(r.URL.Path, "composite") {
			io.WriteString(w, `{"compositeResponse":[{"body":{"done":true,"records":[{"Id":"1"}]},"httpHeaders":{},"httpStatusCode":200,"referenceId":"query"}]}`)
		}
	})
	records, err := o.client(t, nil).Query(t.Context(), soql)
	if err != nil || len(records) != 1 {
		t.Errorf("got %v, %v", records, err)
	}
	o.rest = func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"compositeResponse":[{"body":[{"errorCode":"MALFORMED_QUERY","message":"unexpected token"}],"httpStatusCode":400,"referenceId":"query"}]}`)
	}
	_, err = o.client(t, nil).Query(t.Context(), soql)
	if e := refusal(t, err); e.Code != "MALFORMED_QUERY" || e.Status != 400 {
		t.Errorf("got %+v", e)
	}
}

func TestRowsAndTheirResults(t *testing.T) {
	var method, uri string
	var body struct {
		AllOrNone *bool
		Records   []map[string]any
	}
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		method, uri = r.Method, r.RequestURI
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		w.Header().Set("Sforce-Limit-Info", "api-usage=10018/100000; per-app-api-usage=17/250(appName=sample)")
		io.WriteString(w, `[{"id":"00T1","success":true,"created":true,"errors":[]},{"success":false,"errors":[{"statusCode":"STRING_TOO_LONG","message":"too long","fields":["Subject"]}]}]`)
	})
	c := o.client(t, nil)
	results, err := upsert(t.Context(), c, "Call__c", salesforce.Record{"Call__c": "1", "WhoId": nil}, salesforce.Record{"Call__c": "2"})
	if err != nil {
		t.Fatal(err)
	}
	if method != "PATCH" || uri != "/services/data/v64.0/composite/sobjects/Task/Call__c" {
		t.Errorf("%s %s", method, uri)
	}
	if body.AllOrNone == nil || *body.AllOrNone || len(body.Records) != 2 || body.Records[0]["attributes"].(map[string]any)["type"] != "Task" {
		t.Errorf("body: %+v", body)
	}
	if v, has := body.Records[0]["WhoId"]; !has || v != nil {
		t.Error("a null, which clears the field, was not sent")
	}
	if !results[0].Success || !results[0].Created || results[1].Success || results[1].Errors[0].StatusCode != "STRING_TOO_LONG" || results[1].Errors[0].Fields[0] != "Subject" {
		t.Errorf("results: %+v", results)
	}
	if u, ok := c.Usage(); !ok || u.Used != 10018 || u.Allowed != 100000 {
		t.Errorf("usage: %+v %v", u, ok)
	}
	if _, err := upsert(t.Context(), c, "Call__c", make([]salesforce.Record, 201)...); err == nil {
		t.Error("201 rows were sent")
	}
}

func TestCreateAndGet(t *testing.T) {
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == "POST" && r.Header.Get("Sforce-Auto-Assign") == "FALSE":
			w.WriteHeader(201)
			io.WriteString(w, `{"id":"00Q1","success":true,"errors":[]}`)
		case r.RequestURI == "/services/data/v64.0/sobjects/Lead/Key__c/%2B33123456789?fields=Id%2CName":
			io.WriteString(w, `{"Id":"00Q1","Name":"Unknown"}`)
		default:
			w.WriteHeader(404)
			io.WriteString(w, `[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]`)
		}
	})
	c := o.client(t, nil)
	if id, err := c.Create(t.Context(), "Lead", salesforce.Record{"LastName": "X"}, salesforce.NoAutoAssign); id != "00Q1" || err != nil {
		t.Errorf("create: %q, %v", id, err)
	}
	if r, ok, err := c.GetByExternalID(t.Context(), "Lead", "Key__c", "+33123456789", []string{"Id", "Name"}); !ok || err != nil || r["Name"] != "Unknown" {
		t.Errorf("get: %v %v %v", r, ok, err)
	}
	if _, ok, err := c.GetByExternalID(t.Context(), "Lead", "Key__c", "+1", []string{"Id"}); ok || err != nil {
		t.Errorf("get of what is not there: %v %v", ok, err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []salesforce.Options{
		{LoginURL: "login.salesforce.com", APIVersion: "64.0", Flow: salesforce.ClientCredentials{}},
		{LoginURL: "https://login.salesforce.com", Flow: salesforce.ClientCredentials{}},
		{LoginURL: "https://login.salesforce.com", APIVersion: "64.0"},
	} {
		if _, err := salesforce.New(o); err == nil || !strings.HasPrefix(err.Error(), "salesforce.") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := salesforce.ParseKey([]byte("not a key")); err == nil {
		t.Error("a text was taken for a private key")
	}
}

func TestWaitingForASignInEndsWithTheContext(t *testing.T) {
	hold := make(chan struct{})
	o := newOrg(t, nil)
	o.token = func(w http.ResponseWriter, r *http.Request) { <-hold }
	c := o.client(t, nil)
	first := make(chan error)
	go func() {
		_, err := c.UserID(t.Context())
		first <- err
	}()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var u *salesforce.Unanswered
	if _, err := c.UserID(ctx); !errors.As(err, &u) {
		t.Errorf("got %v", err)
	}
	close(hold)
	if err := <-first; err == nil {
		t.Error("an empty answer signed in")
	}
}
