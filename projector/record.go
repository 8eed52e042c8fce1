package projector

import (
	"slices"
	"time"
)

// The kinds of records that a call is matched to, as schemas.Match names them.
const (
	Contact       = "Contact"
	Lead          = "Lead"
	Account       = "Account"
	PersonAccount = "PersonAccount"
)

// Record is a Salesforce record that may be the external party of a call.
type Record struct {
	// Object is Contact, Lead or Account. An Account with IsPersonAccount is
	// judged as PersonAccount.
	Object string
	ID     string
	Name   string
	// OwnerID is a user or a queue; empty where Salesforce shows none.
	OwnerID string
	// Phones are the values of phone fields by API name, as stored. It may hold
	// more fields than are compared.
	Phones map[string]string
	// LastModified is LastModifiedDate.
	LastModified time.Time
	// IsConverted is a Lead's; IsPersonAccount an Account's or a Contact's.
	IsConverted     bool
	IsPersonAccount bool
}

// kind is the kind of record that r is a candidate as (M1, M3); empty when it
// is none, with the reason.
func (r *Record) kind() (kind, whyNot string) {
	switch {
	case r.Object == Account && r.IsPersonAccount:
		return PersonAccount, ""
	case r.Object == Contact && r.IsPersonAccount:
		return "", "it is the contact half of a Person Account"
	case r.Object == Lead && r.IsConverted:
		return "", "it is converted"
	case r.Object == Contact || r.Object == Lead || r.Object == Account:
		return r.Object, ""
	}
	return "", "it is no Contact, Lead or Account"
}

// objectNames are the kinds of records as the settings spell them.
var objectNames = map[string]string{
	Contact: "contact", Lead: "lead", Account: "account", PersonAccount: "person_account",
}

// standardPhoneFields are the compared fields of M3, by kind of record.
var standardPhoneFields = map[string][]string{
	Contact:       {"Phone", "MobilePhone", "HomePhone", "AssistantPhone", "OtherPhone"},
	Lead:          {"Phone", "MobilePhone"},
	Account:       {"Phone"},
	PersonAccount: {"Phone", "PersonMobilePhone", "PersonHomePhone", "PersonOtherPhone", "PersonAssistantPhone"},
}

// PhoneFields are the API names of the fields that are compared for a kind of
// record (Contact, Lead, Account, PersonAccount), with the extra ones of the
// settings (M3).
func (r *Rules) PhoneFields(kind string) []string {
	fields := slices.Clone(standardPhoneFields[kind])
	for _, extra := range r.settings.Match.ExtraPhoneFields[objectNames[kind]] {
		fields = appendNew(fields, extra)
	}
	return fields
}

// Objects are the kinds of records to match, in order of priority (M1).
func (r *Rules) Objects() []string {
	var kinds []string
	for _, name := range r.settings.Match.Objects {
		for kind, n := range objectNames {
			if n == name {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds
}
