package doctor

import (
	"context"
	"fmt"
	"slices"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
)

// matched looks at the objects that calls are matched to (M1): the phone fields
// that are compared (M3), and the right to give a record to an agent (O6).
func (o *org) matched(ctx context.Context) {
	wanted := o.rules.Objects()
	for _, name := range []string{projector.Contact, projector.Lead, projector.Account} {
		person := name == projector.Account && slices.Contains(wanted, projector.PersonAccount)
		if !slices.Contains(wanted, name) && !person {
			continue
		}
		object := o.describe(ctx, name)
		if object == nil {
			continue
		}
		fields := o.rules.PhoneFields(name)
		if _, ok := object.Field("IsPersonAccount"); ok && person {
			for _, f := range o.rules.PhoneFields(projector.PersonAccount) {
				if !slices.Contains(fields, f) {
					fields = append(fields, f)
				}
			}
		}
		o.phones(object, fields)
		o.takeOver(object)
	}
}

// phones looks whether phone fields can be seen. One that cannot is not
// compared, and its numbers match nothing.
func (o *org) phones(object *salesforce.Object, fields []string) {
	what := object.Name + " phone fields"
	var seen []string
	for _, f := range fields {
		field, ok := object.Field(f)
		if ok && field.Filterable {
			seen = append(seen, f)
			continue
		}
		if ok {
			o.wrong(object.Name+"."+f, "cannot be searched in, as it is encrypted or a long text, so it is not compared (M3)",
				"Setup > Encryption Policy: leave it out (patterns are not found in encrypted fields of either scheme); or compare a field of type Phone or Text")
			continue
		}
		found, mend := "the integration user may not see it, so it is not compared (M3)", fieldSecurity(object.Name, f)
		if custom(f) {
			o.wrong(object.Name+"."+f, "does not exist, or "+found, mend+"; or take it out of match.extra_phone_fields")
		} else {
			o.advise(object.Name+"."+f, found, mend)
		}
	}
	if len(seen) == 0 {
		o.wrong(what, "the integration user may see none, so no call matches", fmt.Sprintf("Setup > Object Manager > %s > Fields & Relationships > Phone > Set Field-Level Security: tick Visible for the integration user's profile or permission set", object.Name))
		return
	}
	o.ok(what, "compared are "+listed(seen)+" (M3)")
}

// takeOver looks whether records may be given to agents (O6).
func (o *org) takeOver(object *salesforce.Object) {
	if !o.settings.Owner.TakeOverIntegrationRecords {
		return
	}
	what := object.Name + ".OwnerId"
	owner, ok := object.Field("OwnerId")
	if ok && owner.Updateable && object.Updateable {
		o.ok(what, "may be changed (owner.take_over_integration_records, O6)")
		return
	}
	o.wrong(what, "may not be changed, so records of the integration user never go to agents (O6)",
		objectSettings(object.Name, "Edit")+"; or set owner.take_over_integration_records to false")
}

// newRecord are the fields that are written to a created record, by the value
// of match.create (M6).
var newRecord = map[string]struct {
	object string
	fields []string
}{
	"contact": {projector.Contact, []string{"FirstName", "LastName", "Phone"}},
	"lead":    {projector.Lead, []string{"FirstName", "LastName", "Company", "Phone"}},
	"account": {projector.Account, []string{"Name", "Phone"}},
}

// created looks whether a record can be made for a number that matches none (M6, M7).
func (o *org) created(ctx context.Context) {
	wanted, ok := newRecord[o.settings.Match.Create]
	if !ok {
		return
	}
	object := o.describe(ctx, wanted.object)
	if object == nil {
		return
	}
	o.creatable(object, wanted.fields, "match.create, M6")
	o.key(object, o.settings.Match.CreatedKeyField, "match.created_key_field, M7", "create-records")
}

// creatable looks whether records with these fields can be created.
func (o *org) creatable(object *salesforce.Object, fields []string, why string) {
	what := object.Name + " creation"
	if !object.Createable {
		o.wrong(what, "the integration user may not create it ("+why+")", objectSettings(object.Name, "Create"))
		return
	}
	var closed []string
	for _, name := range fields {
		if f, ok := object.Field(name); !ok || !f.Createable {
			closed = append(closed, name)
		}
	}
	if len(closed) > 0 {
		o.wrong(what, "the integration user may not write "+listed(closed)+" ("+why+")", fieldSecurity(object.Name, closed[0]))
		return
	}
	o.ok(what, "may be created ("+why+")")
}

// related looks at what a call with a Contact is associated with (M5).
func (o *org) related(ctx context.Context) {
	switch o.rules.RelatedObject() {
	case projector.Case:
		if object := o.describe(ctx, projector.Case); object != nil {
			o.readable(object, "ContactId", "IsClosed", "LastModifiedDate")
			if o.settings.Match.CreateCase {
				o.creatable(object, []string{"Subject", "ContactId", "Origin"}, "match.create_case, M5")
				if origin, ok := object.Field("Origin"); ok {
					o.picklist(object, origin, []string{"Phone"})
				}
			}
		}
	case projector.Opportunity:
		if object := o.describe(ctx, projector.Opportunity); object != nil {
			o.readable(object, "IsClosed", "LastModifiedDate")
		}
		if object := o.describe(ctx, "OpportunityContactRole"); object != nil {
			o.readable(object, "ContactId", "OpportunityId")
		}
	}
}

// readable looks whether fields can be asked for.
func (o *org) readable(object *salesforce.Object, fields ...string) {
	var unseen []string
	for _, name := range fields {
		if _, ok := object.Field(name); !ok {
			unseen = append(unseen, name)
		}
	}
	if len(unseen) > 0 {
		o.wrong(object.Name, "the integration user may not see "+listed(unseen)+" (match.related, M5)", fieldSecurity(object.Name, unseen[0]))
		return
	}
	o.ok(object.Name, "may be read (match.related, M5)")
}
