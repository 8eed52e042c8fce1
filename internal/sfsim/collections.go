package sfsim

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxCollection is how many records one collections request may carry
// ("sObject Collections"); maxRetrieve how many it may ask for by POST.
const (
	maxCollection = 200
	maxRetrieve   = 2000
)

// collection is the body of a collections request: its records in their order.
type collection struct {
	allOrNone bool
	records   []record
}

// record is one element of a collection.
type record struct {
	object *object
	set    []assignment
}

// split returns the value that the record gives to one field, and its other values.
func (r record) split(f *field) (key assignment, rest []assignment) {
	i := slices.IndexFunc(r.set, func(a assignment) bool { return a.field == f })
	if i < 0 {
		return assignment{}, r.set
	}
	return r.set[i], slices.Concat(r.set[:i], r.set[i+1:])
}

// collection reads {allOrNone, records:[{attributes:{type}, …}]}. Whatever is wrong
// with the structure, an unknown field included, is a fault of the whole request.
func (c *call) collection() (*collection, *apiError) {
	d := c.decoder()
	members, err := d.whole()
	if err != nil {
		return nil, err
	}
	var out collection
	var list *member
	for i, m := range members {
		switch m.name {
		case "allOrNone":
			if out.allOrNone = m.value.Kind() == 't'; !out.allOrNone && m.value.Kind() != 'f' {
				return nil, d.parserError(m.offset, "Cannot deserialize instance of boolean from %s or request may be missing a required field", describeValue(m.value))
			}
		case "records":
			list = &members[i]
		default:
			return nil, d.parserError(m.offset, "Unrecognized field '%s'", m.name)
		}
	}
	if list == nil {
		return nil, badRequest("REQUIRED_FIELD_MISSING", "The request is missing the required field: records")
	}
	elements, err := d.elements(list.value, list.offset)
	if err != nil {
		return nil, err
	}
	switch {
	case len(elements) == 0:
		return nil, badRequest("REQUIRED_FIELD_MISSING", "The list of records is empty")
	case len(elements) > maxCollection:
		return nil, badRequest("EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records into this call", maxCollection)
	}
	for _, e := range elements {
		r, err := c.element(d, e)
		if err != nil {
			return nil, err
		}
		out.records = append(out.records, r)
	}
	return &out, nil
}

// element reads one element of a collection.
func (c *call) element(d decoder, e member) (record, *apiError) {
	members, err := d.members(e.value, e.offset)
	if err != nil {
		return record{}, err
	}
	var r record
	for _, m := range members {
		if m.name != "attributes" {
			continue
		}
		attributes, err := d.members(m.value, m.offset)
		if err != nil {
			return r, err
		}
		for _, a := range attributes {
			if a.name != "type" {
				continue
			}
			text, _ := jsontext.AppendUnquote(nil, a.value)
			name := string(text)
			if r.object = c.s.schema.object(name); r.object == nil {
				return r, badRequest("INVALID_TYPE", "sObject type '%s' is not supported.", name)
			}
		}
	}
	if r.object == nil {
		return r, badRequest("INVALID_TYPE", "Each record must name its type in its attributes")
	}
	r.set, err = d.fields(r.object, members)
	return r, err
}

// save works through the records one by one and answers a result for each, in
// their order. With allOrNone a single fault takes all of them back.
func (c *call) save(in *collection, one func(record) (id string, created *bool, errs []*rowError)) *response {
	mark := c.tx.mark()
	results := make([]saveResult, len(in.records))
	failed := false
	for i, r := range in.records {
		id, created, errs := one(r)
		if len(errs) > 0 {
			failed = true
			results[i] = saveResult{Errors: errs}
			if created != nil {
				results[i].Created = new(bool)
			}
			continue
		}
		results[i] = saveResult{ID: id, Success: true, Created: created}
	}
	if failed && in.allOrNone {
		c.tx.rollback(mark)
		for i := range results {
			if results[i].Success {
				results[i] = saveResult{Errors: []*rowError{rolledBack()}}
			}
		}
	}
	return answer(http.StatusOK, results)
}

func rolledBack() *rowError {
	return refuse("ALL_OR_NONE_OPERATION_ROLLED_BACK", nil, "Record rolled back because not all records were valid and the request was using AllOrNone header")
}

// collectionsCreate is POST composite/sobjects.
func collectionsCreate(c *call) *response {
	in, err := c.collection()
	if err != nil {
		return failure(err)
	}
	return c.save(in, func(r record) (string, *bool, []*rowError) {
		if key, _ := r.split(r.object.fields[r.object.id]); key.field != nil {
			return "", nil, []*rowError{refuse("INVALID_FIELD_FOR_INSERT_UPDATE", []string{"Id"}, "cannot specify Id in an insert call")}
		}
		id, errs := c.tx.insert(r.object, r.set)
		return id, nil, errs
	})
}

