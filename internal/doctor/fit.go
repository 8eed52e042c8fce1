package doctor

import (
	"fmt"
	"slices"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
)

// The types of fields, as describe calls them, that take what is written.
var (
	texts      = []string{"string", "textarea", "picklist", "combobox", "phone", "url", "encryptedstring"}
	numbers    = []string{"int", "long", "double", "currency", "percent"}
	checkboxes = []string{"boolean"}
	dates      = []string{"date"}
	references = []string{"reference"}
)

// shape is what is written to a field of Task.
type shape struct {
	types []string
	kind  string // of the field to make, as Setup calls it
	// whole is how long a text is that must not be cut, in UTF-16 units, or how many
	// digits a number has; long is how long a text gets that may be cut. 0 for no matter.
	whole, long int
}

// shapes are what the rules write, by logical field. The longest name of a time
// zone has 32 characters, an asset page's address up to 64; calls of more than a day
// have 5 digits of seconds.
var shapes = map[string]shape{
	"type":              {texts, "Picklist", 0, 0},
	"task_subtype":      {texts, "Picklist", 0, 0},
	"subject":           {texts, "Text(255)", 0, 255},
	"call_disposition":  {texts, "Text(255)", 0, 255},
	"call_type":         {texts, "Picklist", 0, 0},
	"activity_date":     {dates, "Date", 0, 0},
	"call_duration":     {numbers, "Number(18, 0)", 5, 0},
	"waiting_time":      {numbers, "Number(18, 0)", 5, 0},
	"answered_by":       {texts, "Text(255)", 0, 80},
	"phone_number":      {texts, "Phone", 15, 0},
	"country":           {texts, "Text(255)", 0, 60},
	"recording":         {texts, "URL", 64, 0},
	"transferred_to":    {texts, "Text(255)", 0, 80},
	"timezone":          {texts, "Text(255)", 32, 0},
	"hour_of_the_day":   {texts, "Text(255)", 5, 0},
	"connection_status": {texts, "Text(255)", 13, 0},
	"has_connected":     {checkboxes, "Checkbox", 0, 0},
	"status":            {texts, "Picklist", 0, 0},
	"description":       {texts, "Long Text Area(32000)", 0, 32000},
	"who_id":            {references, "Lookup", 0, 0},
	"what_id":           {references, "Lookup", 0, 0},
	"owner_id":          {references, "Lookup", 0, 0},
	"record_type_id":    {references, "Lookup", 0, 0},
}

// longestKey is the longest text that is written to a key (L1, M7): a call's id has
// up to 19 digits, a number in E.164 up to 16 characters.
const longestKey = 19

// freeTexts are the logical fields whose values nobody can list: a picklist that
// takes only its own values would refuse most of them.
var freeTexts = []string{
	"subject", "call_disposition", "answered_by", "phone_number", "country", "recording", "transferred_to", "timezone", "hour_of_the_day", "description",
}

// misfit looks whether a field takes what is written to it, and tells if it does not.
func (o *org) misfit(field salesforce.Field, f projector.FieldName, named, leave string) bool {
	what, want := "Task."+f.Name, shapes[f.Logical]
	mend := fmt.Sprintf("name a field of type %s in tasks.fields.%s", want.kind, f.Logical) + leave
	digits := max(field.Digits, field.Precision-field.Scale)
	isText := slices.Contains(texts, field.Type)
	switch {
	case !slices.Contains(want.types, field.Type):
		o.wrong(what, fmt.Sprintf("is of type %s, and a value for a %s does not go in: such Tasks are rejected %s", field.Type, want.kind, named), mend)
	case field.RestrictedPicklist && slices.Contains(freeTexts, f.Logical):
		o.wrong(what, "is a picklist that takes only its own values: Tasks with others are rejected "+named, mend)
	case isText && field.Length > 0 && field.Length < want.whole:
		o.wrong(what, fmt.Sprintf("takes %d characters, which is too short: values of up to %d are cut or left out %s", field.Length, want.whole, named), mend)
	case !isText && digits > 0 && digits < want.whole:
		o.wrong(what, fmt.Sprintf("takes %d digits before the point, which is too few: Tasks of long calls are rejected %s", digits, named), mend)
	case isText && field.Length > 0 && field.Length < want.long:
		o.advise(what, fmt.Sprintf("takes %d characters, so longer values are cut %s", field.Length, named), mend)
	default:
		return false
	}
	return true
}

// chosen says whether a field's values are chosen from a list.
func chosen(f salesforce.Field) bool { return f.Type == "picklist" || f.Type == "combobox" }

// recordType looks at the record type that Tasks get (F22).
func (o *org) recordType(task *salesforce.Object) {
	const what = "tasks.record_type_id"
	id := o.settings.Tasks.RecordTypeID
	if id == "" {
		return
	}
	if len(task.RecordTypes) == 0 {
		o.advise(what, "could not be checked: the org names no record types of Task (F22)", "Setup > Object Manager > Task > Record Types shows them")
		return
	}
	for _, r := range task.RecordTypes {
		switch {
		case shortID(r.ID) != shortID(id):
			continue
		case !r.Active:
			o.wrong(what, r.Name+" is inactive, so no Task can be created (F22)", "Setup > Object Manager > Task > Record Types > "+r.Name+" > Edit: tick Active")
		case !r.Available:
			o.wrong(what, r.Name+" is not assigned to the integration user, so no Task can be created (F22)", "Setup > Permission Sets > the integration user's > Object Settings > Tasks > Edit: tick "+r.Name)
		default:
			o.ok(what, r.Name+" may be used (F22)")
		}
		return
	}
	o.wrong(what, "Task has no record type "+id+", so no Task can be created (F22)", "Setup > Object Manager > Task > Record Types: open the one that is meant, its Id is in the address; or leave the setting empty")
}
