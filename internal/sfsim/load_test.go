package sfsim

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func newServer(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestLoadTwiceIsLoadingOnce(t *testing.T) {
	s := newServer(t, Options{Now: func() time.Time { return testTime }})
	file := readFile(t, "testdata/org.json")
	if empty, _ := s.Empty(); !empty {
		t.Error("a new org is not empty")
	}
	var before map[string][]map[string]any
	for range 2 {
		if err := s.Load(file); err != nil {
			t.Fatal(err)
		}
		after := map[string][]map[string]any{}
		for _, o := range s.objectNames() {
			after[o] = s.Records(o)
		}
		if before != nil && !reflect.DeepEqual(before, after) {
			t.Errorf("loading again changed the org:\n%v\n%v", before, after)
		}
		before = after
	}
	if len(before["User"]) != 4 || len(before["Contact"]) != 3 {
		t.Errorf("%d users and %d contacts", len(before["User"]), len(before["Contact"]))
	}
	if empty, _ := s.Empty(); empty {
		t.Error("a loaded org is empty")
	}
}

func TestLoadCompletesWhatFilesLeaveOut(t *testing.T) {
	s := newServer(t, Options{})
	err := s.Load([]byte(`{"integration_user":"005000000000001AAA",
		"Contact":[{"Id":"003000000000001","Name":"Ana Maria Lopez","OwnerId":"005000000000001AAA","AccountId":null}],
		"Lead":[{"Id":"00Q000000000001AAA","Name":"Prince"}],
		"Account":[{"Id":"001000000000001AAA","Name":"ACME","IsPersonAccount":false}]}`))
	if err != nil {
		t.Fatal(err)
	}
	contact, lead, user := s.Records("Contact")[0], s.Records("Lead")[0], s.Records("User")[0]
	if contact["FirstName"] != "Ana Maria" || contact["LastName"] != "Lopez" || contact["Name"] != "Ana Maria Lopez" || contact["Id"] != "003000000000001AAA" {
		t.Error(contact)
	}
	if lead["Id"] != "00Q000000000001EAA" || lead["LastName"] != "Prince" || lead["Company"] != "[not provided]" || lead["OwnerId"] != "005000000000001AAA" {
		t.Error(lead)
	}
	if len(s.Records("User")) != 1 || user["Id"] != "005000000000001AAA" || user["IsActive"] != true {
		t.Errorf("the integration user, who is not in the file: %v", s.Records("User"))
	}
	if _, person := s.Records("Account")[0]["IsPersonAccount"]; person {
		t.Error("the feature Person Accounts came on without a Person Account")
	}
}

func TestLoadReportsEverythingAndLoadsNothing(t *testing.T) {
	s := newServer(t, Options{})
	err := s.Load([]byte(`{"Nothing":[],
		"User":[{"Id":"003000000000001AAA"},{"Id":"005000000000002AAA","Name":"x","IsActive":"yes"}],
		"Account":[{"Id":"001000000000001AAA","Name":"P","IsPersonAccount":true}],
		"Contact":[{"Name":"x"},
			{"Id":"003000000000001AAA","Name":"x","Fone":"1"},
			{"Id":"003000000000002AAA","Name":"x","AccountId":"001000000000077AAA"},
			{"Id":"003000000000003AAA","Name":"x","Phone":"` + strings.Repeat("1", 41) + `"},
			{"Id":"003000000000004AAA","Name":"x","Aircall_Number_Key__c":"k"},
			{"Id":"003000000000005AAA","Name":"x","Aircall_Number_Key__c":"K"}]}`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"Nothing: not a type", `User[0]: Id "003000000000001AAA"`, "User[1]: Cannot deserialize instance of boolean from VALUE_STRING value yes",
		`Contact[0]: Id ""`, "Contact[1]: No such column 'Fone'", `Contact[2] (003000000000002AAA): AccountId "001000000000077AAA"`,
		"Contact[3] (003000000000003AAA): STRING_TOO_LONG", "Contact[5] (003000000000005AAA): DUPLICATE_VALUE",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	if empty, _ := s.Empty(); !empty || len(s.Records("Contact")) != 0 {
		t.Error("a part of the bad file was loaded")
	}
	for _, bad := range []string{``, `[]`, `{"Contact":{}}`, `{"integration_user":"x"}`, `{"integration_user":5}`, `{"Contact":[1]}`} {
		if err := s.Load([]byte(bad)); err == nil {
			t.Errorf("%s was loaded", bad)
		}
	}
}
