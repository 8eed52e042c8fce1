package sfsim

import (
	"encoding/csv"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

const upsertJob = `{"object":"Task","operation":"upsert","externalIdFieldName":"Aircall_Call_Id__c","contentType":"CSV","lineEnding":"LF"}`

// openJob creates a job and returns its path.
func (g *org) openJob(body string) string {
	g.t.Helper()
	return "jobs/ingest/" + g.must(http.StatusOK, "POST", "jobs/ingest", body).body.Get("id").String()
}

// upload sends the rows of a job.
func (g *org) upload(job, rows string) reply {
	g.t.Helper()
	before := maps.Clone(g.header)
	defer func() { g.header = before }()
	g.header.Set("Content-Type", "text/csv")
	return g.do("PUT", job+"/batches", rows)
}

// load runs a whole job and returns what became of it.
func (g *org) load(body, rows string) (job string, info gjson.Result) {
	g.t.Helper()
	job = g.openJob(body)
	if r := g.upload(job, rows); r.status != http.StatusCreated {
		g.t.Fatalf("uploading: %d %s", r.status, r.body.Raw)
	}
	g.must(http.StatusOK, "PATCH", job, `{"state":"UploadComplete"}`)
	return job, g.ended(job)
}

// ended waits until nothing is to be done about a job any more.
func (g *org) ended(job string) gjson.Result {
	g.t.Helper()
	return g.until(job, func(info gjson.Result) bool { return jobState(info.Get("state").String()).ended() })
}

// until waits until a job's information is as wanted.
func (g *org) until(job string, wanted func(gjson.Result) bool) gjson.Result {
	g.t.Helper()
	info := g.must(http.StatusOK, "GET", job, "").body
	for deadline := time.Now().Add(time.Minute); !wanted(info); info = g.must(http.StatusOK, "GET", job, "").body {
		if time.Now().After(deadline) {
			g.t.Fatalf("waited in vain for %s: %s", job, info.Raw)
		}
		time.Sleep(time.Millisecond) // polling
	}
	return info
}

func (g *org) untilProcessed(job string, rows int64) {
	g.t.Helper()
	g.until(job, func(info gjson.Result) bool { return info.Get("numberRecordsProcessed").Int() == rows })
}

// results reads one of a job's CSV results as records by column name.
func (g *org) results(job, which string) []map[string]string {
	g.t.Helper()
	resp, err := g.try("GET", job+"/"+which, "")
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/csv" {
		g.t.Fatalf("%s: %d %s", which, resp.StatusCode, got)
	}
	rows, err := csv.NewReader(resp.Body).ReadAll()
	if err != nil {
		g.t.Fatal(err)
	}
	var out []map[string]string
	for _, cells := range rows[min(1, len(rows)):] {
		record := map[string]string{}
		for i, cell := range cells {
			record[rows[0][i]] = cell
		}
		out = append(out, record)
	}
	return out
}

