package salesforce_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
)

// simulated gives a client of a simulated org that waits a moment where a job is
// to be waited for.
func simulated(t *testing.T, o sfsim.Options) (*sfsim.Server, *salesforce.Client) {
	t.Helper()
	sim, err := sfsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	c, err := salesforce.New(salesforce.Options{
		LoginURL: server.URL, APIVersion: "64.0", Flow: salesforce.ClientCredentials{ClientID: "dev", ClientSecret: "dev"}, Sleep: moment,
	})
	if err != nil {
		t.Fatal(err)
	}
	return sim, c
}

// moment is how long the tests wait between two looks at a job.
func moment(ctx context.Context, _ time.Duration) error {
	time.Sleep(time.Millisecond) // polling
	return ctx.Err()
}

// TestBulkQuery: the rows are what a query of the REST API gives, as text.
func TestBulkQuery(t *testing.T) {
	sim, c := simulated(t, sfsim.Options{})
	ctx := t.Context()
	texts := []string{"plain", "a, b", "say \"hello\"", "one\r\ntwo\nthree", "\"", "é\u2028😀", ""}
	var rows []salesforce.Record
	for i, text := range texts {
		rows = append(rows, salesforce.Record{"Aircall_Call_Id__c": fmt.Sprint(i), "Description": text, "CallDurationInSeconds": i * 10, "aircall__Has_connected__c": i%2 == 0})
	}
	written, err := upsert(ctx, c, "Aircall_Call_Id__c", rows...)
	if err != nil {
		t.Fatal(err)
	}
	del := deleter(t, sim)
	ask := func(all bool, soql string) (got []map[string]string) {
		t.Helper()
		if err := c.BulkQuery(ctx, soql, all, func(row map[string]string) error { got = append(got, row); return nil }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	const soql = "SELECT Id, Description, CallDurationInSeconds, aircall__Has_connected__c, WhoId FROM Task ORDER BY Aircall_Call_Id__c"
	for i, row := range ask(false, soql) {
		want := fmt.Sprint(map[string]string{
			"Id": written[i].ID, "Description": texts[i], "CallDurationInSeconds": fmt.Sprint(i * 10), "aircall__Has_connected__c": fmt.Sprint(i%2 == 0), "WhoId": "",
		})
		if fmt.Sprint(row) != want {
			t.Errorf("row %d is %q, want %q", i, row, want)
		}
	}
	if n := len(ask(false, "SELECT Id FROM Task WHERE Subject = 'none'")); n != 0 {
		t.Errorf("%d rows of nothing", n)
	}
	if err := c.BulkQuery(ctx, "SELECT Id FROM Task LIMIT 2", false, func(row map[string]string) error {
		return del(row["Id"])
	}); err != nil {
		t.Fatal(err)
	}
	if some, all := len(ask(false, soql)), len(ask(true, soql)); some != len(texts)-2 || all != len(texts) {
		t.Errorf("%d rows, and %d with those that were deleted", some, all)
	}
	err = c.BulkQuery(ctx, "SELECT Nothing__c FROM Task", false, nil)
	if e := refusal(t, err); e.Code != "INVALID_FIELD" {
		t.Errorf("a field that is not there: %v", err)
	}
}

// deleter gives what deletes a Task of a simulated org as somebody else does it.
func deleter(t *testing.T, sim *sfsim.Server) func(id string) error {
	ask := func(r *http.Request) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		return w
	}
	form := strings.NewReader("grant_type=client_credentials&client_id=dev&client_secret=dev")
	r := httptest.NewRequest(http.MethodPost, "/services/oauth2/token", form)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(ask(r).Body.Bytes(), &token); err != nil {
		t.Fatal(err)
	}
	return func(id string) error {
		r := httptest.NewRequest(http.MethodDelete, "/services/data/v64.0/sobjects/Task/"+id, nil)
		r.Header.Set("Authorization", "Bearer "+token.AccessToken)
		if w := ask(r); w.Code != http.StatusNoContent {
			return fmt.Errorf("deleting %s: %d", id, w.Code)
		}
		return nil
	}
}

// jobs is a hand-made Bulk API 2.0: a list of states that a query job goes through,
// and the pages of its results.
type jobs struct {
	*testing.T
	states   []string // an answer each; a number is an HTTP status
	pages    []string
	rows     string                                     // Sforce-NumberOfRecords
	sleep    func(context.Context, time.Duration) error // nil: for a moment
	requests []string
}

func (j *jobs) client() *salesforce.Client {
	o := newOrg(j.T, func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/services/data/v64.0/jobs/query")
		body, err := io.ReadAll(r.Body)
		if err != nil {
			j.Error(err)
		}
		j.requests = append(j.requests, strings.TrimSpace(r.Method+" "+path+" "+r.URL.Query().Get("locator")+string(body)))
		answer := `{"id":"750A","state":"UploadComplete"}`
		switch {
		case strings.HasSuffix(path, "/results"):
			page := len(j.requests) - slices.IndexFunc(j.requests, func(s string) bool { return strings.Contains(s, "/results") }) - 1
			if w.Header().Set("Sforce-Locator", "null"); page < len(j.pages)-1 {
				w.Header().Set("Sforce-Locator", fmt.Sprint("page", page+1))
			}
			if j.rows != "" {
				w.Header().Set("Sforce-NumberOfRecords", j.rows)
			}
			answer = j.pages[page]
		case r.Method == http.MethodGet:
			state := j.states[0]
			if len(j.states) > 1 {
				j.states = j.states[1:]
			}
			if status := 0; state < "A" {
				fmt.Sscan(state, &status)
				w.WriteHeader(status)
			}
			answer = fmt.Sprintf(`{"id":"750A","state":%q,"errorMessage":"no number +33123456789"}`, state)
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if _, err := io.WriteString(w, answer); err != nil {
			j.Error(err)
		}
	})
	return o.client(j.T, func(o *salesforce.Options) {
		if o.Sleep = moment; j.sleep != nil {
			o.Sleep = j.sleep
		}
	})
}

// ask runs a query and gives its rows and the last two requests.
func (j *jobs) ask(ctx context.Context, each func(map[string]string) error) (rows []string, end []string, err error) {
	err = j.client().BulkQuery(ctx, "SELECT Id FROM Task", false, func(row map[string]string) error {
		rows = append(rows, row["Id"]+row["Subject"])
		if each == nil {
			return nil
		}
		return each(row)
	})
	return rows, j.requests[max(0, len(j.requests)-2):], err
}

// TestBulkQueryPages: page follows page, and the job is deleted.
func TestBulkQueryPages(t *testing.T) {
	j := &jobs{
		T: t, states: []string{"InProgress", "503", "429", "InProgress", "JobComplete"},
		pages: []string{"\"Id\",\"Subject\"\r\n\"1\",\"x\"\r\n\"2\",\"\"", "Id,Subject\n3,y\n4,\n"},
	}
	rows, _, err := j.ask(t.Context(), nil)
	if err != nil || strings.Join(rows, " ") != "1x 2 3y 4" {
		t.Errorf("%q, %v", rows, err)
	}
	if got := strings.Join(j.requests[len(j.requests)-3:], "; "); got != "GET /750A/results; GET /750A/results page1; DELETE /750A" {
		t.Error(got)
	}
}

// TestBulkQueryFails: a job that failed, answers that are not whole, a job that
// cannot be looked at, and whoever has seen enough: each ends in its error, and
// leaves no job behind.
func TestBulkQueryFails(t *testing.T) {
	const deleted = "DELETE /750A"
	ended := func(j *jobs, each func(map[string]string) error) (last string, err error) {
		t.Helper()
		_, end, err := j.ask(t.Context(), each)
		return end[len(end)-1], err
	}
	failed := &jobs{T: t, states: []string{"Failed"}}
	last, err := ended(failed, nil)
	var job *salesforce.JobError
	if !errors.As(err, &job) || job.JobID != "750A" || job.State != "Failed" || strings.Contains(err.Error(), "3312345") || last != deleted {
		t.Errorf("a job that failed: %v, %s", err, last)
	}
	for name, page := range map[string]string{
		"a row too short": "Id,Subject\n1\n", "an open quote": "Id\n\"1", "one row of two": "Id\n1\n",
	} {
		j := &jobs{T: t, states: []string{"JobComplete"}, pages: []string{page}, rows: "2"}
		last, err := ended(j, nil)
		if u := (*salesforce.Unanswered)(nil); !errors.As(err, &u) || last != deleted {
			t.Errorf("%s: %v, %s", name, err, last)
		}
	}
	enough := errors.New("enough")
	j := &jobs{T: t, states: []string{"JobComplete"}, pages: []string{"Id\n1\n2\n"}}
	if last, err := ended(j, func(map[string]string) error { return enough }); !errors.Is(err, enough) || last != deleted {
		t.Errorf("%v, %s", err, last)
	}
	down := &jobs{T: t, states: []string{"503"}}
	last, err = ended(down, nil)
	if e := refusal(t, err); e.Status != http.StatusServiceUnavailable || last != deleted || !strings.HasPrefix(down.requests[len(down.requests)-2], "PATCH /750A {\"state\":\"Aborted\"") {
		t.Errorf("%v, %q", err, down.requests)
	}
}

// TestBulkQueryGivenUp: who no longer waits for a job leaves none that runs.
func TestBulkQueryGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	j := &jobs{T: t, states: []string{"InProgress"}}
	waits := 0
	j.sleep = func(ctx context.Context, d time.Duration) error {
		if waits++; waits == 3 {
			cancel()
		}
		return moment(ctx, d)
	}
	if err := j.client().BulkQuery(ctx, "SELECT Id FROM Task", true, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := strings.Join(j.requests[len(j.requests)-2:], "; "); got != `PATCH /750A {"state":"Aborted"}; DELETE /750A` {
		t.Error(got)
	}
	if !strings.Contains(j.requests[0], `"operation":"queryAll"`) {
		t.Error(j.requests[0])
	}
}

// slow is a network on which a sign-in works and every other answer is body.
type slow struct {
	body func(ctx context.Context) io.Reader
}

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	body := io.Reader(strings.NewReader(`{"id":"750A","state":"JobComplete","access_token":"t","instance_url":"https://org.example"}`))
	if strings.HasSuffix(r.URL.Path, "/results") {
		body = s.body(r.Context())
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(body), Request: r}, nil
}

