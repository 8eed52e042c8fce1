package projector

import (
	"strings"

	"github.com/callfold/callfold/schemas"
)

// Salesforce's limits of names, in UTF-16 units.
const (
	maxFirstName   = 40
	maxLastName    = 80
	maxAccountName = 255
)

// NewRecord is the record to create for a call that matches none (M6): its
// object and its fields by API name. ok is false when none is wanted: by the
// settings, or because the number is withheld or not a valid one (M4, M8).
//
// It carries a unique external id, so that two calls in one second make one
// record: create it, never upsert it, and let DUPLICATE_VALUE lead to the one
// that exists (M7). No owner is set: it belongs to the integration user.
func (r *Rules) NewRecord(record schemas.CallRecord, l Lookup) (object string, fields map[string]any, ok bool) {
	if l.Number == "" {
		return "", nil, false
	}
	fields = map[string]any{"Phone": l.Number, r.settings.Match.CreatedKeyField: l.Number}
	first, last := partyName(record.State.Contact.Value)
	if last == "" {
		last = l.Display
	}
	switch r.settings.Match.Create {
	case "account":
		fields["Name"] = cut(strings.TrimSpace(first+" "+last), maxAccountName)
		return Account, fields, true
	case "contact":
		object = Contact
	case "lead":
		object = Lead
		fields["Company"] = r.pack.company
	default:
		return "", nil, false
	}
	fields["LastName"] = cut(last, maxLastName)
	if first != "" {
		fields["FirstName"] = cut(first, maxFirstName)
	}
	return object, fields, true
}

// partyName is the Aircall contact's name. Who has only one name has a last
// name, since Salesforce wants one; who has only a company is named by it.
func partyName(c schemas.Contact) (first, last string) {
	first, last = strings.TrimSpace(c.FirstName), strings.TrimSpace(c.LastName)
	if last == "" {
		first, last = "", first
	}
	if last == "" {
		last = strings.TrimSpace(c.Company)
	}
	return first, last
}

// NewCase is the Case to create for a call whose Contact has none open (M5):
// its fields by API name. ok is false when none is wanted. It belongs to the
// integration user and is named like the Task.
func (r *Rules) NewCase(record schemas.CallRecord, l Lookup, m *schemas.Match) (fields map[string]any, ok bool) {
	if !r.settings.Match.CreateCase || r.RelatedObject() != Case || m == nil || m.Object != Contact || m.WhatID != "" {
		return nil, false
	}
	subject := cut(r.subject(&record.State, l, m), 255)
	return map[string]any{"ContactId": m.ID, "Subject": subject, "Origin": "Phone"}, true
}
