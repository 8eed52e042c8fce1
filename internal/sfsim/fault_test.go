package sfsim

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestRequestFaults(t *testing.T) {
	g := newOrg(t, Options{})
	tasks := func() int { return len(g.sim.Records("Task")) }

	g.sim.Fail(Fault{Operation: "create", Status: 503, Code: "SERVER_UNAVAILABLE", RetryAfter: 1500 * time.Millisecond})
	g.must(http.StatusOK, "GET", "limits", "") // another operation
	r := g.do("POST", "sobjects/Task", "{}")
	wantError(t, r, http.StatusServiceUnavailable, "SERVER_UNAVAILABLE")
	if r.header.Get("Retry-After") != "2" || tasks() != 0 {
		t.Errorf("Retry-After %q, %d tasks", r.header.Get("Retry-After"), tasks())
	}
	g.must(http.StatusCreated, "POST", "sobjects/Task", "{}")

	g.sim.Fail(Fault{Path: "/sobjects/Task", Method: "POST", Skip: 1, Times: 2, Status: 403, Code: "REQUEST_LIMIT_EXCEEDED"})
	g.must(http.StatusCreated, "POST", "sobjects/Task", "{}")
	wantError(t, g.do("POST", "sobjects/Task", "{}"), http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED")
	wantError(t, g.do("POST", "sobjects/Task", "{}"), http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED")
	g.must(http.StatusCreated, "POST", "sobjects/Task", "{}")

	before := tasks()
	g.sim.Fail(Fault{Operation: "create", Code: "UNKNOWN_EXCEPTION", AfterCommit: true})
	wantError(t, g.do("POST", "sobjects/Task", "{}"), http.StatusInternalServerError, "UNKNOWN_EXCEPTION")
	g.sim.Fail(Fault{Operation: "create", Cut: true, AfterCommit: true})
	if resp, err := g.try("POST", "sobjects/Task", "{}"); err == nil {
		t.Errorf("the connection was not cut: %d", resp.StatusCode)
	}
	if tasks() != before+2 {
		t.Errorf("%d tasks came of two requests whose answers were lost", tasks()-before)
	}
	g.sim.Fail(Fault{Operation: "create", Cut: true})
	if _, err := g.try("POST", "sobjects/Task", "{}"); err == nil || tasks() != before+2 {
		t.Errorf("cut before the work: error %v, %d tasks", err, tasks()-before)
	}

	g.sim.Fail(Fault{Operation: "token", Status: 400, Code: "x"})
	if r := g.post("/services/oauth2/token", nil); r.status != 400 {
		t.Error(r.status)
	}
}

// TestHeldRequest: a request can be made to commit after its client has given up.
func TestHeldRequest(t *testing.T) {
	g := newOrg(t, Options{})
	hold := make(chan struct{})
	g.sim.Fail(Fault{Operation: "create", Hold: hold})
	answered := make(chan int)
	go func() {
		resp, err := g.try("POST", "sobjects/Task", "{}")
		if err != nil {
			t.Error(err)
			close(answered)
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	g.must(http.StatusOK, "GET", "limits", "") // the org goes on working
	if n := len(g.sim.Records("Task")); n != 0 {
		t.Fatalf("%d tasks before the request went on", n)
	}
	close(hold)
	if status := <-answered; status != http.StatusCreated || len(g.sim.Records("Task")) != 1 {
		t.Errorf("answered %d with %d tasks", status, len(g.sim.Records("Task")))
	}
}

func TestRowFaults(t *testing.T) {
	g := newOrg(t, Options{})
	g.sim.Fail(Fault{ExternalIDs: []string{"1"}, Times: 2, Code: "UNABLE_TO_LOCK_ROW", Message: "unable to obtain exclusive access to this record"})
	send := func() reply {
		return g.must(http.StatusOK, "PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", killBody(0))
	}
	for range 2 {
		r := send()
		if r.body.Get("1.errors.0.statusCode").String() != "UNABLE_TO_LOCK_ROW" || !r.body.Get("0.success").Bool() || !r.body.Get("2.success").Bool() {
			t.Fatal(r.body.Raw)
		}
	}
	r := send()
	if !r.body.Get("1.created").Bool() {
		t.Fatal(r.body.Raw)
	}
	// An update by Id is met through the external id of the record, or its Id.
	id := r.body.Get("1.id").String()
	g.sim.Fail(Fault{ExternalIDs: []string{"1"}, Code: "UNABLE_TO_LOCK_ROW"})
	wantError(t, g.do("PATCH", "sobjects/Task/"+id, `{"Subject":"x"}`), http.StatusBadRequest, "UNABLE_TO_LOCK_ROW")
	g.sim.Fail(Fault{ExternalIDs: []string{id}, Code: "ENTITY_IS_LOCKED"})
	wantError(t, g.do("PATCH", "sobjects/Task/"+id, `{"Subject":"x"}`), http.StatusBadRequest, "ENTITY_IS_LOCKED")
	g.must(http.StatusNoContent, "PATCH", "sobjects/Task/"+id, `{"Subject":"x"}`)
}

// TestFaultsAtRandom: the same seed gives the same faults, in about the share that
// was asked for, and the log tells the seed.
func TestFaultsAtRandom(t *testing.T) {
	play := func(seed uint64) (statuses map[int]int, codes map[string]int, order, log string) {
		var text bytes.Buffer
		g := newOrg(t, Options{Seed: seed, Logger: slog.New(slog.NewTextHandler(&text, nil))})
		g.sim.Fail(EveryFault(0.05)...)
		statuses, codes = map[int]int{}, map[string]int{}
		for i := range 400 {
			resp, err := g.try("PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", killBody(10*i))
			if err != nil {
				statuses[0]++
				order += " cut"
				continue
			}
			r := g.read(resp, nil)
			statuses[r.status]++
			order += " " + r.body.Raw
			for _, row := range r.body.Array() {
				codes[row.Get("errors.0.statusCode").String()]++
			}
		}
		order = regexp.MustCompile(`00T\w+`).ReplaceAllString(order, "Id")
		return statuses, codes, order, text.String()
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	statuses, codes, order, log := play(seed)
	if _, _, again, _ := play(seed); again != order {
		t.Error("the same seed gave other faults")
	}
	// 5 % of 400 requests is 20, 5 % of 2,800 rows is 140.
	for status, want := range map[int]int{0: 37, 500: 37, 503: 17, 403: 17, 401: 17} {
		if n := statuses[status]; n < want/4 || n > 3*want {
			t.Errorf("%d requests answered %d, expected about %d", n, status, want)
		}
	}
	for _, code := range []string{"UNABLE_TO_LOCK_ROW", "UNKNOWN_EXCEPTION"} {
		if n := codes[code]; n < 50 || n > 300 {
			t.Errorf("%d rows answered %s, expected about 130", n, code)
		}
	}
	if !strings.Contains(log, fmt.Sprintf("seed=%d", seed)) {
		t.Errorf("the log does not tell the seed: %s", log)
	}
}

// TestHeal: what was arranged for does not come any more.
func TestHeal(t *testing.T) {
	g := newOrg(t, Options{})
	g.sim.Fail(Fault{Status: 503, Times: -1}, Fault{Rows: true, Code: "UNABLE_TO_LOCK_ROW", Share: 1})
	if r := g.do("POST", "sobjects/Task", "{}"); r.status != 503 {
		t.Error(r.status)
	}
	g.sim.Heal()
	g.must(http.StatusCreated, "POST", "sobjects/Task", "{}")
}

// TestRowThatSpoilsItsRequest: a row can have its whole request refused, and of a
// composite its part. Nothing of what is refused is written.
func TestRowThatSpoilsItsRequest(t *testing.T) {
	g := newOrg(t, Options{})
	g.sim.Fail(Fault{ExternalIDs: []string{"1"}, Whole: true, Times: -1, Code: "JSON_PARSER_ERROR"})
	const path = "composite/sobjects/Task/Aircall_Call_Id__c"
	wantError(t, g.do("PATCH", path, killBody(0)), http.StatusBadRequest, "JSON_PARSER_ERROR")
	if n := len(g.sim.Records("Task")); n != 0 {
		t.Fatalf("%d tasks of a request that was refused", n)
	}
	part := func(name string, from int) string {
		return fmt.Sprintf(`{"method":"PATCH","url":"/services/data/v64.0/%s","referenceId":%q,"body":%s}`, path, name, killBody(from))
	}
	r := g.must(http.StatusOK, "POST", "composite", `{"compositeRequest":[`+part("bad", 0)+`,`+part("good", 20)+`]}`)
	if r.body.Get("compositeResponse.0.httpStatusCode").Int() != http.StatusBadRequest || r.body.Get("compositeResponse.1.httpStatusCode").Int() != http.StatusOK {
		t.Error(r.body.Raw)
	}
	for _, task := range g.sim.Records("Task") {
		if task["Aircall_Call_Id__c"] == "0" {
			t.Error("a row of the refused part was written")
		}
	}
	g.sim.Heal()
	g.must(http.StatusOK, "PATCH", path, killBody(0))
}