// stalled is a body of which nothing more comes.
type stalled struct{ context.Context }

func (s stalled) Read([]byte) (int, error) {
	<-s.Done()
	return 0, context.Cause(s)
}

// TestSlowRows: however long somebody takes over the rows, the answer waits. Of an
// answer that does not go on, nobody waits for more than the deadline.
func TestSlowRows(t *testing.T) {
	ask := func(t *testing.T, network slow) (rows int, took time.Duration, err error) {
		c, err := salesforce.New(salesforce.Options{
			LoginURL: "https://login.example", APIVersion: "64.0", Flow: salesforce.ClientCredentials{}, HTTPClient: &http.Client{Transport: network},
		})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err = c.BulkQuery(t.Context(), "SELECT Id FROM Task", false, func(map[string]string) error {
			time.Sleep(20 * time.Second) // virtual
			rows++
			return nil
		})
		return rows, time.Since(began), err
	}
	page := "Id,Subject\n" + strings.Repeat("1,"+strings.Repeat("x", 40<<10)+"\n", 10)
	synctest.Test(t, func(t *testing.T) {
		rows, _, err := ask(t, slow{func(context.Context) io.Reader { return iotest.HalfReader(strings.NewReader(page)) }})
		if err != nil || rows != 10 {
			t.Errorf("%d rows, %v", rows, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		rows, took, err := ask(t, slow{func(ctx context.Context) io.Reader { return io.MultiReader(strings.NewReader("Id\n1\n"), stalled{ctx}) }})
		if u := (*salesforce.Unanswered)(nil); !errors.As(err, &u) || !errors.Is(err, context.DeadlineExceeded) || rows != 1 || took > time.Minute {
			t.Errorf("%d rows in %s, %v", rows, took, err)
		}
	})
}
