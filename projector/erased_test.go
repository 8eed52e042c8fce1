package projector

import (
	"slices"
	"testing"
)

// TestErasedFields: a field that is added must be thought about, too.
func TestErasedFields(t *testing.T) {
	kept := []string{
		"type", "task_subtype", "call_type", "activity_date", "call_duration", "waiting_time", "timezone", "hour_of_the_day",
		"connection_status", "has_connected", "status", "owner_id", "record_type_id",
	}
	emptied := []string{
		"call_disposition", "answered_by", "phone_number", "country", "recording", "transferred_to", "description", "who_id", "what_id",
	}
	s := DefaultSettings()
	s.Tasks.RecordTypeID = "012000000000001AAA"
	r, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	erased := map[string]any{}
	for _, f := range r.Erased(Org{}).Fields {
		erased[f.Logical] = f.Value
	}
	for _, f := range definitions {
		value, touched := erased[f.logical]
		switch {
		case f.logical == "subject":
			if value != erasedSubject {
				t.Errorf("the subject becomes %v", value)
			}
		case slices.Contains(emptied, f.logical):
			if !touched || value != nil {
				t.Errorf("%s becomes %v (%v)", f.logical, value, touched)
			}
		case touched || !slices.Contains(kept, f.logical):
			t.Errorf("%s becomes %v (%v): is it personal?", f.logical, value, touched)
		}
	}
}

func TestErasedFieldsThatCanBeWritten(t *testing.T) {
	s := DefaultSettings()
	s.Tasks.Fields = map[string]string{"description": "", "recording": "Link__c"}
	r, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Erased(Org{TaskFields: map[string]FieldInfo{"Link__c": {Updateable: true}, "WhoId": {Updateable: false}}}).Fields {
		if f.Name == "Description" || f.Name == "WhoId" {
			t.Errorf("%s is to be written", f.Name)
		}
		if f.Logical == "recording" && f.Name != "Link__c" {
			t.Errorf("the recording is in %s", f.Name)
		}
	}
}
