package salesforce

import (
	"context"
	"net/http"
)

// Object is what describe says about an object, as far as it is used here. It
// holds only what the integration user may see.
type Object struct {
	Name   string  `json:"name"`
	Fields []Field `json:"fields"`
}

// Field is one field of an Object.
type Field struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Length is in UTF-16 units; 0 for a field that is no text.
	Length     int  `json:"length"`
	Createable bool `json:"createable"`
	Updateable bool `json:"updateable"`
	ExternalID bool `json:"externalId"`
	Unique     bool `json:"unique"`
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

// Describe gives the fields of an object.
func (c *Client) Describe(ctx context.Context, object string) (*Object, error) {
	var o Object
	if err := c.do(ctx, opDescribe, request{method: http.MethodGet, path: c.data("sobjects", object, "describe")}, &o); err != nil {
		return nil, err
	}
	return &o, nil
}
