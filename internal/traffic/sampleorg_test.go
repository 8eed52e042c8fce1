package traffic

import (
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"github.com/tidwall/gjson"
)

var prefixes = map[string]string{
	"User": "005", "Group": "00G", "Account": "001", "Contact": "003", "Lead": "00Q",
	"Case": "500", "Opportunity": "006", "OpportunityContactRole": "00K",
}

func TestSampleOrgHasWellFormedIDs(t *testing.T) {
	if !gjson.ValidBytes(SampleOrg()) {
		t.Fatal("not JSON")
	}
	org := gjson.ParseBytes(SampleOrg())
	ids := map[string]bool{}
	for object, prefix := range prefixes {
		if len(org.Get(object).Array()) == 0 {
			t.Errorf("no %s", object)
		}
		for _, r := range org.Get(object).Array() {
			id := r.Get("Id").Str
			if !strings.HasPrefix(id, prefix) || len(id) != 18 || id[15:] != checksum(id[:15]) {
				t.Errorf("%s %s: not an Id", object, id)
			}
			if ids[id] {
				t.Errorf("%s twice", id)
			}
			ids[id] = true
		}
	}
	if !ids[org.Get("integration_user").Str] {
		t.Error("the integration user is not among the users")
	}
	// Every reference leads to a record.
	for object := range prefixes {
		for _, r := range org.Get(object).Array() {
			r.ForEach(func(field, value gjson.Result) bool {
				if strings.HasSuffix(field.Str, "Id") && value.Type != gjson.Null && !ids[value.Str] {
					t.Errorf("%s %s: %s leads nowhere: %s", object, r.Get("Id").Str, field.Str, value.Str)
				}
				return true
			})
		}
	}
}

// checksum is the suffix of an 18-character Id: one bit for each capital, five
// to a character, the first lowest.
func checksum(id15 string) string {
	var suffix strings.Builder
	for chunk := 0; chunk < 15; chunk += 5 {
		bits := 0
		for i, c := range []byte(id15[chunk : chunk+5]) {
			if c >= 'A' && c <= 'Z' {
				bits += 1 << i
			}
		}
		suffix.WriteByte("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits])
	}
	return suffix.String()
}

// recordsOf maps E.164 numbers to the objects that hold them, under any field
// and with any region of the company's lines as the default.
func recordsOf(t *testing.T, org gjson.Result) map[string][]string {
	t.Helper()
	records := map[string][]string{}
	for _, object := range []string{"Contact", "Lead", "Account"} {
		for _, r := range org.Get(object).Array() {
			found := map[string]bool{}
			r.ForEach(func(field, value gjson.Result) bool {
				if strings.HasSuffix(field.Str, "Phone") && value.Type == gjson.String {
					for _, region := range []string{"FR", "GB", "DE", "US", "AU"} {
						if n, err := phonenumbers.Parse(value.Str, region); err == nil && phonenumbers.IsValidNumber(n) {
							found[phonenumbers.Format(n, phonenumbers.E164)] = true
						}
					}
				}
				return true
			})
			for number := range found {
				records[number] = append(records[number], object)
			}
		}
	}
	return records
}

func TestSampleOrgFitsTheTraffic(t *testing.T) {
	org := gjson.ParseBytes(SampleOrg())
	records := recordsOf(t, org)

	if got := strings.Join(records["+442079460123"], " "); got != "Contact Lead Account" {
		t.Errorf("the shared number is held by %q", got)
	}
	if got := strings.Join(records["+491713920025"], " "); got != "Contact Contact" {
		t.Errorf("the doubled number is held by %q", got)
	}
	if !org.Get("Lead.#(IsConverted==true)").Exists() {
		t.Error("no converted lead")
	}

	g := New(Options{Seed: 6})
	matched, calls := 0, 0
	for range 500 {
		calls++
		c := parse(g.Call())
		if n, err := phonenumbers.Parse(c.first().Get("raw_digits").Str, ""); err == nil && len(records[phonenumbers.Format(n, phonenumbers.E164)]) > 0 {
			matched++
		}
	}
	t.Logf("%d of %d calls match a record", matched, calls)
	if matched < calls/2 || matched > calls*4/5 {
		t.Errorf("%d of %d calls match a record", matched, calls)
	}
}

func TestSampleOrgKnowsTheAgents(t *testing.T) {
	users := gjson.GetBytes(SampleOrg(), "User").Array()
	exact, folded := map[string]gjson.Result{}, map[string]gjson.Result{}
	for _, u := range users {
		exact[u.Get("Email").Str] = u
		folded[strings.ToLower(u.Get("Email").Str)] = u
	}
	usable := 0
	for _, a := range agents {
		if u, ok := exact[a.Email]; ok && u.Get("IsActive").Bool() && u.Get("CreatedDate").Str < "2026" {
			usable++
		}
	}
	if usable < len(agents)/2 {
		t.Errorf("%d of %d agents have a usable user", usable, len(agents))
	}
	if u := exact["hugo.petit@haldensupply.example"]; !u.Exists() || u.Get("IsActive").Bool() {
		t.Error("Hugo Petit is not an inactive user")
	}
	if exact["keira.walsh@haldensupply.example"].Exists() || !folded["keira.walsh@haldensupply.example"].Exists() {
		t.Error("Keira Walsh's e-mail is not in other case")
	}
	if u := exact["leo.novak@haldensupply.example"]; u.Get("CreatedDate").Str < "2090" {
		t.Error("Leo Novák's user is not too young")
	}
	if folded["mia.osullivan@haldensupply.example"].Exists() {
		t.Error("Mia O’Sullivan has a user")
	}
}

// The people who call again and again have valid numbers; regions agree.
func TestPeopleHaveValidNumbers(t *testing.T) {
	for _, p := range append(append([]person{}, known...), unusual...) {
		n, err := phonenumbers.Parse(p.digits, "")
		if err != nil || !phonenumbers.IsValidNumber(n) {
			t.Errorf("%s is no valid number", p.digits)
			continue
		}
		region := phonenumbers.GetRegionCodeForNumber(n)
		if region == "001" {
			region = ""
		}
		if region != p.country {
			t.Errorf("%s is of region %q, not %q", p.digits, region, p.country)
		}
	}
	for _, l := range append(lines[:len(lines):len(lines)], menuLine) {
		n, err := phonenumbers.Parse(l.Digits, "")
		if err != nil || !phonenumbers.IsValidNumber(n) || phonenumbers.GetRegionCodeForNumber(n) != l.Country {
			t.Errorf("line %s: %s is no number of %s", l.Name, l.Digits, l.Country)
		}
	}
}