// TestBulkUpsert: the rows go through the same rules as those of collections, and
// what became of each is told.
func TestBulkUpsert(t *testing.T) {
	g := newOrg(t, Options{})
	g.must(http.StatusCreated, "PATCH", "sobjects/Task/Aircall_Call_Id__c/old", `{"Subject":"before","Description":"stays","CallType":"Inbound"}`)
	job, info := g.load(upsertJob, "Aircall_Call_Id__c,Subject,Description,CallType,CallDurationInSeconds,aircall__Has_connected__c\n"+
		"old,after,,#N/A,25,TRUE\n"+
		"new,\"says \"\"hello\"\",\r\ntwice\",x,Outbound,,false\n"+
		"bad,x,,Sideways,,\n"+
		"Twin,x,,,,\ntwin,x,,,,\n"+
		"text,x,,,many,\n"+
		",nobody,,,,\n")
	want := `{"state":"JobComplete","numberRecordsProcessed":7,"numberRecordsFailed":5,"jobType":"V2Ingest","object":"Task","externalIdFieldName":"Aircall_Call_Id__c"}`
	if err := contains("info", info, gjson.Parse(want)); err != nil {
		t.Error(err, info.Raw)
	}
	done := g.results(job, "successfulResults")
	if len(done) != 2 || done[0]["sf__Created"] != "false" || done[1]["sf__Created"] != "true" || done[1]["Subject"] != "says \"hello\",\ntwice" {
		t.Errorf("successfulResults: %q", done)
	}
	var codes []string
	for _, f := range g.results(job, "failedResults") {
		codes = append(codes, f["Aircall_Call_Id__c"]+"="+f["sf__Error"])
		if f["sf__Id"] != "" {
			t.Errorf("a row that was not created has an Id: %q", f)
		}
	}
	for i, part := range []string{
		"bad=INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Call Type: bad value for restricted picklist field: Sideways:CallType --",
		"Twin=DUPLICATE_VALUE:", "twin=DUPLICATE_VALUE:", "text=INVALID_TYPE_ON_FIELD_IN_RECORD:", "=MISSING_ARGUMENT:",
	} {
		if i >= len(codes) || !strings.HasPrefix(codes[i], part) {
			t.Errorf("failed row %d of %q is not %q", i, codes, part)
		}
	}
	if left := g.results(job, "unprocessedrecords"); len(left) != 0 {
		t.Errorf("unprocessed: %q", left)
	}
	r := g.must(http.StatusOK, "GET", "sobjects/Task/Aircall_Call_Id__c/old", "")
	if err := contains("task", r.body, gjson.Parse(`{"Subject":"after","Description":"stays","CallType":null,"CallDurationInSeconds":25,"aircall__Has_connected__c":true}`)); err != nil {
		t.Error(err)
	}
}

// TestBulkOperations: insert, update and delete; CRLF and another delimiter.
func TestBulkOperations(t *testing.T) {
	g := newOrg(t, Options{})
	job, _ := g.load(`{"object":"Contact","operation":"insert","columnDelimiter":"SEMICOLON","lineEnding":"CRLF"}`, "LastName;Phone\r\nA;1\r\nB;2")
	resp, err := g.try("GET", job+"/successfulResults", "")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := csv.NewReader(resp.Body)
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatal(rows, err)
	}
	a, b := rows[1][0], rows[2][0]
	_, info := g.load(`{"object":"Contact","operation":"update"}`, "Id,Phone\n"+a+",3\n"+b+",#N/A\n001000000000001AAA,4\n")
	if info.Get("numberRecordsFailed").Int() != 1 {
		t.Error(info.Raw)
	}
	if got := g.query("SELECT Phone FROM Contact WHERE Id IN ('" + a + "','" + b + "') ORDER BY LastName").body.Get("records.#.Phone").Raw; got != `["3",null]` {
		t.Error(got)
	}
	_, info = g.load(`{"object":"Contact","operation":"delete"}`, "Id\n"+a+"\n"+a+"\n"+b+"\n")
	if info.Get("numberRecordsFailed").Int() != 2 {
		t.Errorf("an Id that comes twice is refused in both rows: %s", info.Raw)
	}
	if n := g.query("SELECT COUNT() FROM Contact WHERE Id = '" + b + "'").body.Get("totalSize").Int(); n != 0 {
		t.Error("the contact is still there")
	}
}

