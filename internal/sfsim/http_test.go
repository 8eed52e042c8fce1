package sfsim

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestVersions follows "Versions": no session, no API request counted.
func TestVersions(t *testing.T) {
	g := newOrg(t, Options{})
	g.token = ""
	list := g.must(http.StatusOK, "GET", "/services/data/", "").body.Array()
	for version, label := range map[string]string{"50.0": "Winter '21", "53.0": "Winter '22", "64.0": "Summer '25", "67.0": "Summer '26"} {
		found := false
		for _, v := range list {
			found = found || v.Get("version").String() == version && v.Get("label").String() == label && v.Get("url").String() == "/services/data/v"+version
		}
		if !found {
			t.Errorf("no version %s (%s) in %v", version, label, list)
		}
	}
	g.signIn()
	for path, status := range map[string]int{
		"/services/data/v50.0/limits": 200, "/services/data/v67.0/limits": 200, "/services/data/v49.0/limits": 404,
		"/services/data/v68.0/limits": 404, "/services/data/v64/limits": 404, "/services/data/64.0/limits": 404, "/elsewhere": 404,
	} {
		if r := g.do("GET", path, ""); r.status != status {
			t.Errorf("%s: %d, want %d", path, r.status, status)
		}
	}
}

// TestDailyLimit follows "API Request Limits and Allocations" and "Limit Info Header".
func TestDailyLimit(t *testing.T) {
	g := newOrg(t, Options{DailyLimit: 3, SessionLife: 48 * time.Hour})
	for i := range 3 {
		r := g.must(http.StatusOK, "GET", "sobjects/Contact/003000000000001AAA", "")
		if got, want := r.header.Get("Sforce-Limit-Info"), fmt.Sprintf("api-usage=%d/3", i+1); got != want {
			t.Errorf("Sforce-Limit-Info: %q, want %q", got, want)
		}
		g.now = g.now.Add(time.Hour)
	}
	r := g.do("GET", "limits", "")
	wantError(t, r, http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED")
	if got := r.header.Get("Sforce-Limit-Info"); got != "api-usage=3/3" {
		t.Errorf("Sforce-Limit-Info: %q", got)
	}
	g.must(http.StatusOK, "GET", "/services/data/", "")
	g.now = testTime.Add(24 * time.Hour) // the first request leaves the window
	g.must(http.StatusOK, "GET", "limits", "")
	wantError(t, g.do("GET", "limits", ""), http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED")
}

func TestTransport(t *testing.T) {
	g := newOrg(t, Options{})
	if r := g.do("GET", "query?q="+strings.Repeat("a", maxURI), ""); r.status != http.StatusRequestURITooLong {
		t.Errorf("a URI over 16 kB: %d", r.status)
	}
	g.header.Set("Content-Type", "text/plain")
	wantError(t, g.do("POST", "sobjects/Task", "{}"), http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE")
	g.header.Set("Content-Type", "application/json; charset=UTF-8")
	g.must(http.StatusCreated, "POST", "sobjects/Task", "{}")

	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write([]byte(`{"Subject":"zipped"}`)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	g.header.Set("Content-Encoding", "gzip")
	g.must(http.StatusCreated, "POST", "sobjects/Task", zipped.String())
	wantError(t, g.do("POST", "sobjects/Task", "{}"), http.StatusBadRequest, "JSON_PARSER_ERROR")
	g.header = http.Header{"Authorization": {"Basic ZGV2OmRldg=="}}
	wantError(t, g.do("GET", "limits", ""), http.StatusUnauthorized, "INVALID_SESSION_ID")
}

// TestCollectionSize follows "sObject Collections": at most 200 records.
func TestCollectionSize(t *testing.T) {
	g := newOrg(t, Options{})
	body := func(n int) string { return upsertBody(0, n) }
	if got := len(g.must(http.StatusOK, "PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", body(200)).body.Array()); got != 200 {
		t.Errorf("%d results for 200 records", got)
	}
	wantError(t, g.do("PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", body(201)), http.StatusBadRequest, "EXCEEDED_ID_LIMIT")
	ids := strings.Repeat("003000000000001AAA,", 201)
	wantError(t, g.do("DELETE", "composite/sobjects?ids="+strings.TrimSuffix(ids, ","), ""), http.StatusBadRequest, "EXCEEDED_ID_LIMIT")
}

// upsertBody is a collections upsert of n Tasks as a call becomes one, with keys from first on.
func upsertBody(first, n int) string {
	var b strings.Builder
	b.WriteString(`{"allOrNone":false,"records":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"%d","Type":"Call","TaskSubtype":"Call",`+
			`"Subject":"Inbound call from Marie Curie on Support","CallDisposition":"['vip', 'aircall', 'inbound', 'answered_call', '33123456789']",`+
			`"CallType":"Inbound","ActivityDate":"2026-03-15","CallDurationInSeconds":%d,"Status":"Completed",`+
			`"Description":"Find recording here : https://assets.aircall.io/calls/%d/recording\n\nAda Agent added a new comment :\nWants to be called back.",`+
			`"WhoId":"003000000000001AAA","WhatId":"001000000000001AAA","OwnerId":"005000000000002AAA",`+
			`"aircall__Waiting_Time__c":7,"aircall__Answered_by__c":"Ada Agent","aircall__Phone_number__c":"33123456789",`+
			`"aircall__Country__c":"France","aircall__Call_Recording__c":"https://assets.aircall.io/calls/%d/recording",`+
			`"aircall__Timezone__c":"Europe/Paris","aircall__Hour_of_the_day__c":"10:31","aircall__Connection_status__c":"connected","aircall__Has_connected__c":true}`,
			first+i, i, first+i, first+i)
	}
	b.WriteString(`]}`)
	return b.String()
}

// TestCompositeLimits follows "Composite": 25 subrequests, five of them heavy.
func TestCompositeLimits(t *testing.T) {
	g := newOrg(t, Options{})
	body := func(n int, url string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(`{"method":"GET","url":"/services/data/v64.0/%s","referenceId":"r%d"}`, url, i)
		}
		return `{"compositeRequest":[` + strings.Join(parts, ",") + `]}`
	}
	g.must(http.StatusOK, "POST", "composite", body(25, "limits"))
	wantError(t, g.do("POST", "composite", body(26, "limits")), http.StatusBadRequest, "LIMIT_EXCEEDED")
	g.must(http.StatusOK, "POST", "composite", body(5, "query?q=SELECT+Id+FROM+Contact"))
	wantError(t, g.do("POST", "composite", body(6, "query?q=SELECT+Id+FROM+Contact")), http.StatusBadRequest, "LIMIT_EXCEEDED")

	// One API request, whatever is in it.
	before := g.must(http.StatusOK, "GET", "limits", "").body.Get("DailyApiRequests.Remaining").Int()
	g.must(http.StatusOK, "POST", "composite", body(25, "limits"))
	if after := g.must(http.StatusOK, "GET", "limits", "").body.Get("DailyApiRequests.Remaining").Int(); before-after != 2 {
		t.Errorf("a composite request counted as %d", before-after-1)
	}
}

// TestPages follows "Query" and "Query Options Header": batches of 2,000, or of
// batchSize but at least 200; every page keeps what the query saw.
func TestPages(t *testing.T) {
	g := newOrg(t, Options{})
	for i := range 11 {
		g.must(http.StatusOK, "PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", upsertBody(200*i, 200))
	}
	first := g.query("SELECT Id FROM Task ORDER BY Aircall_Call_Id__c")
	if n := len(first.body.Get("records").Array()); n != 2000 || first.body.Get("done").Bool() || first.body.Get("totalSize").Int() != 2200 {
		t.Fatalf("first page: %d rows, %s", n, first.body.Get("nextRecordsUrl"))
	}
	gone := g.must(http.StatusOK, "GET", first.body.Get("nextRecordsUrl").String(), "").body.Get("records.0.Id").String()
	g.must(http.StatusNoContent, "DELETE", "sobjects/Task/"+gone, "")
	second := g.must(http.StatusOK, "GET", first.body.Get("nextRecordsUrl").String(), "")
	if n := len(second.body.Get("records").Array()); n != 200 || !second.body.Get("done").Bool() || second.body.Get("nextRecordsUrl").Exists() {
		t.Errorf("second page: %d rows", n)
	}
	g.header.Set("Sforce-Query-Options", "batchSize=1")
	if n := len(g.query("SELECT Id FROM Task").body.Get("records").Array()); n != 200 {
		t.Errorf("batchSize=1 gave %d rows, want the minimum of 200", n)
	}
	g.header.Set("Sforce-Query-Options", "batchSize=500")
	seen := map[string]bool{}
	for page := g.query("SELECT Id FROM Task"); ; page = g.do("GET", page.body.Get("nextRecordsUrl").String(), "") {
		for _, r := range page.body.Get("records").Array() {
			seen[r.Get("Id").String()] = true
		}
		if page.body.Get("done").Bool() {
			break
		}
	}
	if len(seen) != 2199 {
		t.Errorf("paging saw %d different rows, want 2199", len(seen))
	}
}

// TestArchive follows "Archived Activities" (Salesforce Help): closed tasks older
// than a year are seen by queryAll only, and can still be updated by Id.
func TestArchive(t *testing.T) {
	g := newOrg(t, Options{})
	id := g.must(http.StatusCreated, "POST", "sobjects/Task", `{"Status":"Completed","ActivityDate":"2025-03-01"}`).body.Get("id").String()
	count := func(resource, from string) int64 {
		return g.must(http.StatusOK, "GET", resource+"?q="+url.QueryEscape("SELECT COUNT() FROM "+from), "").body.Get("totalSize").Int()
	}
	if n := count("query", "Task"); n != 1 {
		t.Errorf("before the nightly job: %d", n)
	}
	g.now = g.now.Add(25 * time.Hour)
	g.signIn()
	if n := count("query", "Task WHERE Id='"+id+"'"); n != 0 {
		t.Errorf("query still sees the archived task: %d", n)
	}
	if n := count("queryAll", "Task"); n != 1 {
		t.Errorf("queryAll: %d", n)
	}
	if n := count("query", "Task ALL ROWS"); n != 1 {
		t.Errorf("ALL ROWS: %d", n)
	}
	g.must(http.StatusNoContent, "PATCH", "sobjects/Task/"+id, `{"Subject":"late"}`)
}

// TestDescribe follows "DescribeSObjectResult".
func TestDescribe(t *testing.T) {
	g := newOrg(t, Options{})
	fields := g.must(http.StatusOK, "GET", "sobjects/Task/describe", "").body.Get("fields")
	for name, want := range map[string]string{
		"TaskSubtype":              `{"createable":true,"updateable":false,"type":"picklist","restrictedPicklist":true}`,
		"Aircall_Call_Id__c":       `{"type":"string","length":80,"unique":true,"externalId":true,"idLookup":true,"caseSensitive":false,"custom":true}`,
		"Description":              `{"type":"textarea","length":32000,"filterable":false,"sortable":false}`,
		"WhoId":                    `{"type":"reference","referenceTo":["Contact","Lead"],"relationshipName":"Who","polymorphicForeignKey":true}`,
		"IsClosed":                 `{"createable":false,"updateable":false,"type":"boolean","nillable":false}`,
		"Status":                   `{"nillable":false,"defaultedOnCreate":true}`,
		"Subject":                  `{"type":"combobox","length":255,"nillable":true,"defaultValue":null}`,
		"Id":                       `{"type":"id","length":18,"createable":false,"nillable":false}`,
		"LastModifiedById":         `{"referenceTo":["User"],"createable":false,"nillable":false}`,
		"aircall__Waiting_Time__c": `{"type":"double","precision":18,"scale":0,"digits":0}`,
		"CallDurationInSeconds":    `{"type":"int","digits":9}`,
	} {
		if err := compare(reply{body: fields.Get(`#(name=="` + name + `")`)}, "0", want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := g.sim.Hide("Task", "Type"); err != nil {
		t.Fatal(err)
	}
	if g.must(http.StatusOK, "GET", "sobjects/Task/describe", "").body.Get(`fields.#(name=="Type")`).Exists() {
		t.Error("describe shows a hidden field")
	}
	r := g.do("POST", "sobjects/Task", `{"Type":"Call"}`)
	wantError(t, r, http.StatusBadRequest, "INVALID_FIELD")
	if got := r.body.Get("0.message").String(); got != "No such column 'Type' on sobject of type Task" {
		t.Error(got)
	}
	wantError(t, g.query("SELECT Type FROM Task"), http.StatusBadRequest, "INVALID_FIELD")
}

// TestConcurrentUpserts: whatever is sent at once, one key is one record.
func TestConcurrentUpserts(t *testing.T) {
	g := newOrg(t, Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				resp, err := g.try("PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", killBody(0))
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp, err = g.try("GET", "query?q=SELECT+Id,Who.Name+FROM+Task", ""); err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
			}
		})
	}
	wg.Wait()
	if n := len(g.sim.Records("Task")); n != 10 {
		t.Errorf("%d tasks of 10 keys", n)
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	g := newOrg(t, Options{Registerer: registry})
	g.do("GET", "sobjects/Contact/nonsense", "")
	g.do("GET", "nothing/here", "")
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]float64{}
	for _, m := range families[0].Metric {
		have[m.Label[0].GetValue()+" "+m.Label[1].GetValue()] = m.Counter.GetValue()
	}
	for _, want := range []string{"token 200", "retrieve 404", "other 404"} {
		if have[want] != 1 {
			t.Errorf("%s counted %v times, of %v", want, have[want], have)
		}
	}
	if families[0].GetName() != "callfold_simulator_requests_total" {
		t.Error(families[0].GetName())
	}
}
