package sfsim

import (
	"fmt"
	"strings"

	"github.com/callfold/callfold/internal/sfsim/soql"
)

// maxRelationships is how far a path may climb ("Understanding Relationship
// Query Limitations").
const maxRelationships = 5

// reader reads the value of a path out of a row of the object that it starts at.
type reader struct {
	field *field
	read  func(row) any
}

// nameFields are what SOQL sees through a relationship that may lead to several
// types: the fields of the Name object.
var nameFields = func() map[string]*field {
	out := map[string]*field{}
	for _, f := range []*field{
		{name: "Id", kind: typeID}, {name: "Name", kind: typeString}, {name: "FirstName", kind: typeString},
		{name: "LastName", kind: typeString}, {name: "Type", kind: typePicklist}, {name: "Email", kind: typeEmail},
		{name: "Phone", kind: typePhone}, {name: "Title", kind: typeString}, {name: "Alias", kind: typeString},
		{name: "Username", kind: typeString}, {name: "IsActive", kind: typeBoolean},
	} {
		f.filterable = true
		out[strings.ToLower(f.name)] = f
	}
	return out
}()

// reader resolves a path.
func (v view) reader(o *object, path soql.Path) (*reader, error) {
	if len(path.Parts) > maxRelationships+1 {
		return nil, &soql.Error{Code: "INVALID_QUERY_FILTER_OPERATOR", Pos: path.Pos, Message: fmt.Sprintf("relationship path %s has more than %d levels", path, maxRelationships)}
	}
	last := len(path.Parts) - 1
	if last == 0 {
		f := o.fieldFor(v.user, path.Parts[0])
		if f == nil {
			return nil, noColumn(path.Pos, path.Parts[0], o.name)
		}
		return &reader{f, func(r row) any { return r[f.index] }}, nil
	}
	via, err := v.relationship(o, path.Parts[0], path.Pos)
	if err != nil {
		return nil, err
	}
	if via.polymorphic() {
		f := nameFields[strings.ToLower(path.Parts[1])]
		if f == nil || last > 1 {
			return nil, noColumn(path.Pos, path.Parts[1], "Name")
		}
		return &reader{f, func(r row) any { return v.nameValue(r.text(via.index), f) }}, nil
	}
	parent := v.schema.object(via.to[0])
	rest, err := v.reader(parent, soql.Path{Parts: path.Parts[1:], Pos: path.Pos})
	if err != nil {
		return nil, err
	}
	table := v.tables[parent.name]
	return &reader{rest.field, func(r row) any {
		above := table.get(r.text(via.index))
		if above == nil || above.flag(parent.isDeleted) {
			return nil
		}
		return rest.read(above)
	}}, nil
}

// relationship finds the reference field behind a relationship's name.
func (v view) relationship(o *object, name string, pos int) (*field, error) {
	f := o.byRelationship[strings.ToLower(name)]
	if f == nil || !f.visible(v.user) {
		return nil, &soql.Error{Code: "INVALID_FIELD", Pos: pos, Message: fmt.Sprintf(
			"Didn't understand relationship '%s' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names.", name)}
	}
	return f, nil
}

func noColumn(pos int, name, entity string) error {
	return &soql.Error{Code: "INVALID_FIELD", Pos: pos, Message: fmt.Sprintf(
		"No such column '%s' on entity '%s'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.", name, entity)}
}

// nameValue reads a field of the Name object for the record that an Id names.
func (v view) nameValue(id string, f *field) any {
	o, r := v.find(id)
	if r == nil || r.flag(o.isDeleted) {
		return nil
	}
	switch f.name {
	case "Type":
		if o.name == "Group" {
			return r[o.at("Type")]
		}
		return o.name
	case "Name":
		if o.name == "Case" {
			return r[o.at("CaseNumber")]
		}
	}
	if own := o.fieldFor(v.user, f.name); own != nil {
		return r[own.index]
	}
	if f.kind == typeBoolean {
		return false
	}
	return nil
}

// output is what a query writes of a record: its fields and, nested, those of its parents.
type output struct {
	fields  []*field // nil entries stand for parents, in their place
	parents []*parentOutput
}

// parentOutput writes the record that a reference leads to.
type parentOutput struct {
	name string // of the relationship, as the schema spells it
	via  *field
	*output
}

// output resolves the selected paths of an object; each may be selected once.
func (v view) output(o *object, paths []soql.Path) (*output, error) {
	out := &output{}
	below := map[*field][]soql.Path{}
	seen := map[string]bool{}
	for _, path := range paths {
		if seen[strings.ToLower(path.String())] {
			return nil, &soql.Error{Code: "MALFORMED_QUERY", Pos: path.Pos, Message: "duplicate field selected: " + path.String()}
		}
		seen[strings.ToLower(path.String())] = true
		rd, err := v.reader(o, path)
		if err != nil {
			return nil, err
		}
		if len(path.Parts) == 1 {
			out.fields = append(out.fields, rd.field)
			continue
		}
		via, err := v.relationship(o, path.Parts[0], path.Pos)
		if err != nil {
			return nil, err
		}
		if below[via] == nil {
			out.fields = append(out.fields, nil)
			out.parents = append(out.parents, &parentOutput{name: via.relationship, via: via})
		}
		below[via] = append(below[via], soql.Path{Parts: path.Parts[1:], Pos: path.Pos})
	}
	for _, p := range out.parents {
		if p.via.polymorphic() {
			p.output = &output{}
			for _, path := range below[p.via] {
				p.fields = append(p.fields, nameFields[strings.ToLower(path.Parts[0])])
			}
			continue
		}
		var err error
		if p.output, err = v.output(v.schema.object(p.via.to[0]), below[p.via]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// append writes one record of the query's object.
func (out *output) append(c *call, dst []byte, o *object, r row) []byte {
	dst = append(dst, '{')
	dst = c.appendAttributes(dst, o.name, o, r.text(o.id))
	parent := 0
	for _, f := range out.fields {
		dst = append(dst, ',', '"')
		if f != nil {
			dst = append(dst, f.name...)
			dst = append(dst, '"', ':')
			dst = appendValue(dst, f, r[f.index])
			continue
		}
		p := out.parents[parent]
		parent++
		dst = append(dst, p.name...)
		dst = append(dst, '"', ':')
		dst = p.append(c, dst, r.text(p.via.index))
	}
	return append(dst, '}')
}

// append writes the parent, or null when there is none (any more).
func (p *parentOutput) append(c *call, dst []byte, id string) []byte {
	o, r := c.s.find(id)
	if r == nil || r.flag(o.isDeleted) {
		return append(dst, "null"...)
	}
	if !p.via.polymorphic() {
		return p.output.append(c, dst, o, r)
	}
	dst = append(dst, '{')
	dst = c.appendAttributes(dst, "Name", o, id)
	for _, f := range p.fields {
		dst = append(dst, ',', '"')
		dst = append(dst, f.name...)
		dst = append(dst, '"', ':')
		dst = appendValue(dst, f, c.view().nameValue(id, f))
	}
	return append(dst, '}')
}
