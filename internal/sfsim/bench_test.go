package sfsim

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// BenchmarkUpsert200 upserts 200 Tasks in one collections request, half of them
// new, into an org that already has many: in memory and on disk.
func BenchmarkUpsert200(b *testing.B) {
	for _, where := range []string{"memory", "disk"} {
		for _, size := range []int{0, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", where, size), func(b *testing.B) {
				o := Options{DailyLimit: 1 << 40}
				if where == "disk" {
					o.Dir = b.TempDir()
				}
				c := newBenchClient(b, o)
				for n := 0; n < size; n += 200 {
					c.do("PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", benchBody(n))
				}
				b.ReportAllocs()
				next := size
				for b.Loop() {
					c.do("PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", benchBody(next-100))
					next += 100
				}
				b.ReportMetric(200*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

// BenchmarkPhoneLookUp asks for the contacts of 20 telephone numbers in five
// fields, among ten thousand.
func BenchmarkPhoneLookUp(b *testing.B) {
	c := newBenchClient(b, Options{DailyLimit: 1 << 40})
	for n := 0; n < 10_000; n += 200 {
		records := make([]string, 200)
		for i := range records {
			records[i] = fmt.Sprintf(`{"attributes":{"type":"Contact"},"LastName":"L%d","Phone":"+331%08d","MobilePhone":"06 %d"}`, n+i, n+i, n+i)
		}
		c.do("POST", "composite/sobjects", `{"records":[`+strings.Join(records, ",")+`]}`)
	}
	var numbers []string
	for i := range 20 {
		numbers = append(numbers, fmt.Sprintf("'+331%08d'", 500*i))
	}
	in := "(" + strings.Join(numbers, ",") + ")"
	q := "SELECT Id, Name, Phone, OwnerId, Owner.IsActive, LastModifiedDate FROM Contact WHERE Phone IN " + in
	for _, f := range []string{"MobilePhone", "HomePhone", "OtherPhone", "AssistantPhone"} {
		q += " OR " + f + " IN " + in
	}
	path := "query?q=" + url.QueryEscape(q)
	b.ReportAllocs()
	for b.Loop() {
		if body := c.do("GET", path, ""); !strings.HasPrefix(body, `{"totalSize":20,`) {
			b.Fatal(body)
		}
	}
}

// benchClient calls the handler without a network.
type benchClient struct {
	b     *testing.B
	sim   *Server
	token string
}

func newBenchClient(b *testing.B, o Options) *benchClient {
	sim, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { sim.Close() })
	return &benchClient{b, sim, sim.sessions.open(sim.runAs, sim.now().Add(sim.options.SessionLife), 0)}
}

func (c *benchClient) do(method, path, body string) string {
	req := httptest.NewRequest(method, "/services/data/v64.0/"+path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	c.sim.ServeHTTP(w, req)
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"success":false`) {
		c.b.Fatal(w.Code, w.Body)
	}
	return w.Body.String()
}

// benchBody is upsertBody for an org without records to refer to.
func benchBody(first int) string {
	return strings.NewReplacer(
		`"WhoId":"003000000000001AAA","WhatId":"001000000000001AAA","OwnerId":"005000000000002AAA",`, "",
		`"TaskSubtype":"Call",`, "",
	).Replace(upsertBody(max(0, first), 200))
}
