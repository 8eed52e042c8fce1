package projector

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// OrgFile is an org in memory: what `--org FILE` holds.
type OrgFile struct {
	Org     Org
	Records []Record
	Related []Related
}

// orgObjects are the members of an org file. Those that the projector does not
// look at are allowed, since the same file loads the simulator.
var orgObjects = []string{
	"User", "Contact", "Lead", "Account", "Case", "Opportunity", "OpportunityContactRole",
	"Group", "Task", "TaskStatus", "RecordType",
}

// ParseOrg reads an org file: one JSON object with integration_user and lists
// of Salesforce records by type, Ids given. Its error joins everything that is
// wrong, each with its place such as Contact[2].Id.
func ParseOrg(body []byte) (*OrgFile, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, fmt.Errorf("reading the org file: it must be one JSON object, {\"integration_user\": …, \"Contact\": […], …}: %w", err)
	}
	p := orgParser{members: members, ids: make(map[string]string), file: &OrgFile{}}
	p.known()
	p.integrationUser()
	p.users()
	p.records(Contact)
	p.records(Lead)
	p.records(Account)
	contactsOf := p.contactRoles()
	p.related(Case, nil)
	p.related(Opportunity, contactsOf)
	if len(p.problems) > 0 {
		return nil, fmt.Errorf("reading the org file: %w", errors.Join(p.problems...))
	}
	return p.file, nil
}

// orgParser reads the members of an org file and collects what is wrong.
type orgParser struct {
	members  map[string]jsontext.Value
	ids      map[string]string // short Id → where it was given
	file     *OrgFile
	problems []error
}

func (p *orgParser) problem(where, format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...)))
}

func (p *orgParser) known() {
	var unknown []string
	for name := range p.members {
		if name != "integration_user" && !slices.Contains(orgObjects, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		p.problem(name, "no such member; write integration_user, %s", or(orgObjects))
	}
}

func (p *orgParser) integrationUser() {
	raw, ok := p.members["integration_user"]
	if !ok {
		return
	}
	if err := json.Unmarshal(raw, &p.file.Org.IntegrationUser); err != nil {
		p.problem("integration_user", "it must be the Id of a user, in quotes")
	}
}

// row is one record of the file.
type row struct {
	p      *orgParser
	where  string
	fields map[string]any
}

// rows are the records of a type. Every record must have an Id of its own.
func (p *orgParser) rows(object string) []row {
	raw, ok := p.members[object]
	if !ok || raw.Kind() == 'n' {
		return nil
	}
	var list []map[string]any
	if err := json.Unmarshal(raw, &list); err != nil {
		p.problem(object, "it must be a list of records, [{\"Id\": …}, …]: %v", err)
		return nil
	}
	var out []row
	for i, fields := range list {
		r := row{p, fmt.Sprintf("%s[%d]", object, i), fields}
		if object != "OpportunityContactRole" || fields["Id"] != nil {
			r.id()
		}
		out = append(out, r)
	}
	return out
}

func (r row) id() {
	id := r.text("Id")
	switch {
	case !salesforceID.MatchString(id):
		r.p.problem(r.where+".Id", "%q is no Salesforce Id: it has 15 or 18 letters and digits", id)
	case r.p.ids[shortID(id)] != "":
		r.p.problem(r.where+".Id", "%s is the Id of %s already", id, r.p.ids[shortID(id)])
	default:
		r.p.ids[shortID(id)] = r.where
	}
}

// text is a field that is a string, empty where it is absent or null.
func (r row) text(field string) string {
	switch v := r.fields[field].(type) {
	case nil:
	case string:
		return v
	default:
		r.p.problem(r.where+"."+field, "it must be a string or null, not %v", v)
	}
	return ""
}

// is is a field that is a boolean, with a default where it is absent or null.
func (r row) is(field string, otherwise bool) bool {
	switch v := r.fields[field].(type) {
	case nil:
	case bool:
		return v
	default:
		r.p.problem(r.where+"."+field, "it must be true, false or null, not %v", v)
	}
	return otherwise
}

// salesforceTime is how Salesforce writes a time; RFC 3339 is understood too.
const salesforceTime = "2006-01-02T15:04:05.999-0700"

// time is a field that is a time, zero where it is absent or null.
func (r row) time(field string) time.Time {
	s := r.text(field)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{salesforceTime, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	r.p.problem(r.where+"."+field, "%q is no time such as 2026-01-31T09:00:00.000+0000", s)
	return time.Time{}
}

// name is Name, or made of the first and last name as Salesforce makes it.
func (r row) name() string {
	if name := r.text("Name"); name != "" {
		return name
	}
	return strings.TrimSpace(r.text("FirstName") + " " + r.text("LastName"))
}

func (p *orgParser) users() {
	var users []User
	for _, r := range p.rows("User") {
		users = append(users, User{
			ID:        r.text("Id"),
			Name:      r.name(),
			Username:  r.text("Username"),
			Email:     r.text("Email"),
			IsActive:  r.is("IsActive", true),
			CreatedAt: r.time("CreatedDate"),
		})
	}
	for _, r := range p.rows("Group") {
		users = append(users, User{ID: r.text("Id"), Name: r.name(), IsActive: true, IsQueue: true})
	}
	p.file.Org.Users = NewDirectory(users)
}

func (p *orgParser) records(object string) {
	for _, r := range p.rows(object) {
		record := Record{
			Object:          object,
			ID:              r.text("Id"),
			Name:            r.name(),
			OwnerID:         r.text("OwnerId"),
			Phones:          make(map[string]string),
			LastModified:    r.time("LastModifiedDate"),
			IsConverted:     r.is("IsConverted", false),
			IsPersonAccount: r.is("IsPersonAccount", false),
		}
		for field, v := range r.fields {
			if s, ok := v.(string); ok {
				record.Phones[field] = s // the settings say which are phones (M3)
			}
		}
		p.file.Records = append(p.file.Records, record)
	}
}

// contactRoles are the Contacts of each Opportunity.
func (p *orgParser) contactRoles() map[string][]string {
	contacts := make(map[string][]string)
	for _, r := range p.rows("OpportunityContactRole") {
		opportunity, contact := r.text("OpportunityId"), r.text("ContactId")
		if opportunity == "" || contact == "" {
			p.problem(r.where, "it must have an OpportunityId and a ContactId")
		}
		contacts[shortID(opportunity)] = append(contacts[shortID(opportunity)], contact)
	}
	return contacts
}

// related reads Cases, or Opportunities with their Contacts.
func (p *orgParser) related(object string, contactsOf map[string][]string) {
	for _, r := range p.rows(object) {
		contacts := []string{r.text("ContactId")}
		if object == Opportunity {
			contacts = contactsOf[shortID(r.text("Id"))]
		}
		for _, contact := range contacts {
			p.file.Related = append(p.file.Related, Related{
				Object:       object,
				ID:           r.text("Id"),
				ContactID:    contact,
				IsClosed:     r.is("IsClosed", closedByStatus(r)),
				LastModified: r.time("LastModifiedDate"),
			})
		}
	}
}

// closedByStatus is IsClosed of a Case or an Opportunity as Salesforce computes
// it from the standard picklist values.
func closedByStatus(r row) bool {
	return r.text("Status") == "Closed" || strings.HasPrefix(r.text("StageName"), "Closed ")
}
