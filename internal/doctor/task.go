package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
)

// wantedValues are what the rules write into Task's picklists, by logical field
// (F1, F4, F15, F17). They are the same in every pack.
func (o *org) wantedValues() map[string][]string {
	status := o.settings.Tasks.Status
	return map[string][]string{
		"type": {"Call"}, "task_subtype": {"Call"}, "call_type": {"Inbound", "Outbound"}, "status": {status.Completed, status.Open},
		"connection_status": {"connected", "not connected"},
	}
}

// task looks at the object Task: its fields, its key and its picklists.
func (o *org) task(ctx context.Context) {
	task := o.describe(ctx, "Task")
	if task == nil {
		return
	}
	if task.Createable && task.Updateable {
		o.ok("Task", "may be created and edited")
	} else {
		o.wrong("Task", "the integration user may not create and edit Tasks", objectSettings("Task", "Edit"))
	}
	if o.settings.Tasks.Erased == "delete" {
		o.deletion(task)
	}
	o.key(task, o.settings.Tasks.ExternalIDField, "tasks.external_id_field, L1", "force-app")
	wanted := o.wantedValues()
	for _, f := range o.rules.TaskFields() {
		o.taskField(task, f)
		if field, ok := task.Field(f.Name); ok && len(wanted[f.Logical]) > 0 && chosen(field) {
			o.picklist(task, field, wanted[f.Logical])
		}
	}
	o.recordType(task)
}

// deletion looks whether the Tasks of erased calls can be deleted.
func (o *org) deletion(task *salesforce.Object) {
	const what = "Task deletion"
	if task.Deletable {
		o.ok(what, "Tasks may be deleted (tasks.erased)")
		return
	}
	o.wrong(what, "the integration user may not delete Tasks, and tasks.erased is delete: the Tasks of erased calls stay as they are",
		"Setup > Permission Sets > the integration user's > System Permissions: tick Edit Tasks; or set tasks.erased: scrub")
}

// key looks at a field that makes writes repeatable: why it is wanted, and which
// package directory of schemas/salesforce makes it.
func (o *org) key(object *salesforce.Object, field, why, directory string) {
	what := object.Name + "." + field
	problem := object.KeyProblem(field)
	if f, ok := object.Field(field); ok && problem == "" && (f.Type != "string" || f.Length < longestKey) {
		o.wrong(what, fmt.Sprintf("is of type %s and length %d, and texts of up to %d characters are written (%s)", f.Type, f.Length, longestKey, why),
			fieldNew(object.Name, field, "Text(40), External ID, Unique")+"; the present one must be deleted or have another name")
		return
	}
	if problem == "" {
		o.ok(what, "External ID, Unique ("+why+")")
		return
	}
	mend := fieldNew(object.Name, field, "Text(40), External ID, Unique") +
		", or deploy " + directory + " of schemas/salesforce; where it exists, there > Set Field-Level Security: tick Visible for the integration user"
	if f, ok := object.Field(field); ok {
		mend = fmt.Sprintf("Setup > Object Manager > %s > Fields & Relationships > %s > Edit: tick External ID and Unique", setupObject(object.Name, field), field)
		if f.ExternalID && f.Unique {
			mend = fieldSecurity(object.Name, field)
		}
	}
	o.wrong(what, problem+" ("+why+")", mend)
}

// taskField looks whether a mapped field can be written when the sink writes it.
func (o *org) taskField(task *salesforce.Object, f projector.FieldName) {
	what := "Task." + f.Name
	named := fmt.Sprintf("(tasks.fields.%s, %s)", f.Logical, f.Rule)
	leave := fmt.Sprintf(`, or leave it out with tasks.fields.%s: ""`, f.Logical)
	found, ok := task.Field(f.Name)
	switch {
	case !ok && f.Logical == "type":
		o.wrong(what, "the integration user may not see it, and without it nothing can be logged "+named, fieldSecurity("Task", f.Name))
	case !ok && custom(f.Name):
		o.wrong(what, "does not exist, or the integration user may not see it "+named, o.missingField(f)+leave)
	case !ok:
		o.wrong(what, "the integration user may not see it "+named, fieldSecurity("Task", f.Name)+leave)
	case found.Calculated:
		o.advise(what, "a formula, so it is left out of every Task "+named, fmt.Sprintf(`map another field in tasks.fields.%s, or leave it out with ""`, f.Logical))
	case !found.Createable && !found.Updateable:
		o.wrong(what, "read-only for the integration user, so it is left out of every Task "+named, fieldSecurity("Task", f.Name)+leave)
	case !found.Createable:
		o.wrong(what, "may not be written when a Task is created "+named, fieldSecurity("Task", f.Name)+leave)
	case !f.CreateOnly && !found.Updateable:
		o.wrong(what, "may not be written when a Task is changed "+named, fieldSecurity("Task", f.Name)+leave)
	case o.misfit(found, f, named, leave):
	case f.CreateOnly:
		o.ok(what, "may be written when a Task is created "+named)
	default:
		o.ok(what, "may be written "+named)
	}
}

// missingField is how to mend that a custom field is not there.
func (o *org) missingField(f projector.FieldName) string {
	if strings.HasPrefix(f.Name, "aircall__") {
		return "with Aircall's package: " + fieldSecurity("Task", f.Name) + "; without it: deploy schemas/salesforce with call-fields and use its tasks.fields"
	}
	return fieldSecurity("Task", f.Name) + "; or deploy schemas/salesforce"
}

// picklist looks whether a field takes the values that are written to it.
func (o *org) picklist(object *salesforce.Object, field salesforce.Field, wanted []string) {
	what := object.Name + "." + field.Name + " values"
	active := map[string]bool{}
	for _, v := range field.PicklistValues {
		active[v.Value] = active[v.Value] || v.Active
	}
	var missing []string
	for _, v := range wanted {
		if !active[v] {
			missing = append(missing, v)
		}
	}
	mend := fmt.Sprintf("Setup > Object Manager > %s > Fields & Relationships > %s > Values > New", object.Name, field.Name)
	if field.Name == "Status" {
		mend += ", or name values that exist in tasks.status"
	}
	switch {
	case len(missing) == 0:
		o.ok(what, listed(wanted))
	case field.RestrictedPicklist:
		o.wrong(what, "the picklist has no active "+listed(missing)+", so such "+object.Name+"s are rejected", mend)
	default:
		o.advise(what, "the picklist has no active "+listed(missing)+"; the API takes it all the same, but nobody can choose it", mend)
	}
}
