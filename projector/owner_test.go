package projector

import (
	"testing"
	"time"

	"github.com/callfold/callfold/schemas"
)

// The integration user owns a record like any other user, also where the org does
// not show it among its users (O3).
func TestRecordOfAnIntegrationUserWhomNobodySees(t *testing.T) {
	r := mustNew(t, DefaultSettings())
	const bot = "005000000000009AAA"
	owner, why := r.Own(schemas.CallRecord{}, &schemas.Match{Object: Contact, ID: "003000000000001AAA", OwnerID: bot}, nil,
		Org{IntegrationUser: bot[:15], Users: NewDirectory(nil)})
	if owner == nil || owner.ID != bot[:15] || owner.Rung != rungRecordOwner || why.Rule != "O3" {
		t.Errorf("owner %+v by %+v", owner, why)
	}
}

// A queue is called one, though no directory of users holds it.
func TestQueueIsNoUnknownUser(t *testing.T) {
	r := mustNew(t, DefaultSettings())
	_, why := r.Own(schemas.CallRecord{}, &schemas.Match{Object: Lead, ID: "00Q000000000001AAA", OwnerID: "00G000000000001AAA"}, nil, Org{Users: NewDirectory(nil)})
	if len(why.Considered) == 0 || why.Considered[0] != "record_owner: 00G000000000001AAA is a queue" {
		t.Errorf("considered: %q", why.Considered)
	}
}

// TestHasUser: by e-mail without case, by alias, however young, but active (O1).
func TestHasUser(t *testing.T) {
	s := DefaultSettings()
	s.Owner.Aliases = map[string]string{"Bo@aircall.example": "ben@example.com", "old@aircall.example": "old@example.com"}
	r := mustNew(t, s)
	org := Org{Users: NewDirectory([]User{
		{ID: "005000000000001AAA", Username: "ada@org.example", Email: "Ada@Example.com", IsActive: true, CreatedAt: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)},
		{ID: "005000000000002AAA", Username: "Ben@example.com", IsActive: true},
		{ID: "005000000000003AAA", Username: "old@example.com", Email: "old@example.com"},
	})}
	for email, want := range map[string]bool{
		"ada@example.com": true, "bo@AIRCALL.example": true, "old@example.com": false, "old@aircall.example": false, "zoe@example.com": false, "": false,
	} {
		if got := r.HasUser(email, org); got != want {
			t.Errorf("%q: %v, want %v", email, got, want)
		}
	}
}
