package doctor

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/sfsim"
)

// patient is a world that is looked at. Everything about it is right until a
// test spoils it.
type patient struct {
	*testing.T
	settings settings.Settings
	org      *sfsim.Server
	// answers changes the org's answers by a part of the request's URI; nil in
	// place of an answer's change never answers at all.
	answers map[string]func(map[string]any)
	timeout time.Duration
}

const (
	deskUser  = "desk@example.com"
	orgRecord = `{"integration_user": "005000000000001AAA", "User": [
		{"Id": "005000000000001AAA", "Name": "Callfold Integration", "Username": "callfold@example.com", "Email": "it@example.com", "IsActive": true},
		{"Id": "005000000000002AAA", "Name": "Ada Agent", "Username": "ada@example.com", "Email": "ada@example.com", "IsActive": true},
		{"Id": "005000000000003AAA", "Name": "Desk", "Username": "desk@example.com", "Email": null, "IsActive": true},
		{"Id": "005000000000004AAA", "Name": "Old Agent", "Username": "old@example.com", "Email": "old@example.com", "IsActive": false}]}`
)

func newPatient(t *testing.T) *patient {
	t.Helper()
	org, err := sfsim.New(sfsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := org.Load([]byte(orgRecord)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(org)
	t.Cleanup(server.Close)
	p := &patient{T: t, settings: settings.Default(), org: org, timeout: 30 * time.Second, answers: map[string]func(map[string]any){
		"UserPermissionAccess": mayChangeAll(true, true),
	}}
	p.settings.Salesforce.LoginURL = server.URL
	return p
}

// RoundTrip sends a request of Salesforce's client, and spoils the answer.
func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	for part, change := range p.answers {
		if !strings.Contains(r.URL.RequestURI(), part) {
			continue
		}
		if change == nil {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		body := map[string]any{}
		if answer.StatusCode == http.StatusOK {
			if err := json.UnmarshalRead(answer.Body, &body); err != nil {
				return nil, err
			}
		}
		change(body)
		spoiled, err := json.Marshal(body)
		answer.StatusCode, answer.Body = http.StatusOK, io.NopCloser(bytes.NewReader(spoiled))
		return answer, err
	}
	return http.DefaultTransport.RoundTrip(r)
}

// look is what is found of the org.
func (p *patient) look() []Finding {
	p.Helper()
	p.settings.Kafka.Brokers = nil // nobody is asked in the area that is not looked at
	return slices.DeleteFunc(p.lookAtAll(), func(f Finding) bool { return f.Area == areaKafka })
}

// lookAtAll is what is found of all areas.
func (p *patient) lookAtAll() []Finding {
	p.Helper()
	client, err := salesforce.New(salesforce.Options{
		LoginURL: p.settings.Salesforce.LoginURL, APIVersion: p.settings.Salesforce.APIVersion,
		Flow:       salesforce.ClientCredentials{ClientID: "dev", ClientSecret: "dev"},
		HTTPClient: &http.Client{Transport: p},
	})
	if err != nil {
		p.Fatal(err)
	}
	findings, err := Run(p.Context(), Options{Settings: p.settings, Client: client, Timeout: p.timeout})
	if err != nil {
		p.Fatal(err)
	}
	return findings
}

// mayChangeAll is the answer about rights.
func mayChangeAll(editTask, modifyAll bool) func(map[string]any) {
	return func(answer map[string]any) {
		answer["done"], answer["totalSize"] = true, 1
		answer["records"] = []any{map[string]any{"PermissionsEditTask": editTask, "PermissionsModifyAllData": modifyAll}}
	}
}

// field changes one field of a description.
func field(name string, values map[string]any) func(map[string]any) {
	return func(object map[string]any) {
		for _, f := range object["fields"].([]any) {
			if f := f.(map[string]any); f["name"] == name {
				maps.Copy(f, values)
			}
		}
	}
}

// each makes several changes.
func each(changes ...func(map[string]any)) func(map[string]any) {
	return func(object map[string]any) {
		for _, change := range changes {
			change(object)
		}
	}
}

// restrictedPicklist makes a field a picklist that takes only these values, the
// last of which is inactive.
func restrictedPicklist(names ...string) map[string]any {
	list := values(true, names...)
	list["type"] = "picklist"
	return list
}

// recordType sets the record type of Tasks in an org that has one, 012000000000001AAA.
func (p *patient) recordType(set string, active, available bool) {
	p.settings.Tasks.RecordTypeID = set
	p.settings.Tasks.Fields = map[string]string{"record_type_id": "WhatId", "what_id": ""} // the simulator has no RecordTypeId
	p.answers["Task/describe"] = func(object map[string]any) {
		object["recordTypeInfos"] = []any{map[string]any{"recordTypeId": "012000000000001AAA", "name": "Phone call", "active": active, "available": available}}
	}
}

// values makes a picklist of these values, the last of which is inactive.
func values(restricted bool, names ...string) map[string]any {
	var list []any
	for i, name := range names {
		list = append(list, map[string]any{"value": name, "active": i < len(names)-1})
	}
	return map[string]any{"restrictedPicklist": restricted, "picklistValues": list}
}

// hide and readOnly are field-level security.
func (p *patient) hide(object string, fields ...string) {
	for _, f := range fields {
		if err := p.org.Hide(object, f); err != nil {
			p.Fatal(err)
		}
	}
}

func (p *patient) readOnly(object, field string) {
	if err := p.org.ReadOnly(object, field); err != nil {
		p.Fatal(err)
	}
}

// spoiled are all worlds in which one thing is wrong.
var spoiled = []struct {
	name  string
	spoil func(*patient)
}{
	{"nothing is wrong", func(*patient) {}},
	{"another version of the API", func(p *patient) { p.settings.Salesforce.APIVersion = "99.0" }},
	{"the sign-in is refused", func(p *patient) {
		p.org.Fail(sfsim.Fault{Operation: "token", Status: 400, Code: "invalid_grant", Times: -1})
	}},
	{"Type is hidden", func(p *patient) { p.hide("Task", "Type") }},
	{"a standard field is hidden", func(p *patient) { p.hide("Task", "CallDisposition") }},
	{"a field of the package is missing", func(p *patient) { p.hide("Task", "aircall__Country__c") }},
	{"a field of one's own is missing", func(p *patient) { p.settings.Tasks.Fields = map[string]string{"country": "Country__c"} }},
	{"a field is read-only", func(p *patient) { p.readOnly("Task", "Subject") }},
	{"a field is a formula", func(p *patient) {
		p.answers["Task/describe"] = field("aircall__Country__c", map[string]any{"calculated": true, "createable": false, "updateable": false})
	}},
	{"a field is closed at creation", func(p *patient) { p.answers["Task/describe"] = field("WhoId", map[string]any{"createable": false}) }},
	{"a field is closed later", func(p *patient) { p.answers["Task/describe"] = field("WhoId", map[string]any{"updateable": false}) }},
	{"a field is left out", func(p *patient) {
		p.hide("Task", "aircall__Country__c")
		p.settings.Tasks.Fields = map[string]string{"country": ""}
	}},
	{"a field is of another type", func(p *patient) {
		p.answers["Task/describe"] = each(
			field("aircall__Has_connected__c", map[string]any{"type": "string", "length": 255}),
			field("aircall__Waiting_Time__c", map[string]any{"type": "string", "length": 255}),
			field("aircall__Hour_of_the_day__c", map[string]any{"type": "double"}),
			field("ActivityDate", map[string]any{"type": "datetime"}),
			field("aircall__Country__c", map[string]any{"type": "email"}))
	}},
	{"a field is too short", func(p *patient) {
		p.answers["Task/describe"] = each(
			field("aircall__Phone_number__c", map[string]any{"length": 10}),
			field("aircall__Timezone__c", map[string]any{"length": 20}),
			field("aircall__Call_Recording__c", map[string]any{"length": 40}),
			field("aircall__Waiting_Time__c", map[string]any{"precision": 6, "scale": 2}),
			field("aircall__Answered_by__c", map[string]any{"length": 40}),
			field("Description", map[string]any{"length": 255}))
	}},
	{"a free text is a restricted picklist", func(p *patient) {
		p.answers["Task/describe"] = field("aircall__Country__c", restrictedPicklist("France", "Germany", "Old"))
	}},
	{"a picklist lacks a connection status", func(p *patient) {
		p.answers["Task/describe"] = field("aircall__Connection_status__c", restrictedPicklist("connected", "missed"))
	}},
	{"the record type is right", func(p *patient) { p.recordType("012000000000001", true, true) }},
	{"the record type is inactive", func(p *patient) { p.recordType("012000000000001AAA", false, true) }},
	{"the record type is not assigned", func(p *patient) { p.recordType("012000000000001AAA", true, false) }},
	{"the record type is unknown", func(p *patient) { p.recordType("012000000000009AAA", true, true) }},
	{"the record types are not told", func(p *patient) { p.settings.Tasks.RecordTypeID = "012000000000001AAA" }},
	{"the key is too short", func(p *patient) {
		p.answers["Task/describe"] = field("Aircall_Call_Id__c", map[string]any{"length": 10})
	}},
	{"the key is a number", func(p *patient) {
		p.answers["Task/describe"] = field("Aircall_Call_Id__c", map[string]any{"type": "double", "length": 0})
	}},
	{"the key is missing", func(p *patient) { p.hide("Task", "Aircall_Call_Id__c") }},
	{"the key is not unique", func(p *patient) {
		p.answers["Task/describe"] = field("Aircall_Call_Id__c", map[string]any{"unique": false})
	}},
	{"the key is no external id", func(p *patient) {
		p.answers["Task/describe"] = field("Aircall_Call_Id__c", map[string]any{"externalId": false})
	}},
	{"the key is read-only", func(p *patient) { p.readOnly("Task", "Aircall_Call_Id__c") }},
	{"a restricted picklist lacks a value", func(p *patient) { p.answers["Task/describe"] = field("CallType", values(true, "Inbound", "Outbound")) }},
	{"the status has another name", func(p *patient) { p.settings.Tasks.Status.Completed = "Done" }},
	{"an open picklist lacks a value", func(p *patient) { p.answers["Task/describe"] = field("Type", values(false, "Meeting", "Call")) }},
	{"Tasks may not be edited", func(p *patient) {
		p.answers["Task/describe"] = func(object map[string]any) { object["updateable"] = false }
	}},
	{"Tasks of erased calls may be deleted", func(p *patient) { p.settings.Tasks.Erased = "delete" }},
	{"Tasks of erased calls may not be deleted", func(p *patient) {
		p.settings.Tasks.Erased = "delete"
		p.answers["Task/describe"] = func(object map[string]any) { object["deletable"] = false }
	}},
	{"a phone field is hidden", func(p *patient) { p.hide("Contact", "AssistantPhone") }},
	{"an extra phone field is missing", func(p *patient) {
		p.settings.Match.ExtraPhoneFields = map[string][]string{"contact": {"Direct__c"}}
	}},
	{"a phone field is encrypted", func(p *patient) {
		p.answers["Contact/describe"] = field("MobilePhone", map[string]any{"filterable": false})
	}},
	{"all phone fields are hidden", func(p *patient) { p.hide("Lead", "Phone", "MobilePhone") }},
	{"an object is hidden", func(p *patient) {
		p.org.Fail(sfsim.Fault{Operation: "describe", Path: "/Lead/", Status: 404, Code: "NOT_FOUND", Times: -1})
	}},
	{"an object cannot be described", func(p *patient) {
		p.org.Fail(sfsim.Fault{Operation: "describe", Path: "/Lead/", Status: 503, Code: "SERVER_UNAVAILABLE", Times: -1})
	}},
	{"records may not be given away", func(p *patient) { p.readOnly("Contact", "OwnerId") }},
	{"records need not be given away", func(p *patient) {
		p.readOnly("Contact", "OwnerId")
		p.settings.Owner.TakeOverIntegrationRecords = false
	}},
	{"the key of created records is missing", func(p *patient) {
		p.settings.Match.Create = "lead"
		p.hide("Lead", "Aircall_Number_Key__c")
	}},
	{"no record may be created", func(p *patient) {
		p.settings.Match.Create = "account"
		p.answers["Account/describe"] = func(object map[string]any) { object["createable"] = false }
	}},
	{"a created record cannot be complete", func(p *patient) {
		p.settings.Match.Create = "lead"
		p.readOnly("Lead", "Phone")
	}},
	{"Cases are hidden", func(p *patient) {
		p.settings.Match.Related, p.settings.Match.CreateCase = "case", true
		p.org.Fail(sfsim.Fault{Operation: "describe", Path: "/Case/", Status: 404, Code: "NOT_FOUND", Times: -1})
	}},
	{"Cases may not be created", func(p *patient) {
		p.settings.Match.Related, p.settings.Match.CreateCase = "case", true
		p.answers["Case/describe"] = func(object map[string]any) { object["createable"] = false }
	}},
	{"Cases do not come by phone", func(p *patient) {
		p.settings.Match.Related, p.settings.Match.CreateCase = "case", true
		p.answers["Case/describe"] = field("Origin", values(true, "Email", "Web", "Phone"))
	}},
	{"a field of Opportunities is hidden", func(p *patient) {
		p.settings.Match.Related = "opportunity"
		p.hide("Opportunity", "IsClosed")
	}},
	{"Tasks of others: nothing is told", func(p *patient) { delete(p.answers, "UserPermissionAccess") }},
	{"Tasks of others: Edit Tasks is missing", func(p *patient) { p.answers["UserPermissionAccess"] = mayChangeAll(false, false) }},
	{"Tasks of others: sharing decides", func(p *patient) { p.answers["UserPermissionAccess"] = mayChangeAll(true, false) }},
	{"the fallback is right", func(p *patient) { p.settings.Owner.Fallback = deskUser }},
	{"the fallback is unknown", func(p *patient) { p.settings.Owner.Fallback = "desc@example.com" }},
	{"the fallback is inactive", func(p *patient) { p.settings.Owner.Fallback = "005000000000004AAA" }},
	{"no ladder has the fallback", func(p *patient) {
		p.settings.Owner.Fallback, p.settings.Owner.Unanswered = "desc@example.com", []string{"record_owner"}
	}},
	{"aliases lead nowhere", func(p *patient) {
		p.settings.Owner.Aliases = map[string]string{"ada@aircall.example": "ADA@example.com", "bo@aircall.example": "bo@example.com", "old@aircall.example": "old@example.com"}
	}},
	{"no agent has an e-mail", func(p *patient) {
		p.answers["UserType"] = func(answer map[string]any) {
			for _, r := range answer["records"].([]any) {
				r.(map[string]any)["Email"] = nil
			}
		}
	}},
	{"users cannot be read", func(p *patient) { p.hide("User", "Email") }},
	{"the reserve is reached", func(p *patient) { p.answers["/limits"] = left(19_000) }},
	{"the reserve is near", func(p *patient) { p.answers["/limits"] = left(25_000) }},
	{"the requests are nearly used up", func(p *patient) {
		p.settings.Salesforce.APIReserve = 0
		p.answers["/limits"] = left(4_000)
	}},
	{"the limits are hidden, and the header tells", func(p *patient) {
		p.org.Fail(sfsim.Fault{Operation: "limits", Status: 403, Code: "FORBIDDEN", Times: -1})
	}},
	{"a request is never answered", func(p *patient) {
		p.answers["Lead/describe"] = nil
		p.timeout = 6 * time.Second // a third of it for each request
	}},
}

func left(remaining int) func(map[string]any) {
	return func(limits map[string]any) {
		limits["DailyApiRequests"] = map[string]any{"Max": 100_000, "Remaining": remaining}
	}
}

// TestSpoiledOrg spoils one thing at a time, and wants it told with its mend,
// and all other checks still made.
func TestSpoiledOrg(t *testing.T) {
	var told strings.Builder
	for _, s := range spoiled {
		t.Run(s.name, func(t *testing.T) {
			p := newPatient(t)
			s.spoil(p)
			findings := p.look()
			fmt.Fprintf(&told, "# %s\n", s.name)
			for _, f := range findings {
				if !f.OK {
					fmt.Fprintf(&told, "%-6s  %s\n", f.Level(), f)
				}
				if (f.Mend == "") != f.OK {
					t.Errorf("ok and mend do not fit: %+v", f)
				}
			}
			if last := findings[len(findings)-1].What; last != "API requests of a day" && last != "everything else" {
				t.Errorf("the checks ended early, with %s", last)
			}
		})
	}
	golden(t, "spoiled.txt", told.String())
}

// TestHealthyOrg shows all lines of an org in which all is right, with every
// setting that adds a check.
func TestHealthyOrg(t *testing.T) {
	p := newPatient(t)
	p.settings.Match.Related, p.settings.Match.CreateCase, p.settings.Match.Create = "case", true, "contact"
	p.settings.Owner.Fallback, p.settings.Owner.Aliases = deskUser, map[string]string{"a@aircall.example": "ada@example.com"}
	var told strings.Builder
	for _, f := range p.look() {
		fmt.Fprintf(&told, "%-6s  %s\n", f.Level(), f)
	}
	golden(t, "healthy.txt", told.String())
}

// golden compares with a file, and writes it with UPDATE=1.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant (UPDATE=1 writes %s)\n%s", got, path, want)
	}
}
