package projector

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/callfold/callfold/schemas"
	"github.com/go-json-experiment/json"
)

// answeredCall is a small answered call, and a time after it.
func answeredCall(t testing.TB) (schemas.CallRecord, time.Time) {
	t.Helper()
	s := readScenario(t, "testdata/scenarios/kinds/inbound_answered.txtar")
	return fold(t, s.calls[1001].bodies(t, readCast(t))), s.calls[1001].At.Add(time.Hour)
}

func TestDefinitions(t *testing.T) {
	rule := regexp.MustCompile(`^F([1-9]|1[0-9]|2[0-2])$`)
	var logical, names []string
	for _, f := range definitions {
		if slices.Contains(logical, f.logical) || slices.Contains(names, f.name) {
			t.Errorf("%s / %s comes twice", f.logical, f.name)
		}
		if !rule.MatchString(f.rule) || f.compute == nil {
			t.Errorf("%s: rule %q", f.logical, f.rule)
		}
		logical, names = append(logical, f.logical), append(names, f.name)
	}
}

// What can be set at creation only is marked: by the contract, and by describe.
func TestCreateOnly(t *testing.T) {
	s := DefaultSettings()
	s.Tasks.RecordTypeID = "012000000000001AAA"
	r := mustNew(t, s)
	record, now := answeredCall(t)
	org := Org{TaskFields: map[string]FieldInfo{
		"Status":  {Createable: true},
		"Subject": {Updateable: true},
	}}
	var got []string
	for _, f := range r.Task(record, r.Decide(record, now), Resolution{Lookup: r.Lookup(record)}, org).Fields {
		if f.CreateOnly {
			got = append(got, f.Name)
		}
	}
	if want := []string{"TaskSubtype", "Status", "RecordTypeId"}; !slices.Equal(got, want) {
		t.Errorf("create-only are %q, want %q", got, want)
	}
}

func TestTaskFieldsAreMapped(t *testing.T) {
	s := DefaultSettings()
	s.Tasks.Fields = map[string]string{"country": "Country__c", "type": ""}
	fields := mustNew(t, s).TaskFields()
	if slices.ContainsFunc(fields, func(f FieldName) bool { return f.Logical == "type" || f.Logical == "record_type_id" }) {
		t.Errorf("fields that are left out are listed: %+v", fields)
	}
	if !slices.Contains(fields, FieldName{Logical: "country", Name: "Country__c", Rule: "F10"}) {
		t.Errorf("country is not listed: %+v", fields)
	}
}

// The shape of the lines of `callfold project`.
func TestProjectionJSON(t *testing.T) {
	s := DefaultSettings()
	for _, f := range definitions {
		if s.Tasks.Fields == nil {
			s.Tasks.Fields = make(map[string]string)
		}
		s.Tasks.Fields[f.logical] = ""
	}
	for _, keep := range []string{"subject", "waiting_time", "has_connected", "transferred_to", "who_id"} {
		delete(s.Tasks.Fields, keep)
	}
	r := mustNew(t, s)
	record, now := answeredCall(t)
	b, err := json.Marshal(r.Project(record, &OrgFile{}, now))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"call_id":1001,"decision":"log","rule":"L2","why":"The call was answered.","kind":"inbound_answered",` +
		`"task":{"Subject":"Inbound call from +33 1 99 00 12 34 on Paris Sales","aircall__Waiting_Time__c":12,"aircall__Transferred_to__c":null,"aircall__Has_connected__c":true},` +
		`"reasons":{"Subject":{"rule":"F2","why":"The template inbound_answered of the pack classic-en.","events":["call.created@1772442000","call.ended@1772442102"]},` +
		`"aircall__Waiting_Time__c":{"rule":"F7","why":"From reception to answer.","events":["call.created@1772442000","call.answered@1772442012"]},` +
		`"aircall__Transferred_to__c":{"rule":"F12","why":"The call was not transferred."},` +
		`"aircall__Has_connected__c":{"rule":"F16","why":"Somebody answered the inbound call.","events":["call.answered@1772442012"]},` +
		`"WhoId":{"rule":"M6","why":"No record has the external number, and none was created.","events":["call.ended@1772442102"]}}}`
	if string(b) != want {
		t.Errorf("got\n%s\nwant\n%s", b, want)
	}

	record.State.AnsweredAt, record.State.Status, record.State.EndedAt, record.State.EndedEvent = 0, schemas.StatusInitial, schemas.Latest[int64]{}, 0
	b, err = json.Marshal(r.Project(record, &OrgFile{}, now))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"call_id":1001,"decision":"wait","rule":"L2","why":"The call is neither answered nor hung up yet.","kind":"missed"}`; string(b) != want {
		t.Errorf("got\n%s\nwant\n%s", b, want)
	}
}
