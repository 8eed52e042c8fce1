package salesforce

import (
	"context"
	"net/http"
)

// Object is what describe says about an object, as far as it is used here. It
// holds only what the integration user may see.
type Object struct {
	Name string `json:"name"`
	// Createable, Updateable and Deletable say what the user may do with records
	// that sharing lets it reach.
	Createable bool    `json:"createable"`
	Updateable bool    `json:"updateable"`
	Deletable  bool    `json:"deletable"`
	Fields     []Field `json:"fields"`
	// RecordTypes are all of the object's, whether or not the user may use them.
	RecordTypes []RecordType `json:"recordTypeInfos"`
}

// RecordType is one record type of an Object.
type RecordType struct {
	ID        string `json:"recordTypeId"`
	Name      string `json:"name"`
	Active    bool   `json:"active"`
	Available bool   `json:"available"` // to the user
}

// Field is one field of an Object.
type Field struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Length is in UTF-16 units; 0 for a field that is no text.
	Length int `json:"length"`
	// Digits is how many digits an int has, Precision how many another number has,
	// Scale how many of those are behind the point.
	Digits     int  `json:"digits"`
	Precision  int  `json:"precision"`
	Scale      int  `json:"scale"`
	Createable bool `json:"createable"`
	Updateable bool `json:"updateable"`
	// Calculated fields (formulas, roll-ups) are written by nobody.
	Calculated bool `json:"calculated"`
	ExternalID bool `json:"externalId"`
	Unique     bool `json:"unique"`
	// Filterable fields may stand in the WHERE of a query; encrypted and long ones
	// may not.
	Filterable bool `json:"filterable"`
	// RestrictedPicklist is true when only PicklistValues are taken.
	RestrictedPicklist bool            `json:"restrictedPicklist"`
	PicklistValues     []PicklistValue `json:"picklistValues"`
}

// PicklistValue is one value of a picklist.
type PicklistValue struct {
	Value  string `json:"value"`
	Active bool   `json:"active"`
}

// Field finds a field by its API name.
func (o *Object) Field(name string) (Field, bool) {
	for _, f := range o.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// KeyProblem says why a field cannot be the key that makes a write repeatable (L1,
// M7): it must be an external id, unique, and open to the user. It is empty for
// a field that can.
func (o *Object) KeyProblem(name string) string {
	f, ok := o.Field(name)
	switch {
	case !ok:
		return "does not exist, or the integration user may not see it"
	case !f.ExternalID:
		return "is no external id"
	case !f.Unique:
		return "is not unique"
	case !f.Createable:
		return "may not be written by the integration user"
	}
	return ""
}

// Describe gives the fields of an object.
func (c *Client) Describe(ctx context.Context, object string) (*Object, error) {
	var o Object
	if err := c.do(ctx, opDescribe, request{method: http.MethodGet, path: c.data("sobjects", object, "describe")}, &o); err != nil {
		return nil, err
	}
	return &o, nil
}