// TestBulkBadJobs: what is wrong with a job is refused at once; what is wrong with its data fails it.
func TestBulkBadJobs(t *testing.T) {
	g := newOrg(t, Options{})
	for body, code := range map[string]string{
		`{"object":"Task","operation":"upsert"}`:                                 "INVALIDJOB",
		`{"object":"Task","operation":"upsert","externalIdFieldName":"Subject"}`: "INVALIDJOB",
		`{"object":"Nothing","operation":"insert"}`:                              "INVALIDENTITY",
		`{"object":"Task","operation":"merge"}`:                                  "INVALIDJOB",
		`{"object":"Task","operation":"hardDelete"}`:                             "FEATURENOTENABLED",
		`{"object":"Task","operation":"insert","contentType":"JSON"}`:            "INVALIDJOB",
		`{"object":"Task","operation":"insert","lineEnding":"CR"}`:               "INVALIDJOB",
		`{"object":"Task","operation":"insert","columnDelimiter":"DOT"}`:         "INVALIDJOB",
		`{"object":"Task","operation":"insert","colour":"red"}`:                  "JSON_PARSER_ERROR",
	} {
		wantError(t, g.do("POST", "jobs/ingest", body), http.StatusBadRequest, code)
	}
	const insert = `{"object":"Task","operation":"insert"}`
	for _, bad := range []struct{ job, rows, message string }{
		{insert, "Subject\r\nx\r\n", "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF"},
		{insert, "Subject,Shoe_Size__c\nx,43\n", "InvalidBatch : Field name not found : Shoe_Size__c"},
		{insert, "Subject,subject\nx,y\n", "InvalidBatch : Field name repeated : subject"},
		{insert, "Id,Subject\n,y\n", "InvalidBatch : Field name not found : Id"},
		{insert, "Subject,Status\nx\n", "InvalidBatch : Row 2 has 1 columns and the header 2"},
		{insert, "Subject\n\"x\n", "ClientInputError : a quote that is not closed in row 2"},
		{insert, "Subject\n\xff\n", "ClientInputError : The data is not UTF-8"},
		{upsertJob, "Subject\nx\n", "InvalidBatch : Field name not found : Aircall_Call_Id__c"},
		{`{"object":"Task","operation":"update"}`, "Subject\nx\n", "InvalidBatch : Field name not found : Id"},
		{`{"object":"Task","operation":"delete"}`, "Id,Subject\nx,y\n", "InvalidBatch : The 'delete' batch must contain only ids"},
	} {
		job, info := g.load(bad.job, bad.rows)
		if info.Get("state").String() != "Failed" || info.Get("errorMessage").String() != bad.message {
			t.Errorf("%q: %s", bad.rows, info.Raw)
		}
		if n := len(g.results(job, "successfulResults")); n != 0 {
			t.Errorf("%q: %d rows were written", bad.rows, n)
		}
	}
	empty := g.openJob(insert)
	g.must(http.StatusOK, "PATCH", empty, `{"state":"UploadComplete"}`)
	if info := g.ended(empty); info.Get("state").String() != "Failed" {
		t.Errorf("a job without data: %s", info.Raw)
	}
}

