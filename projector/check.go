package projector

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Problems are all that is wrong in the settings, in the order of the keys in
// the settings file; none for usable settings.
func Problems(s Settings) []Problem {
	var c check
	c.tasks(s.Tasks)
	c.match(s.Match)
	c.owner(s.Owner)
	return c.problems
}

// check collects problems.
type check struct{ problems []Problem }

func (c *check) add(key, value, wrong, mend string) {
	c.problems = append(c.problems, Problem{key, value, wrong, mend})
}

// oneOf wants one of a few values.
func (c *check) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.add(key, value, "not a value that is known", "write "+or(allowed))
	}
}

// someOf wants a list of different values out of a few.
func (c *check) someOf(key string, values []string, allowed []string) {
	for i, v := range values {
		switch {
		case !slices.Contains(allowed, v):
			c.add(key, v, "not a value that is known", "write "+or(allowed))
		case slices.Contains(values[:i], v):
			c.add(key, v, "comes twice", "leave one out")
		}
	}
}

var apiName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,79}$`)

// name wants the API name of a field.
func (c *check) name(key, value string) {
	if !apiName.MatchString(value) {
		c.add(key, value, "not the API name of a Salesforce field", "write a name such as Aircall_Call_Id__c: letters, digits and underscores")
	}
}

func (c *check) tasks(t Tasks) {
	c.name("tasks.external_id_field", t.ExternalIDField)
	for i, id := range t.Numbers {
		if id <= 0 {
			c.add("tasks.numbers", strconv.FormatInt(id, 10), "not the id of an Aircall number", "write the id that Aircall's dashboard shows in the number's address")
		} else if slices.Contains(t.Numbers[:i], id) {
			c.add("tasks.numbers", strconv.FormatInt(id, 10), "comes twice", "leave one out")
		}
	}
	c.oneOf("tasks.deleted", t.Deleted, "leave", "recreate")
	c.oneOf("tasks.erased", t.Erased, "scrub", "delete")
	c.someOf("tasks.preserve_edits", t.PreserveEdits, append(logicalNames(), EveryField))
	if len(t.PreserveEdits) > 1 && slices.Contains(t.PreserveEdits, EveryField) {
		c.add("tasks.preserve_edits", EveryField, "stands for every field, and others are named beside it", `write ["*"], or the names alone`)
	}
	for _, k := range Kinds {
		c.oneOf("tasks.log."+string(k), t.Log.Of(k), logCompleted, logOpen, logNothing)
	}
	for _, k := range Kinds {
		c.oneOf("tasks.log_at."+string(k), t.LogAt.Of(k), atAnswered, atHungup, atEnded)
	}
	for _, status := range []struct{ key, value string }{{"completed", t.Status.Completed}, {"open", t.Status.Open}} {
		if strings.TrimSpace(status.value) == "" {
			c.add("tasks.status."+status.key, "", "empty", "write a value of the picklist Status on Task")
		}
	}
	c.oneOf("tasks.subjects", t.Subjects, Packs()...)
	for _, name := range slices.Sorted(maps.Keys(t.SubjectTemplates)) {
		key, text := "tasks.subject_templates."+name, t.SubjectTemplates[name]
		if !slices.Contains(templateNames(), name) {
			c.add(key, "", "no such template", "write "+or(templateNames()))
			continue
		}
		if strings.TrimSpace(text) == "" {
			c.add(key, text, "empty", "write a text, or leave the key out for the text of the pack")
		} else if _, err := parseTemplate(text); err != nil {
			c.add(key, text, err.Error(), "write {record}, {number} or {user}")
		}
	}
	if len(t.Disposition.Order) == 0 {
		c.add("tasks.disposition.order", "", "empty", "write at least one of "+or(dispositionParts)+`, or leave CallDisposition out with tasks.fields.call_disposition: ""`)
	}
	c.someOf("tasks.disposition.order", t.Disposition.Order, dispositionParts)
	c.fields(t)
	if t.RecordTypeID != "" && !salesforceID.MatchString(t.RecordTypeID) {
		c.add("tasks.record_type_id", t.RecordTypeID, "not a Salesforce Id", "write the Id of a record type of Task, 15 or 18 letters and digits")
	}
}

var salesforceID = regexp.MustCompile(`^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$`)

// EveryField stands for all fields in the setting tasks.preserve_edits.
const EveryField = "*"

// logicalNames are the names of the Task's fields in the settings.
func logicalNames() []string {
	names := make([]string, len(definitions))
	for i, f := range definitions {
		names[i] = f.logical
	}
	return names
}

// fields checks the field map: its keys, its values, and that no two fields
// get one name.
func (c *check) fields(t Tasks) {
	logical := logicalNames()
	wrong := false
	for _, name := range slices.Sorted(maps.Keys(t.Fields)) {
		key, value := "tasks.fields."+name, t.Fields[name]
		switch {
		case !slices.Contains(logical, name):
			c.add(key, value, "no such field", "write "+or(logical))
		case strings.TrimSpace(value) != "" && !apiName.MatchString(strings.TrimSpace(value)):
			c.name(key, value)
			wrong = true
		}
	}
	if wrong {
		return
	}
	taken := map[string]string{strings.ToLower(t.ExternalIDField): "tasks.external_id_field"}
	for _, f := range mapped(t) {
		key := "tasks.fields." + f.logical
		if other, ok := taken[strings.ToLower(f.name)]; ok {
			c.add(key, f.name, "this field is already used for "+other, "give each its own field")
			continue
		}
		taken[strings.ToLower(f.name)] = key
	}
}

func (c *check) match(m Match) {
	kinds := []string{"contact", "lead", "account", "person_account"}
	c.someOf("match.objects", m.Objects, kinds)
	for _, object := range slices.Sorted(maps.Keys(m.ExtraPhoneFields)) {
		key := "match.extra_phone_fields." + object
		if !slices.Contains(kinds, object) {
			c.add(key, "", "no such kind of record", "write "+or(kinds))
			continue
		}
		for _, field := range m.ExtraPhoneFields[object] {
			c.name(key, field)
		}
	}
	c.oneOf("match.related", m.Related, "case", "opportunity", "none")
	if m.CreateCase && m.Related != "case" {
		c.add("match.create_case", "true", "a Case can only be created where match.related is case", "set match.related to case, or create_case to false")
	}
	c.oneOf("match.create", m.Create, "contact", "lead", "account", "nothing")
	if m.Create != "nothing" || m.CreatedKeyField != "" {
		c.name("match.created_key_field", m.CreatedKeyField)
	}
	if m.DefaultRegion != "" && !phonenumbers.GetSupportedRegions()[strings.ToUpper(m.DefaultRegion)] {
		c.add("match.default_region", m.DefaultRegion, "no region that has phone numbers", "write a code of two letters such as FR or US")
	}
}

func (c *check) owner(o Owner) {
	rungs := []string{rungAgent, rungRecordOwner, rungFallback, rungIntegration}
	for _, ladder := range []struct {
		key   string
		rungs []string
	}{{"owner.answered", o.Answered}, {"owner.unanswered", o.Unanswered}} {
		if len(ladder.rungs) == 0 {
			c.add(ladder.key, "", "empty", "write at least one of "+or(rungs))
		}
		c.someOf(ladder.key, ladder.rungs, rungs)
	}
	seen := make(map[string]string)
	for _, email := range slices.Sorted(maps.Keys(o.Aliases)) {
		key := "owner.aliases." + email
		if strings.TrimSpace(o.Aliases[email]) == "" {
			c.add(key, "", "empty", "write the user name of a Salesforce user")
		}
		if other, ok := seen[strings.ToLower(email)]; ok {
			c.add(key, "", "the same e-mail as "+other+", which differs only in case", "leave one out")
		}
		seen[strings.ToLower(email)] = email
	}
	if o.MinimumUserAge < 0 {
		c.add("owner.minimum_user_age", fmt.Sprint(o.MinimumUserAge), "negative", "write a duration such as 24h")
	}
}
