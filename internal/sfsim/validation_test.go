package sfsim

import (
	"net/http"
	"testing"
)

func TestRules(t *testing.T) {
	g := newOrg(t, Options{})
	check(t, g.sim.AddRule("Task", func(task map[string]any) *Violation {
		if task["CallDurationInSeconds"] == float64(0) && task["Status"] == "Completed" {
			return &Violation{Message: "A completed call has a duration", Fields: []string{"CallDurationInSeconds"}}
		}
		return nil
	}), g.sim.AddRule("task", func(task map[string]any) *Violation {
		if task["Subject"] == "trigger" {
			return &Violation{Code: "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", Message: "CallTrigger: execution of BeforeInsert"}
		}
		return nil
	}))
	r := g.must(http.StatusOK, "PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", `{"records":[
		{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"1","Status":"Completed","CallDurationInSeconds":0},
		{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"2","Status":"Completed","CallDurationInSeconds":1},
		{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"3","Subject":"trigger"}]}`)
	for path, want := range map[string]string{
		"0.errors.0.statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "0.errors.0.message": "A completed call has a duration",
		"0.errors.0.fields.0": "CallDurationInSeconds", "1.success": "true", "2.errors.0.statusCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
	} {
		if got := r.body.Get(path).String(); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	// The record as a whole counts, not only what the request sets.
	wantError(t, g.do("PATCH", "sobjects/Task/"+r.body.Get("1.id").String(), `{"CallDurationInSeconds":0}`), http.StatusBadRequest, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
	if n := len(g.sim.Records("Task")); n != 1 {
		t.Errorf("%d tasks", n)
	}
	if g.sim.AddRule("Nothing", nil) == nil {
		t.Error("a rule for no object")
	}
}
