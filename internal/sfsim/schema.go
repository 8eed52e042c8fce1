package sfsim

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

//go:embed objects.txt
var objectsText string

// fieldType is a field's type as describe calls it.
type fieldType string

const (
	typeID        fieldType = "id"
	typeString    fieldType = "string"
	typeTextarea  fieldType = "textarea"
	typePicklist  fieldType = "picklist"
	typeCombobox  fieldType = "combobox"
	typePhone     fieldType = "phone"
	typeEmail     fieldType = "email"
	typeURL       fieldType = "url"
	typeBoolean   fieldType = "boolean"
	typeInt       fieldType = "int"
	typeDouble    fieldType = "double"
	typeCurrency  fieldType = "currency"
	typePercent   fieldType = "percent"
	typeDate      fieldType = "date"
	typeDateTime  fieldType = "datetime"
	typeReference fieldType = "reference"
)

// isText tells whether values are strings that people type.
func (t fieldType) isText() bool {
	switch t {
	case typeString, typeTextarea, typePicklist, typeCombobox, typePhone, typeEmail, typeURL:
		return true
	}
	return false
}

func (t fieldType) isNumber() bool {
	return t == typeInt || t == typeDouble || t == typeCurrency || t == typePercent
}

// field is one field of an object; see objects.txt for what the parts mean.
type field struct {
	index         int // position in object.fields and in a row's values
	name, label   string
	kind          fieldType
	length        int // UTF-16 units
	digits, scale int // of numbers: digits altogether, and behind the point
	create        bool
	update        bool
	required      bool
	nillable      bool
	filterable    bool
	unique        bool
	external      bool
	calculated    bool
	person        bool              // only in orgs with Person Accounts
	absent        bool              // the org does not have the feature that it is part of
	access        map[string]access // field-level security: by user Id, "" for everybody who is not named
	restricted    bool
	values        []string
	fallback      any // value of a new record that gives none
	to            []string
	relationship  string
}

// polymorphic tells whether the reference may point at several types. Through
// such a relationship SOQL sees the fields of the Name object only.
func (f *field) polymorphic() bool { return len(f.to) > 1 }

// object is one type of records.
type object struct {
	name, prefix, label    string
	create, update, delete bool
	fields                 []*field
	byName                 map[string]*field // by lower-case name, and by the name as it is spelt
	byRelationship         map[string]*field // by lower-case relationship name
	uniques                []*field

	// Indexes of the fields that every object has.
	id, isDeleted, createdDate, createdBy, modifiedDate, modifiedBy, modstamp int
}

// field finds a field by its name in any case; nil when the org has none.
func (o *object) field(name string) *field {
	f := o.byName[name]
	if f == nil {
		f = o.byName[strings.ToLower(name)]
	}
	if f == nil || f.absent {
		return nil
	}
	return f
}

// fieldFor is field, but nil also for one that the user may not see.
func (o *object) fieldFor(user, name string) *field {
	if f := o.field(name); f != nil && f.visible(user) {
		return f
	}
	return nil
}

// at returns the index of a field that objects.txt is known to define.
func (o *object) at(name string) int {
	f := o.byName[name]
	if f == nil {
		panic("no field " + o.name + "." + name + " in objects.txt")
	}
	return f.index
}

// schema is all objects of the org.
type schema struct {
	objects  []*object
	byName   map[string]*object // by lower-case name
	byPrefix map[string]*object
}

func (s *schema) object(name string) *object { return s.byName[strings.ToLower(name)] }

// personAccounts switches the fields of the Person Accounts feature on or off.
func (s *schema) personAccounts(on bool) {
	for _, o := range s.objects {
		for _, f := range o.fields {
			if f.person {
				f.absent = !on
			}
		}
	}
}

// orgSchema reads objects.txt. It is part of the program: a fault in it panics.
func orgSchema() *schema {
	s := &schema{byName: map[string]*object{}, byPrefix: map[string]*object{}}
	for number, line := range strings.Split(objectsText, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if rest, ok := strings.CutPrefix(line, "object "); ok {
			s.add(parseObject(rest))
			continue
		}
		f, err := parseField(line)
		if err != nil {
			panic(fmt.Sprintf("objects.txt:%d: %v", number+1, err))
		}
		s.objects[len(s.objects)-1].add(f)
	}
	for _, o := range s.objects {
		o.finish()
	}
	return s
}

func (s *schema) add(o *object) {
	s.objects = append(s.objects, o)
	s.byName[strings.ToLower(o.name)] = o
	s.byPrefix[o.prefix] = o
}

