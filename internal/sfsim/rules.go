package sfsim

import (
	"fmt"
	"slices"
	"strings"
)

// derive computes the fields that follow from others.
func (t *tx) derive(o *object, r row) {
	switch o.name {
	case "User", "Contact", "Lead":
		r[o.at("Name")] = fullName(r.text(o.at("FirstName")), r.text(o.at("LastName")))
	case "Account":
		if r.flag(o.at("IsPersonAccount")) {
			r[o.at("Name")] = fullName(r.text(o.at("FirstName")), r.text(o.at("LastName")))
		}
	case "Case":
		closed := r[o.at("Status")] == "Closed"
		r[o.at("IsClosed")] = closed
		deriveMoment(r, o.at("ClosedDate"), closed, t.now)
		if r[o.at("CaseNumber")] == nil {
			r[o.at("CaseNumber")] = fmt.Sprintf("%08d", 1000+len(t.table(o).rows)+t.s.locks.added[o.name])
		}
	case "Opportunity":
		stage := r.text(o.at("StageName"))
		r[o.at("IsClosed")] = strings.HasPrefix(stage, "Closed")
		r[o.at("IsWon")] = stage == "Closed Won"
	case "Task":
		closed := r[o.at("Status")] == "Completed"
		r[o.at("IsClosed")] = closed
		r[o.at("IsHighPriority")] = r[o.at("Priority")] == "High"
		deriveMoment(r, o.at("CompletedDateTime"), closed, t.now)
		r[o.at("AccountId")] = t.taskAccount(o, r)
	}
}

func fullName(first, last string) any {
	if name := strings.TrimSpace(first + " " + last); name != "" {
		return name
	}
	return nil
}

// deriveMoment keeps the moment at which a record was closed.
func deriveMoment(r row, index int, closed bool, now string) {
	switch {
	case !closed:
		r[index] = nil
	case r[index] == nil:
		r[index] = now
	}
}

// taskAccount follows the Task entry of the Object Reference: the account is that
// of WhatId if it is an Account or Opportunity; else that of the contact in WhoId.
func (t *tx) taskAccount(o *object, task row) any {
	switch what, r := t.s.find(task.text(o.at("WhatId"))); {
	case r == nil:
	case what.name == "Account":
		return r[what.id]
	case what.name == "Opportunity":
		return r[what.at("AccountId")]
	}
	if who, r := t.s.find(task.text(o.at("WhoId"))); r != nil && who.name == "Contact" {
		return r[who.at("AccountId")]
	}
	return nil
}

// objectRules applies what holds for single objects and needs more than one field.
func (t *tx) objectRules(o *object, old, next row, set []assignment) (errs []*rowError) {
	if t.load {
		return nil
	}
	assigned := func(name string) bool {
		return slices.ContainsFunc(set, func(a assignment) bool { return a.field.name == name })
	}
	if assigned("OwnerId") || old == nil && o.field("OwnerId") != nil {
		if err := t.checkOwner(o, next.text(o.at("OwnerId"))); err != nil {
			errs = append(errs, err)
		}
	}
	switch o.name {
	case "Lead":
		if old != nil && old.flag(o.at("IsConverted")) {
			errs = append(errs, refuse("CANNOT_UPDATE_CONVERTED_LEAD", nil, "cannot reference converted lead"))
		}
	case "Contact":
		if old != nil && old.flag(o.at("IsPersonAccount")) {
			errs = append(errs, refuse("INVALID_FIELD_FOR_INSERT_UPDATE", nil, "cannot update the contact of a person account: update the account"))
		}
	case "Task":
		who, lead := t.s.find(next.text(o.at("WhoId")))
		if lead == nil || who.name != "Lead" {
			break
		}
		// Harsher than to look at what is assigned: the finished Task counts.
		if next[o.at("WhatId")] != nil {
			errs = append(errs, refuse("FIELD_INTEGRITY_EXCEPTION", []string{"WhoId", "WhatId"},
				"Related To ID: a task that is related to a lead cannot be related to another record (WhoId, WhatId)"))
		}
		if assigned("WhoId") && lead.flag(who.at("IsConverted")) {
			errs = append(errs, refuse("CANNOT_UPDATE_CONVERTED_LEAD", nil, "cannot reference converted lead"))
		}
	}
	return errs
}

// checkOwner wants an active user of the standard type, or, for Leads and Cases,
// a queue. An owner that is no reference to one of these was refused before.
func (t *tx) checkOwner(o *object, id string) *rowError {
	owner, r := t.s.find(id)
	switch {
	case r == nil || !slices.Contains(o.field("OwnerId").to, owner.name):
		return nil // refused already, as a reference
	case owner.name == "Group" && (o.name != "Lead" && o.name != "Case" || r[owner.at("Type")] != "Queue"):
		return refuse("FIELD_INTEGRITY_EXCEPTION", []string{"OwnerId"}, "%s: id value of incorrect type: %s", o.field("OwnerId").label, id)
	case owner.name == "Group":
		return nil
	case !r.flag(owner.at("IsActive")):
		return refuse("INACTIVE_OWNER_OR_USER", nil, "operation performed with inactive user [%s] as owner of %s", id, strings.ToLower(o.label))
	case r[owner.at("UserType")] != "Standard":
		return refuse("OP_WITH_INVALID_USER_TYPE_EXCEPTION", nil, "Operation not valid for this user type")
	}
	return nil
}

// personFields pairs the fields of a Person Account with those of its contact.
var personFields = map[string]string{
	"FirstName": "FirstName", "LastName": "LastName", "OwnerId": "OwnerId", "Phone": "Phone",
	"PersonMobilePhone": "MobilePhone", "PersonHomePhone": "HomePhone", "PersonOtherPhone": "OtherPhone",
	"PersonAssistantPhone": "AssistantPhone", "PersonEmail": "Email",
}

// syncPerson keeps the contact that every Person Account also is.
func (t *tx) syncPerson(o *object, account row) {
	if o.name != "Account" || !account.flag(o.at("IsPersonAccount")) {
		return
	}
	c := t.s.schema.object("Contact")
	id := account.text(o.at("PersonContactId"))
	contact := slices.Clone(t.table(c).get(id))
	if contact == nil {
		if id == "" {
			id = t.newID(c)
			account = slices.Clone(account)
			account[o.at("PersonContactId")] = id
			t.put(t.table(o), account.text(o.id), account)
		}
		contact = make(row, len(c.fields))
		for _, f := range c.fields {
			contact[f.index] = f.fallback
		}
		contact[c.id] = id
	}
	for from, to := range personFields {
		contact[c.at(to)] = account[o.at(from)]
	}
	contact[c.at("AccountId")] = account[o.id]
	contact[c.at("IsPersonAccount")] = true
	for _, pair := range [][2]int{
		{c.createdDate, o.createdDate}, {c.createdBy, o.createdBy}, {c.modifiedDate, o.modifiedDate},
		{c.modifiedBy, o.modifiedBy}, {c.modstamp, o.modstamp}, {c.isDeleted, o.isDeleted},
	} {
		contact[pair[0]] = account[pair[1]]
	}
	t.derive(c, contact)
	t.put(t.table(c), id, contact)
}
