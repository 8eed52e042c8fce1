package sfsim

import (
	"net/http"
	"net/url"
	"strings"
)

// saveResult answers a request that creates or upserts one record.
type saveResult struct {
	ID      string      `json:"id,omitempty"`
	Success bool        `json:"success"`
	Errors  []*rowError `json:"errors"`
	Created *bool       `json:"created,omitempty"`
}

// object finds the object that the path names.
func (c *call) object() (*object, *apiError) {
	if o := c.s.schema.object(c.args[0]); o != nil {
		return o, nil
	}
	return nil, notFound()
}

// record finds the record that the path names by its Id.
func (c *call) record() (*object, row, *apiError) {
	o, err := c.object()
	if err != nil {
		return nil, nil, err
	}
	id, ok := canonicalID(c.args[1])
	if !ok {
		return nil, nil, fail(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", c.args[1])
	}
	return c.alive(o, c.s.tables[o.name].get(id))
}

// recordByExternalID finds the record that the path names by an external id.
func (c *call) recordByExternalID() (*object, row, *apiError) {
	o, err := c.object()
	if err != nil {
		return nil, nil, err
	}
	f, err := c.externalIDField(o, c.args[1])
	if err != nil {
		return nil, nil, err
	}
	found := c.s.tables[o.name].holders(f, c.args[2])
	if len(found) == 0 {
		return nil, nil, notFound()
	}
	if len(found) > 1 {
		return nil, nil, c.several(o, found)
	}
	return c.alive(o, found[0])
}

// several tells that an external id is that of more than one record: HTTP 300, with
// their addresses ("sObject Rows by External ID"; "Status Codes and Error
// Responses": "the response body contains the list of matching records").
func (c *call) several(o *object, found []row) *apiError {
	err := fail(http.StatusMultipleChoices, "", "")
	for _, r := range found {
		err.records = append(err.records, c.recordURL(o, r.text(o.id)))
	}
	return err
}

func (c *call) alive(o *object, r row) (*object, row, *apiError) {
	switch {
	case r == nil:
		return nil, nil, notFound()
	case r.flag(o.isDeleted):
		return nil, nil, fail(http.StatusNotFound, "ENTITY_IS_DELETED", "entity is deleted")
	}
	return o, r, nil
}

func (c *call) externalIDField(o *object, name string) (*field, *apiError) {
	f := o.fieldFor(c.user, name)
	if f == nil || !f.external {
		return nil, fail(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", name)
	}
	return f, nil
}

// decoder reads the body, whose records may name what the user sees.
func (c *call) decoder() decoder {
	return decoder{c.body, func(o *object, name string) *field { return o.fieldFor(c.user, name) }}
}

// fields reads the body as one record; Id and the fields in without may not be in it.
func (c *call) fields(o *object, without ...*field) ([]assignment, *apiError) {
	d := c.decoder()
	members, err := d.whole()
	if err != nil {
		return nil, err
	}
	set, err := d.fields(o, members)
	if err != nil {
		return nil, err
	}
	for _, a := range set {
		for _, f := range append(without, o.fields[o.id]) {
			if a.field == f {
				return nil, badRequest("INVALID_FIELD", "The %s field should not be specified in the sobject data.", f.name)
			}
		}
	}
	return set, nil
}

// create is POST sobjects/OBJECT ("sObject Basic Information").
func create(c *call) *response {
	o, err := c.object()
	if err != nil {
		return failure(err)
	}
	set, err := c.fields(o)
	if err != nil {
		return failure(err)
	}
	id, errs := c.tx.insert(o, set)
	if len(errs) > 0 {
		return failure(asAPIErrors(errs)...)
	}
	resp := answer(http.StatusCreated, saveResult{ID: id, Success: true})
	resp.header.Set("Location", c.recordURL(o, id))
	return resp
}

// retrieve is GET sobjects/OBJECT/ID?fields= ("sObject Rows").
func retrieve(c *call) *response { return c.answerRecord(c.record()) }

// retrieveExternal is GET sobjects/OBJECT/FIELD/VALUE ("sObject Rows by External ID").
func retrieveExternal(c *call) *response { return c.answerRecord(c.recordByExternalID()) }

func (c *call) answerRecord(o *object, r row, err *apiError) *response {
	if err != nil {
		return failure(err)
	}
	fields, err := c.selectFields(o, c.query.Get("fields"))
	if err != nil {
		return failure(err)
	}
	return newResponse(http.StatusOK, c.appendRecord(nil, o, r, fields))
}

// selectFields reads a comma-separated list of fields; an empty one means all.
func (c *call) selectFields(o *object, list string) (out []*field, err *apiError) {
	if list == "" {
		for _, f := range o.fields {
			if f.visible(c.user) {
				out = append(out, f)
			}
		}
		return out, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		f := o.fieldFor(c.user, strings.TrimSpace(name))
		if f == nil {
			return nil, badRequest("INVALID_FIELD", "No such column '%s' on entity '%s'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.", name, o.name)
		}
		out = append(out, f)
	}
	return out, nil
}

// appendRecord writes a record with its attributes.
func (c *call) appendRecord(dst []byte, o *object, r row, fields []*field) []byte {
	dst = append(dst, '{')
	dst = c.appendAttributes(dst, o.name, o, r.text(o.id))
	for _, f := range fields {
		dst = append(dst, ',', '"')
		dst = append(dst, f.name...)
		dst = append(dst, '"', ':')
		dst = appendValue(dst, f, r[f.index])
	}
	return append(dst, '}')
}

func (c *call) appendAttributes(dst []byte, typeName string, o *object, id string) []byte {
	dst = append(dst, `"attributes":{"type":"`...)
	dst = append(dst, typeName...)
	dst = append(dst, `","url":"`...)
	dst = append(dst, c.recordURL(o, id)...)
	return append(dst, `"}`...)
}

func (c *call) recordURL(o *object, id string) string {
	return "/services/data/" + c.version + "/sobjects/" + url.PathEscape(o.name) + "/" + id
}

// update is PATCH sobjects/OBJECT/ID.
func update(c *call) *response {
	o, r, err := c.record()
	if err != nil {
		return failure(err)
	}
	set, err := c.fields(o)
	if err != nil {
		return failure(err)
	}
	if errs := c.tx.update(o, r.text(o.id), set); len(errs) > 0 {
		return failure(asAPIErrors(errs)...)
	}
	return newResponse(http.StatusNoContent, nil)
}

// upsert is PATCH sobjects/OBJECT/FIELD/VALUE ("Upsert Records Using sObject Rows
// by External ID"): 201 for a new record, 200 for an existing one. With
// ?updateOnly=true nothing is created.
func upsert(c *call) *response {
	o, err := c.object()
	if err != nil {
		return failure(err)
	}
	f, err := c.externalIDField(o, c.args[1])
	if err != nil {
		return failure(err)
	}
	set, err := c.fields(o, f)
	if err != nil {
		return failure(err)
	}
	value := strings.TrimSpace(c.args[2])
	found := c.tx.table(o).holders(f, value)
	if value == "" || c.query.Get("updateOnly") == "true" && len(found) == 0 {
		return failure(notFound())
	}
	if len(found) > 1 {
		return failure(c.several(o, found))
	}
	id, created, errs := c.tx.upsert(o, assignment{field: f, value: value, units: utf16Len(value)}, set)
	if len(errs) > 0 {
		return failure(asAPIErrors(errs)...)
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	resp := answer(status, saveResult{ID: id, Success: true, Created: &created})
	if created {
		resp.header.Set("Location", c.recordURL(o, id))
	}
	return resp
}

// remove is DELETE sobjects/OBJECT/ID.
func remove(c *call) *response { return c.removeRecord(c.record()) }

// removeExternal is DELETE sobjects/OBJECT/FIELD/VALUE.
func removeExternal(c *call) *response { return c.removeRecord(c.recordByExternalID()) }

func (c *call) removeRecord(o *object, r row, err *apiError) *response {
	if err != nil {
		return failure(err)
	}
	if rowErr := c.tx.remove(o, r.text(o.id)); rowErr != nil {
		return failure(asAPIErrors([]*rowError{rowErr})...)
	}
	return newResponse(http.StatusNoContent, nil)
}