func parseObject(line string) *object {
	head, access, given := strings.Cut(line, "|")
	if !given {
		access = "cud"
	}
	parts := strings.SplitN(strings.TrimSpace(head), " ", 3)
	o := &object{
		name: parts[0], prefix: parts[1], label: parts[2],
		create: strings.Contains(access, "c"), update: strings.Contains(access, "u"), delete: strings.Contains(access, "d"),
		byName: map[string]*field{}, byRelationship: map[string]*field{},
	}
	o.add(&field{name: "Id", label: o.label + " ID", kind: typeID, length: 18, filterable: true})
	return o
}

func (o *object) add(f *field) {
	f.index = len(o.fields)
	o.fields = append(o.fields, f)
	o.byName[strings.ToLower(f.name)], o.byName[f.name] = f, f
	if f.relationship != "" {
		o.byRelationship[strings.ToLower(f.relationship)] = f
	}
	if f.unique {
		o.uniques = append(o.uniques, f)
	}
}

// finish adds the system fields that every object has.
func (o *object) finish() {
	system := func(name, label string, kind fieldType) *field {
		return &field{name: name, label: label, kind: kind, filterable: true, calculated: true}
	}
	createdBy := system("CreatedById", "Created By ID", typeReference)
	createdBy.to, createdBy.relationship = []string{"User"}, "CreatedBy"
	modifiedBy := system("LastModifiedById", "Last Modified By ID", typeReference)
	modifiedBy.to, modifiedBy.relationship = []string{"User"}, "LastModifiedBy"
	for _, f := range []*field{
		system("IsDeleted", "Deleted", typeBoolean),
		system("CreatedDate", "Created Date", typeDateTime), createdBy,
		system("LastModifiedDate", "Last Modified Date", typeDateTime), modifiedBy,
		system("SystemModstamp", "System Modstamp", typeDateTime),
	} {
		f.fallback = false
		if f.kind != typeBoolean {
			f.fallback = nil
		}
		o.add(f)
	}
	o.id, o.isDeleted = o.at("Id"), o.at("IsDeleted")
	o.createdDate, o.createdBy = o.at("CreatedDate"), o.at("CreatedById")
	o.modifiedDate, o.modifiedBy, o.modstamp = o.at("LastModifiedDate"), o.at("LastModifiedById"), o.at("SystemModstamp")
}

func parseField(line string) (*field, error) {
	columns := strings.Split(line, "|")
	if len(columns) < 4 {
		return nil, fmt.Errorf("want FIELD | TYPE | ACCESS | LABEL | MORE, have %q", line)
	}
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
	}
	access := columns[2]
	f := &field{
		name: columns[0], label: columns[3],
		create: strings.Contains(access, "c"), update: strings.Contains(access, "u"),
		required: strings.Contains(access, "r"), filterable: !strings.Contains(access, "x"),
	}
	if err := f.parseType(columns[1]); err != nil {
		return nil, err
	}
	f.nillable = !f.required && !strings.Contains(access, "n") && f.kind != typeBoolean
	if f.kind == typeBoolean {
		f.fallback = false
	}
	if len(columns) > 4 {
		return f, f.parseMore(columns[4])
	}
	return f, nil
}

func (f *field) parseType(s string) error {
	name, size, _ := strings.Cut(strings.TrimSuffix(s, ")"), "(")
	f.kind = fieldType(name)
	switch {
	case f.kind.isText():
		n, err := strconv.Atoi(size)
		f.length = n
		return err
	case f.kind == typeInt:
		f.digits = 9 // what describe says; the value is a signed 32-bit integer
	case f.kind.isNumber():
		_, err := fmt.Sscanf(size, "%d,%d", &f.digits, &f.scale)
		return err
	case f.kind == typeReference:
		f.length = 18
	case f.kind != typeBoolean && f.kind != typeDate && f.kind != typeDateTime:
		return fmt.Errorf("unknown type %q", s)
	}
	return nil
}

// parseMore reads the last column. Values may hold spaces, so a word without a
// known key continues the value before it.
func (f *field) parseMore(s string) error {
	var keys []string
	args := map[string]string{}
	for w := range strings.FieldsSeq(s) {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "to", "rel", "values", "default", "unique", "external", "restricted", "calculated", "person":
			keys = append(keys, key)
			args[key] = value
		default:
			if len(keys) == 0 {
				return fmt.Errorf("unknown word %q", w)
			}
			args[keys[len(keys)-1]] += " " + w
		}
	}
	has := func(key string) bool { return slices.Contains(keys, key) }
	f.unique, f.external, f.restricted = has("unique"), has("external"), has("restricted")
	f.calculated, f.person = has("calculated"), has("person")
	f.absent = f.person
	f.relationship = args["rel"]
	if has("to") {
		f.to = strings.Split(args["to"], ",")
	}
	if has("values") {
		f.values = strings.Split(args["values"], ";")
	}
	if has("default") {
		f.fallback = any(args["default"])
		if f.kind == typeBoolean {
			f.fallback = args["default"] == "true"
		}
	}
	return nil
}
