package salesforce_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
)

// TestCollections: several in one request count once, and each is answered by itself.
func TestCollections(t *testing.T) {
	sim, err := sfsim.New(sfsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	defer server.Close()
	c, err := salesforce.New(salesforce.Options{LoginURL: server.URL, APIVersion: "64.0", Flow: salesforce.ClientCredentials{ClientID: "dev", ClientSecret: "dev"}})
	if err != nil {
		t.Fatal(err)
	}
	tasks := func(keys ...string) salesforce.Collection {
		part := salesforce.Collection{Object: "Task", ExternalID: "Aircall_Call_Id__c"}
		for _, k := range keys {
			part.Rows = append(part.Rows, salesforce.Record{"Aircall_Call_Id__c": k, "Subject": "Call"})
		}
		return part
	}
	results, err := c.Collections(t.Context(), []salesforce.Collection{tasks("1", "2"), tasks("3", "3")})
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 2 || !results[0].Rows[0].Success || !results[0].Rows[1].Created || results[1].Rows[0].Success || results[1].Rows[1].Errors[0].StatusCode != "DUPLICATE_VALUE" {
		t.Errorf("results: %+v", results)
	}
	if n := c.Sent(); n != 1 {
		t.Errorf("%d requests were counted", n)
	}

	sim.Fail(sfsim.Fault{Operation: "collections_update", Status: http.StatusBadRequest, Code: "INVALID_FIELD"})
	update := salesforce.Collection{Object: "Task", Rows: []salesforce.Record{{"id": results[0].Rows[0].ID, "Subject": "Changed"}}}
	results, err = c.Collections(t.Context(), []salesforce.Collection{update, tasks("4")})
	var refusal *salesforce.Error
	if err != nil || !errors.As(results[0].Err, &refusal) || refusal.Code != "INVALID_FIELD" || refusal.Status != http.StatusBadRequest {
		t.Errorf("the refused part: %+v, %v", results, err)
	}
	if results[1].Err != nil || !results[1].Rows[0].Success {
		t.Errorf("the other part: %+v", results[1])
	}
	gone := salesforce.Collection{Object: "Task", Delete: true, Rows: []salesforce.Record{update.Rows[0], {"id": "00T000000000099AAA"}}}
	for _, with := range [][]salesforce.Collection{{gone, tasks("5")}, {gone}} {
		results, err = c.Collections(t.Context(), with)
		if err != nil || results[0].Err != nil || len(results[0].Rows) != 2 || results[0].Rows[1].Success || len(results[0].Rows[1].Errors) == 0 {
			t.Fatalf("deletions: %+v, %v", results, err)
		}
		if again := len(with) == 1; results[0].Rows[0].Success == again {
			t.Errorf("deletion, again %v: %+v", again, results[0].Rows[0])
		}
	}
	if rows := sim.Records("Task"); rows[0]["IsDeleted"] != true || rows[1]["IsDeleted"] != false {
		t.Errorf("Tasks %v", rows)
	}
	for _, wrong := range [][]salesforce.Collection{nil, make([]salesforce.Collection, 6), {tasks()}, {tasks("1"), tasks()}, {{Object: "Task", Delete: true}}} {
		if _, err := c.Collections(t.Context(), wrong); err == nil {
			t.Errorf("%d collections were sent", len(wrong))
		}
	}
	if n := c.Sent(); n != 4 {
		t.Errorf("%d requests were counted", n)
	}
}
