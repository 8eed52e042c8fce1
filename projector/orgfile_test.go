package projector

import (
	"strings"
	"testing"
	"time"
)

func TestParseOrg(t *testing.T) {
	org, err := ParseOrg([]byte(`{
		"integration_user": "005000000000001AAA",
		"User":    [{"Id": "005000000000002AAA", "Name": "Ada Agent", "Username": "ada@example.com", "Email": "ada@example.com", "IsActive": true, "CreatedDate": "2024-01-15T09:00:00.000+0000"}],
		"Contact": [{"Id": "003000000000001AAA", "FirstName": "Marie", "LastName": "Curie", "Phone": "01 23 45 67 89", "OwnerId": "005000000000002AAA", "AccountId": null, "LastModifiedDate": "2026-01-01T00:00:00Z"}],
		"Lead": [], "Account": null, "Case": [], "Opportunity": [], "OpportunityContactRole": [], "TaskStatus": [{"MasterLabel": "Done"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	ada := org.Org.Users.User("005000000000002")
	if ada == nil || !ada.CreatedAt.Equal(time.Date(2024, 1, 15, 9, 0, 0, 0, time.UTC)) || org.Org.Users.withUsername("ADA@example.com") != ada {
		t.Errorf("user: %+v", ada)
	}
	if len(org.Records) != 1 {
		t.Fatalf("records: %+v", org.Records)
	}
	c := org.Records[0]
	if c.Name != "Marie Curie" || c.OwnerID != ada.ID || c.Phones["Phone"] != "01 23 45 67 89" || !c.LastModified.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("contact: %+v", c)
	}
	if org.Org.IntegrationUser != "005000000000001AAA" {
		t.Errorf("integration user: %q", org.Org.IntegrationUser)
	}
}

// A bad file says all that is wrong in it, and where.
func TestParseOrgTellsAllProblems(t *testing.T) {
	_, err := ParseOrg([]byte(`{
		"integration_user": 5,
		"Contcat": [],
		"User": {"Id": "005000000000002AAA"},
		"Contact": [{"Id": "003000000000001AAA", "Phone": 123}, {"Name": "No Id"}, {"Id": "003000000000001", "LastModifiedDate": "yesterday", "IsPersonAccount": "yes"}],
		"OpportunityContactRole": [{"ContactId": "003000000000001AAA"}]}`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"integration_user: it must be the Id of a user",
		"Contcat: no such member; write integration_user, User, Contact,",
		"User: it must be a list of records",
		`Contact[1].Id: "" is no Salesforce Id`,
		"Contact[2].Id: 003000000000001 is the Id of Contact[0] already",
		`Contact[2].LastModifiedDate: "yesterday" is no time such as`,
		"Contact[2].IsPersonAccount: it must be true, false or null",
		"OpportunityContactRole[0]: it must have an OpportunityId and a ContactId",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error:\n%v", want, err)
		}
	}
}

func TestParseOrgRefusesWhatIsNoObject(t *testing.T) {
	for _, body := range []string{"", "[]", "null x", `{"User": [}`, `{"User": [], "User": []}`} {
		if _, err := ParseOrg([]byte(body)); err == nil || !strings.Contains(err.Error(), "reading the org file") {
			t.Errorf("%q: %v", body, err)
		}
	}
}
