package sfsim

import (
	"net/http"
	"strings"
	"testing"
)

// TestSeveralRecordsWithOneExternalID follows "sObject Rows by External ID" and
// "Status Codes and Error Responses" (REST API Developer Guide): where several
// records have the external id the answer is 300 with their addresses, and nothing
// is written. A collection answers per row (StatusCode DUPLICATE_EXTERNAL_ID).
func TestSeveralRecordsWithOneExternalID(t *testing.T) {
	g := newOrg(t, Options{})
	const path = "sobjects/Task/Aircall_Call_Id__c/Twice"
	first := g.must(http.StatusCreated, "PATCH", path, `{"Subject":"first"}`).body.Get("id").String()
	wantError(t, g.do("POST", "sobjects/Task", `{"Aircall_Call_Id__c":"twice"}`), http.StatusBadRequest, "DUPLICATE_VALUE")

	check(t, g.sim.NotUnique("Task", "Aircall_Call_Id__c"))
	field := g.must(http.StatusOK, "GET", "sobjects/Task/describe", "").body.Get(`fields.#(name=="Aircall_Call_Id__c")`)
	if field.Get("unique").Bool() || !field.Get("externalId").Bool() {
		t.Error(field.Raw)
	}
	g.must(http.StatusOK, "PATCH", path, `{"Subject":"still one"}`)
	second := g.must(http.StatusCreated, "POST", "sobjects/Task", `{"Aircall_Call_Id__c":"twice","Subject":"second"}`).body.Get("id").String()

	for _, r := range []reply{
		g.do("GET", path, ""), g.do("PATCH", path, `{"Subject":"x"}`), g.do("DELETE", path, ""), g.do("PATCH", path+"?updateOnly=true", `{"Subject":"x"}`),
	} {
		if want := `["/services/data/v64.0/sobjects/Task/` + first + `","/services/data/v64.0/sobjects/Task/` + second + `"]`; r.status != http.StatusMultipleChoices || r.body.Raw != want {
			t.Errorf("answered %d %s, want 300 %s", r.status, r.body.Raw, want)
		}
	}
	r := g.must(http.StatusOK, "PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", `{"records":[
		{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"TWICE","Subject":"x"},{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"once","Subject":"x"}]}`)
	row := r.body.Get("0.errors.0")
	if row.Get("statusCode").String() != "DUPLICATE_EXTERNAL_ID" || !strings.Contains(row.Get("message").String(), first) || !r.body.Get("1.success").Bool() {
		t.Error(r.body.Raw)
	}
	if n := g.query("SELECT Id FROM Task WHERE Aircall_Call_Id__c = 'twice'").body.Get("totalSize").Int(); n != 2 {
		t.Errorf("a query finds %d", n)
	}
	for _, record := range g.sim.Records("Task")[:2] {
		if s := record["Subject"]; s == "x" {
			t.Error("a record was written to")
		}
	}
	g.must(http.StatusNoContent, "DELETE", "sobjects/Task/"+second, "")
	if id := g.must(http.StatusOK, "PATCH", path, `{"Subject":"alone"}`).body.Get("id").String(); id != first {
		t.Errorf("%s was written to, want %s", id, first)
	}
}
