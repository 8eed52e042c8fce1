package projector

import (
	"testing"

	"github.com/callfold/callfold/schemas"
)

// A record that was created for a call is its match (M6) and is not taken over by
// that call (O6).
func TestCreatedRecord(t *testing.T) {
	record, now := answeredCall(t)
	record.State.Contact = schemas.Latest[schemas.Contact]{At: record.State.Newest, Value: schemas.Contact{FirstName: "Marie", LastName: "Curie"}}
	org := readCast(t).orgWith(t, nil).Org
	for _, tt := range []struct{ create, object string }{
		{"lead", Lead}, {"contact", Contact}, {"account", Account},
	} {
		s := DefaultSettings()
		s.Match.Create = tt.create
		r := mustNew(t, s)
		l := r.Lookup(record)
		object, fields, ok := r.NewRecord(record, l)
		if !ok || object != tt.object {
			t.Fatalf("%s: %q, %v", tt.create, object, ok)
		}
		if object != Account && (fields["FirstName"] != "Marie" || fields["LastName"] != "Curie") || object == Account && fields["Name"] != "Marie Curie" {
			t.Errorf("%s: %+v", tt.create, fields)
		}
		m := &schemas.Match{Object: object, ID: "NEW", Name: "Marie Curie", OwnerID: org.IntegrationUser, Created: true}
		if user, why := r.TakeOver(record, m, org); user != "" || why.Rule != "O6" {
			t.Errorf("%s: the record made for the call is taken over by %s: %+v", tt.create, user, why)
		}
		owner, why := r.Own(record, m, nil, org)
		if owner == nil || owner.ID != "005000000000001AAA" || why.Rule != "O1" {
			t.Errorf("%s: owner %+v, %+v", tt.create, owner, why)
		}
		task := r.Task(record, r.Decide(record, now), Resolution{Lookup: l, Match: m, Owner: owner, OwnerReason: why}, org)
		for _, f := range task.Fields {
			if f.Name == "Subject" && f.Value != "Inbound call from Marie Curie on Paris Sales" {
				t.Errorf("%s: subject %v", tt.create, f.Value)
			}
		}
	}
}