// TestBulkStates: what each state allows.
func TestBulkStates(t *testing.T) {
	g := newOrg(t, Options{})
	gate := make(chan struct{})
	g.sim.Fail(Fault{Operation: "bulk_chunk", Hold: gate, Skip: 1})
	var rows strings.Builder
	rows.WriteString("Aircall_Call_Id__c\n")
	for i := range 450 {
		fmt.Fprintf(&rows, "k%d\n", i)
	}
	job := g.openJob(upsertJob)
	wantError(t, g.do("GET", job+"/successfulResults", ""), http.StatusBadRequest, "INVALIDJOBSTATE")
	wantError(t, g.do("DELETE", job, ""), http.StatusBadRequest, "INVALIDJOBSTATE")
	wantError(t, g.do("PUT", job+"/batches", "{}"), http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE")
	if r := g.upload(job, rows.String()); r.status != http.StatusCreated {
		t.Fatal(r.status, r.body.Raw)
	}
	wantError(t, g.upload(job, rows.String()), http.StatusConflict, "INVALIDJOBSTATE")
	wantError(t, g.do("PATCH", job, `{"state":"JobComplete"}`), http.StatusBadRequest, "INVALIDJOB")
	g.must(http.StatusOK, "PATCH", job, `{"state":"UploadComplete"}`)
	wantError(t, g.do("PATCH", job, `{"state":"UploadComplete"}`), http.StatusBadRequest, "INVALIDJOBSTATE")

	// The last chunk is done first; the second one waits for the gate.
	g.untilProcessed(job, 50)
	if n := g.query("SELECT COUNT() FROM Task WHERE Aircall_Call_Id__c IN ('k449','k0')").body.Get("totalSize").Int(); n != 1 {
		t.Errorf("%d of the first and the last row are written", n)
	}
	wantError(t, g.do("DELETE", job, ""), http.StatusBadRequest, "INVALIDJOBSTATE")
	g.must(http.StatusOK, "PATCH", job, `{"state":"Aborted"}`)
	close(gate)
	if info := g.ended(job); info.Get("state").String() != "Aborted" {
		t.Error(info.Raw)
	}
	// What had begun is still done, the rest never.
	g.untilProcessed(job, 250)
	if done, left := g.results(job, "successfulResults"), g.results(job, "unprocessedrecords"); len(done) != 250 || len(left) != 200 {
		t.Errorf("%d done, %d left", len(done), len(left))
	}
	if list := g.must(http.StatusOK, "GET", "jobs/ingest", "").body; list.Get("records.0.id").String() != strings.TrimPrefix(job, "jobs/ingest/") || !list.Get("done").Bool() {
		t.Error(list.Raw)
	}
	g.must(http.StatusNoContent, "DELETE", job, "")
	wantError(t, g.do("GET", job, ""), http.StatusNotFound, "NOT_FOUND")
}

// TestBulkFails: a job that Salesforce gives up keeps what it has written, and says what it has not looked at.
func TestBulkFails(t *testing.T) {
	g := newOrg(t, Options{})
	g.sim.Fail(
		Fault{Operation: "bulk_chunk", Skip: 1, Code: "InternalServerError", Message: "Internal error", AfterCommit: true},
		Fault{ExternalIDs: []string{"k7"}, Code: "UNABLE_TO_LOCK_ROW"})
	var rows strings.Builder
	rows.WriteString("Aircall_Call_Id__c\n")
	for i := range 600 {
		fmt.Fprintf(&rows, "k%d\n", i)
	}
	job, info := g.load(upsertJob, rows.String())
	if info.Get("state").String() != "Failed" || info.Get("errorMessage").String() != "InternalServerError : Internal error" || info.Get("numberRecordsProcessed").Int() != 400 {
		t.Error(info.Raw)
	}
	if left := g.results(job, "unprocessedrecords"); len(left) != 200 || left[7]["Aircall_Call_Id__c"] != "k7" {
		t.Errorf("%d rows left", len(left))
	}
	if n := len(g.sim.Records("Task")); n != 400 {
		t.Errorf("%d tasks", n)
	}
	_, info = g.load(upsertJob, "Aircall_Call_Id__c\nk7\nk8\n")
	if info.Get("state").String() != "JobComplete" || info.Get("numberRecordsFailed").Int() != 1 {
		t.Error(info.Raw)
	}
}

// TestBulkKept: jobs are kept for seven days.
func TestBulkKept(t *testing.T) {
	g := newOrg(t, Options{SessionLife: 30 * 24 * time.Hour})
	job := g.openJob(upsertJob)
	g.now = g.now.Add(7 * 24 * time.Hour)
	g.must(http.StatusOK, "GET", job, "")
	g.now = g.now.Add(time.Second)
	wantError(t, g.do("GET", job, ""), http.StatusNotFound, "NOT_FOUND")
}

// TestBulkQuery: results in pages, each with its header.
func TestBulkQuery(t *testing.T) {
	g := newOrg(t, Options{})
	g.must(http.StatusOK, "PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", upsertBody(0, 5))
	body := `{"operation":"query","query":"SELECT Aircall_Call_Id__c, Who.Name, CallDurationInSeconds, WhatId, CreatedDate, CompletedDateTime FROM Task ORDER BY Aircall_Call_Id__c"}`
	created := g.must(http.StatusOK, "POST", "jobs/query", body)
	job := "jobs/query/" + created.body.Get("id").String()
	info := g.ended(job)
	if err := contains("info", info, gjson.Parse(`{"state":"JobComplete","jobType":"V2Query","numberRecordsProcessed":5,"object":"Task"}`)); err != nil {
		t.Error(err)
	}
	var keys []string
	for path := job + "/results?maxRecords=2"; ; {
		resp, err := g.try("GET", path, "")
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(resp.Body).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if strings.Join(rows[0][:3], ",") != "Aircall_Call_Id__c,Who.Name,CallDurationInSeconds" || rows[1][1] != "Marie Curie" || rows[1][4] != "2026-03-15T12:00:00.000Z" {
			t.Fatalf("%q", rows)
		}
		if resp.Header.Get("Sforce-NumberOfRecords") != fmt.Sprint(len(rows)-1) || len(rows)-1 > 2 {
			t.Error(resp.Header)
		}
		for _, r := range rows[1:] {
			keys = append(keys, r[0])
		}
		locator := resp.Header.Get("Sforce-Locator")
		if locator == "null" {
			break
		}
		path = job + "/results?maxRecords=2&locator=" + locator
	}
	if strings.Join(keys, ",") != "0,1,2,3,4" {
		t.Error(keys)
	}
	wantError(t, g.do("GET", job+"/results?locator=x", ""), http.StatusBadRequest, "INVALIDQUERYLOCATOR")
	wantError(t, g.do("POST", "jobs/query", `{"operation":"query","query":"SELECT Nothing FROM Task"}`), http.StatusBadRequest, "INVALID_FIELD")
	wantError(t, g.do("POST", "jobs/query", `{"operation":"query","query":"SELECT COUNT() FROM Task"}`), http.StatusBadRequest, "INVALIDJOB")
	g.must(http.StatusNoContent, "DELETE", job, "")
}

// TestBulkOrder: what comes last in the file is not what is written last.
func TestBulkOrder(t *testing.T) {
	g := newOrg(t, Options{})
	var rows strings.Builder
	rows.WriteString("Aircall_Call_Id__c,Subject\nk,older\n")
	for i := range 250 {
		fmt.Fprintf(&rows, "k%d,x\n", i)
	}
	rows.WriteString("k,newer\n")
	_, info := g.load(upsertJob, rows.String())
	if info.Get("numberRecordsFailed").Int() != 0 {
		t.Error(info.Raw)
	}
	if got := g.must(http.StatusOK, "GET", "sobjects/Task/Aircall_Call_Id__c/k", "").body.Get("Subject").String(); got != "older" {
		t.Errorf("the subject is %q", got)
	}
}

// TestBulkLocks: a job's rows are locked for the time that they take.
func TestBulkLocks(t *testing.T) {
	g := newOrg(t, Options{})
	gate := make(chan struct{})
	id := g.must(http.StatusCreated, "POST", "sobjects/Task", `{"Aircall_Call_Id__c":"k","Subject":"before"}`).body.Get("id").String()
	g.sim.Fail(Fault{Operation: "bulk_chunk", HoldLocks: gate})
	job := g.openJob(upsertJob)
	g.upload(job, "Aircall_Call_Id__c,Subject\nk,after\n")
	g.must(http.StatusOK, "PATCH", job, `{"state":"UploadComplete"}`)
	for deadline := time.Now().Add(time.Minute); ; {
		r := g.do("PATCH", "sobjects/Task/"+id, `{"Priority":"High"}`)
		if r.body.Get("0.errorCode").String() == "UNABLE_TO_LOCK_ROW" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the job locks nothing")
		}
		time.Sleep(time.Millisecond) // polling
	}
	if got := g.must(http.StatusOK, "GET", "sobjects/Task/"+id, "").body.Get("Subject").String(); got != "before" {
		t.Errorf("the job's work is seen too early: %q", got)
	}
	close(gate)
	g.ended(job)
	if got := g.must(http.StatusOK, "GET", "sobjects/Task/"+id, "").body.Get("Subject").String(); got != "after" {
		t.Errorf("the subject is %q", got)
	}
}
