package sfsim

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestHiddenField: whoever names a hidden field is refused whole, wherever it stands.
func TestHiddenField(t *testing.T) {
	g := newOrg(t, Options{})
	id := g.must(http.StatusCreated, "PATCH", "sobjects/Task/Aircall_Call_Id__c/1", `{"Type":"Call","WhoId":"003000000000001AAA"}`).body.Get("id").String()
	check(t, g.sim.Hide("Task", "type"))
	for _, r := range []reply{
		g.do("PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", `{"records":[{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"2","Subject":"x"},{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"3","Type":"Call"}]}`),
		g.do("PATCH", "sobjects/Task/"+id, `{"Type":"Call"}`),
		g.do("POST", "sobjects/Task", `{"Type":"Call"}`),
	} {
		wantError(t, r, http.StatusBadRequest, "INVALID_FIELD")
		if got := r.body.Get("0.message").String(); got != "No such column 'Type' on sobject of type Task" {
			t.Error(got)
		}
	}
	for _, q := range []string{"SELECT Type FROM Task", "SELECT Id FROM Task WHERE Type = 'Call'", "SELECT Id FROM Task ORDER BY Type"} {
		r := g.query(q)
		wantError(t, r, http.StatusBadRequest, "INVALID_FIELD")
		if !strings.Contains(r.body.Get("0.message").String(), "No such column 'Type'") {
			t.Error(r.body.Raw)
		}
	}
	wantError(t, g.do("GET", "sobjects/Task/"+id+"?fields=Type", ""), http.StatusBadRequest, "INVALID_FIELD")
	if r := g.must(http.StatusOK, "GET", "sobjects/Task/"+id, ""); r.body.Get("Type").Exists() {
		t.Error("a record shows the hidden field")
	}
	if g.described("Task", "Type") != "" {
		t.Error("describe tells of the hidden field")
	}
	if n := len(g.sim.Records("Task")); n != 1 {
		t.Errorf("%d tasks", n)
	}
	if got := g.sim.Records("Task")[0]["Type"]; got != "Call" {
		t.Errorf("the hidden value is %v", got)
	}

	check(t, g.sim.Show("Task", "Type"))
	g.must(http.StatusNoContent, "PATCH", "sobjects/Task/"+id, `{"Type":"Meeting"}`)
	if g.described("Task", "Type") != "true true" {
		t.Error("describe does not tell of the field that is shown again")
	}

	// A reference hides its relationship; an external id cannot be used; a
	// unique one stays unique; an owner is there although nobody sees it.
	check(t, g.sim.Hide("Task", "WhoId"))
	wantError(t, g.query("SELECT Who.Name FROM Task"), http.StatusBadRequest, "INVALID_FIELD")
	check(t, g.sim.Hide("Lead", "Aircall_Number_Key__c"))
	wantError(t, g.do("PATCH", "sobjects/Lead/Aircall_Number_Key__c/33", `{}`), http.StatusNotFound, "NOT_FOUND")
	check(t, g.sim.Hide("Task", "OwnerId"))
	g.must(http.StatusCreated, "POST", "sobjects/Task", `{"Subject":"x"}`)
	if owner := g.sim.Records("Task")[1]["OwnerId"]; owner != "005000000000001AAA" {
		t.Errorf("owner %v", owner)
	}
	for _, name := range []string{"Nothing", "PersonEmail"} {
		if g.sim.Hide("Contact", name) == nil || g.sim.Show("Nothing", name) == nil {
			t.Errorf("%s was hidden or shown", name)
		}
	}
}

func TestReadOnlyField(t *testing.T) {
	g := newOrg(t, Options{})
	check(t, g.sim.ReadOnly("Task", "Type"), g.sim.ReadOnly("Task", "CallDisposition"))
	const path = "composite/sobjects/Task/Aircall_Call_Id__c"
	for range 2 { // at creation and in an update
		r := g.must(http.StatusOK, "PATCH", path, `{"records":[
			{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"1","Subject":"x"},
			{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"2","Type":"Call","Subject":"x","CallDisposition":"y"}]}`)
		if !r.body.Get("0.success").Bool() || r.body.Get("1.errors.0.statusCode").String() != "INVALID_FIELD_FOR_INSERT_UPDATE" ||
			r.body.Get("1.errors.0.fields").Raw != `["Type","CallDisposition"]` {
			t.Fatal(r.body.Raw)
		}
	}
	g.must(http.StatusOK, "GET", "query?q=SELECT+Type+FROM+Task", "")
	if got := g.described("Task", "Type"); got != "false false" {
		t.Errorf("describe tells %q", got)
	}
	check(t, g.sim.Show("Task", "Type"))
	g.must(http.StatusOK, "PATCH", "sobjects/Task/Aircall_Call_Id__c/1", `{"Type":"Call"}`)
}

// described is whether describe calls a field createable and updateable; empty
// when it does not know it.
func (g *org) described(object, name string) string {
	g.t.Helper()
	f := g.must(http.StatusOK, "GET", "sobjects/"+object+"/describe", "").body.Get(`fields.#(name=="` + name + `")`)
	if !f.Exists() {
		return ""
	}
	return fmt.Sprint(f.Get("createable").Bool(), f.Get("updateable").Bool())
}

// TestOwnOnly: without the right to edit what others own, the rows of others are refused.
func TestOwnOnly(t *testing.T) {
	g := newOrg(t, Options{})
	body := func(owner string) string { return fmt.Sprintf(`{"Subject":"x","OwnerId":"%s"}`, owner) }
	others := g.must(http.StatusCreated, "POST", "sobjects/Task", body("005000000000002AAA")).body.Get("id").String()
	own := g.must(http.StatusCreated, "POST", "sobjects/Task", body("005000000000001AAA")).body.Get("id").String()
	check(t, g.sim.OwnOnly("005000000000001AAA", "Task", true))
	r := g.must(http.StatusOK, "PATCH", "composite/sobjects", fmt.Sprintf(
		`{"records":[{"attributes":{"type":"Task"},"id":%q,"Subject":"y"},{"attributes":{"type":"Task"},"id":%q,"Subject":"y"}]}`, others, own))
	if r.body.Get("0.errors.0.statusCode").String() != "INSUFFICIENT_ACCESS_OR_READONLY" || !r.body.Get("1.success").Bool() {
		t.Error(r.body.Raw)
	}
	wantError(t, g.do("DELETE", "sobjects/Task/"+others, ""), http.StatusBadRequest, "INSUFFICIENT_ACCESS_OR_READONLY")
	g.must(http.StatusNoContent, "PATCH", "sobjects/Contact/003000000000001AAA", `{"Title":"x"}`) // another object
	check(t, g.sim.OwnOnly("005000000000001AAA", "Task", false))
	g.must(http.StatusNoContent, "PATCH", "sobjects/Task/"+others, `{"Subject":"y"}`)
	if g.sim.OwnOnly("005000000000099AAA", "Task", true) == nil {
		t.Error("there is no such user")
	}
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