// collectionsUpdate is PATCH composite/sobjects: each record names its id.
func collectionsUpdate(c *call) *response {
	in, err := c.collection()
	if err != nil {
		return failure(err)
	}
	times := map[string]int{}
	for _, r := range in.records {
		key, _ := r.split(r.object.fields[r.object.id])
		given, _ := key.value.(string)
		id, _ := canonicalID(given)
		times[id]++
	}
	return c.save(in, func(r record) (string, *bool, []*rowError) {
		key, set := r.split(r.object.fields[r.object.id])
		given, _ := key.value.(string)
		if given == "" {
			return "", nil, []*rowError{refuse("MISSING_ARGUMENT", nil, "Id not specified in an update call")}
		}
		id, ok := canonicalID(given)
		switch {
		case !ok:
			return "", nil, []*rowError{refuse("MALFORMED_ID", []string{"Id"}, "%s ID: id value of incorrect type: %s", r.object.label, given)}
		case times[id] > 1:
			return "", nil, []*rowError{refuse("DUPLICATE_VALUE", nil, "Duplicate id specified: %s", id)}
		}
		return id, nil, c.tx.update(r.object, id, set)
	})
}

// collectionsUpsert is PATCH composite/sobjects/OBJECT/FIELD. A key that comes
// twice, compared without case, is refused in every row that has it.
func collectionsUpsert(c *call) *response {
	o, err := c.object()
	if err != nil {
		return failure(err)
	}
	f, err := c.externalIDField(o, c.args[1])
	if err != nil {
		return failure(err)
	}
	in, err := c.collection()
	if err != nil {
		return failure(err)
	}
	times := map[string]int{}
	for _, r := range in.records {
		if r.object != o {
			return failure(badRequest("INVALID_TYPE", "The type %s of a record is not %s, the type of the request", r.object.name, o.name))
		}
		key, _ := r.split(f)
		value, _ := key.value.(string)
		times[strings.ToLower(value)]++
	}
	return c.save(in, func(r record) (string, *bool, []*rowError) {
		key, set := r.split(f)
		created := false
		value, _ := key.value.(string)
		if value == "" {
			return "", &created, []*rowError{refuse("MISSING_ARGUMENT", []string{f.name}, "%s not specified", f.name)}
		}
		if times[strings.ToLower(value)] > 1 {
			return "", &created, []*rowError{refuse("DUPLICATE_VALUE", []string{f.name}, "Duplicate external id specified: %s", value)}
		}
		if id, _ := (record{o, set}).split(o.fields[o.id]); id.field != nil {
			return "", &created, []*rowError{refuse("INVALID_FIELD_FOR_INSERT_UPDATE", []string{"Id"}, "cannot specify Id in an upsert call by %s", f.name)}
		}
		id, created, errs := c.tx.upsert(o, key, set)
		return id, &created, errs
	})
}

// collectionsDelete is DELETE composite/sobjects?ids=…&allOrNone=….
func collectionsDelete(c *call) *response {
	ids := strings.Split(c.query.Get("ids"), ",")
	switch {
	case c.query.Get("ids") == "":
		return failure(badRequest("REQUIRED_FIELD_MISSING", "The parameter ids is missing"))
	case len(ids) > maxCollection:
		return failure(badRequest("EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records into this call", maxCollection))
	}
	in := &collection{allOrNone: c.query.Get("allOrNone") == "true", records: make([]record, len(ids))}
	next := 0
	return c.save(in, func(record) (string, *bool, []*rowError) {
		given := ids[next]
		next++
		id, ok := canonicalID(given)
		if !ok {
			return "", nil, []*rowError{refuse("MALFORMED_ID", nil, "bad id %s", given)}
		}
		o, _ := c.s.find(id)
		if o == nil {
			return "", nil, []*rowError{refuse("INVALID_ID_FIELD", nil, "invalid record id")}
		}
		if err := c.tx.remove(o, id); err != nil {
			return "", nil, []*rowError{err}
		}
		return id, nil, nil
	})
}

// collectionsRetrieve is GET composite/sobjects/OBJECT?ids=…&fields=…, or POST
// with {ids, fields}. What is not there, or deleted, is null.
func collectionsRetrieve(c *call) *response {
	o, err := c.object()
	if err != nil {
		return failure(err)
	}
	ids, names := strings.Split(c.query.Get("ids"), ","), c.query.Get("fields")
	if c.method == http.MethodPost {
		var in struct {
			IDs    []string `json:"ids"`
			Fields []string `json:"fields"`
		}
		if err := c.unmarshal(&in); err != nil {
			return failure(err)
		}
		ids, names = in.IDs, strings.Join(in.Fields, ",")
	}
	switch {
	case names == "":
		return failure(badRequest("REQUIRED_FIELD_MISSING", "The parameter fields is missing"))
	case len(ids) > maxRetrieve:
		return failure(badRequest("EXCEEDED_ID_LIMIT", "record limit reached. cannot retrieve more than %d records in this call", maxRetrieve))
	}
	fields, err := c.selectFields(o, names)
	if err != nil {
		return failure(err)
	}
	out := []byte{'['}
	for i, given := range ids {
		if i > 0 {
			out = append(out, ',')
		}
		id, ok := canonicalID(given)
		if !ok {
			return failure(badRequest("MALFORMED_ID", "malformed id %s", given))
		}
		if r := c.s.tables[o.name].get(id); r != nil && !r.flag(o.isDeleted) {
			out = c.appendRecord(out, o, r, fields)
		} else {
			out = append(out, "null"...)
		}
	}
	return newResponse(http.StatusOK, append(out, ']'))
}
