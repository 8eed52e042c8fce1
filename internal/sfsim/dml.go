package sfsim

import (
	"math"
	"slices"
	"strings"
)

// insert creates a record. A refused one changes nothing.
func (t *tx) insert(o *object, set []assignment) (string, []*rowError) {
	if !o.create && !t.load {
		return "", []*rowError{refuse("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", nil, "entity type cannot be inserted: %s", o.label)}
	}
	if err := t.checkAccess(o, set, (*field).createable); err != nil {
		return "", []*rowError{err}
	}
	next := make(row, len(o.fields))
	for _, f := range o.fields {
		next[f.index] = f.fallback
	}
	errs := t.assign(next, set)
	if f := o.field("OwnerId"); f != nil && next[f.index] == nil {
		next[f.index] = t.user
	}
	if missing := missingFields(o, next); len(missing) > 0 && !t.load {
		errs = append(errs, requiredMissing(missing))
	}
	id := next.text(o.id)
	if id == "" {
		id = t.newID(o)
		next[o.id] = id
	}
	setDefault(next, o.createdDate, t.now)
	setDefault(next, o.createdBy, t.user)
	setDefault(next, o.modifiedDate, t.now)
	setDefault(next, o.modifiedBy, t.user)
	setDefault(next, o.modstamp, next[o.modifiedDate])
	return id, t.store(o, nil, next, set, errs)
}

// update changes the given fields of a record and leaves the others.
func (t *tx) update(o *object, id string, set []assignment) []*rowError {
	if !o.update && !t.load {
		return []*rowError{refuse("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", nil, "entity type cannot be updated: %s", o.label)}
	}
	old := t.table(o).get(id)
	switch {
	case old == nil:
		err := refuse("INVALID_CROSS_REFERENCE_KEY", nil, "invalid cross reference id")
		err.gone = true
		return []*rowError{err}
	case old.flag(o.isDeleted) && !t.load: // who loads may restore it
		return []*rowError{deletedError()}
	}
	if err := t.checkRight(o, old); err != nil {
		return []*rowError{err}
	}
	if err := t.checkAccess(o, set, (*field).updateable); err != nil {
		return []*rowError{err}
	}
	next := slices.Clone(old)
	errs := t.assign(next, set)
	if missing := missingFields(o, next); len(missing) > 0 && !t.load {
		errs = append(errs, requiredMissing(missing))
	}
	if !t.load {
		next[o.modifiedDate], next[o.modifiedBy] = t.now, t.user
	}
	next[o.modstamp] = next[o.modifiedDate]
	return t.store(o, old, next, set, errs)
}

// upsert creates the record that has this value in the external id field, or
// updates it; where several have it, it does neither. Records in the recycle bin
// are not found.
func (t *tx) upsert(o *object, key assignment, set []assignment) (id string, created bool, errs []*rowError) {
	switch old := t.table(o).holders(key.field, key.value.(string)); len(old) {
	case 0:
	case 1:
		id = old[0].text(o.id)
		return id, false, t.update(o, id, set)
	default:
		ids := make([]string, len(old))
		for i, r := range old {
			ids[i] = r.text(o.id)
		}
		return "", false, []*rowError{refuse("DUPLICATE_EXTERNAL_ID", []string{key.field.name}, "%s: more than one record found for external id field: [%s]", key.field.label, strings.Join(ids, ", "))}
	}
	id, errs = t.insert(o, append(slices.Clone(set), key))
	return id, len(errs) == 0, errs
}

// remove puts a record into the recycle bin: query does not see it any more,
// queryAll does.
func (t *tx) remove(o *object, id string) *rowError {
	if !o.delete {
		return refuse("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", nil, "entity type cannot be deleted: %s", o.label)
	}
	old := t.table(o).get(id)
	switch {
	case old == nil:
		err := refuse("INVALID_CROSS_REFERENCE_KEY", nil, "invalid cross reference id")
		err.gone = true
		return err
	case old.flag(o.isDeleted):
		return deletedError()
	}
	if err := t.checkRight(o, old); err != nil {
		return err
	}
	if err := t.lock(o, old, nil); err != nil {
		return err
	}
	if err := t.meet(o, old); err != nil {
		return err
	}
	next := slices.Clone(old)
	next[o.isDeleted] = true
	next[o.modifiedDate], next[o.modifiedBy], next[o.modstamp] = t.now, t.user, t.now
	t.put(t.table(o), id, next)
	return nil
}

func deletedError() *rowError {
	err := refuse("ENTITY_IS_DELETED", nil, "entity is deleted")
	err.gone = true
	return err
}

// store finishes a record: computes what follows from its fields, applies the
// object's rules and the unique fields, and puts it into its table if nothing is wrong.
func (t *tx) store(o *object, old, next row, set []assignment, errs []*rowError) []*rowError {
	t.derive(o, next)
	errs = append(errs, t.objectRules(o, old, next, set)...)
	if err := t.checkUnique(o, next); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, t.checkRules(o, next)...)
	if len(errs) == 0 {
		if err := t.lock(o, old, next); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 && !t.load {
		if err := t.meet(o, next); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return errs
	}
	t.put(t.table(o), next.text(o.id), next)
	t.syncPerson(o, next)
	return nil
}

func setDefault(r row, index int, value any) {
	if r[index] == nil {
		r[index] = value
	}
}

// checkAccess refuses the whole row when it sets a field that the user may not set,
// such as TaskSubtype in an update. All such fields are named.
func (t *tx) checkAccess(o *object, set []assignment, allowed func(f *field, user string) bool) *rowError {
	if t.load {
		return nil
	}
	var names []string
	for _, a := range set {
		if !allowed(a.field, t.user) {
			names = append(names, a.field.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return refuse("INVALID_FIELD_FOR_INSERT_UPDATE", names,
		"Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.",
		strings.Join(names, ", "))
}

// assign writes the values into the row and checks each against its field.
func (t *tx) assign(next row, set []assignment) (errs []*rowError) {
	for _, a := range set {
		f, value := a.field, a.value
		next[f.index] = value
		var err *rowError
		switch v := value.(type) {
		case nil:
			err = t.checkNull(f)
			if t.load && f.fallback != nil {
				next[f.index] = f.fallback
			}
		case float64:
			n, ok := fits(f, v)
			next[f.index] = n
			if !ok || math.IsInf(v, 0) {
				err = refuse("NUMBER_OUTSIDE_VALID_RANGE", []string{f.name}, "%s: value outside of valid range on numeric field: %v", f.label, v)
			}
		case string:
			if f.kind == typeReference || f.kind == typeID {
				if t.load {
					v, _ = correctedID(v)
				} else {
					err = t.s.checkReference(f, v)
				}
				if id, ok := canonicalID(v); ok {
					next[f.index] = id
				}
			} else {
				err = checkText(f, v, a.units)
			}
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// checkNull tells why a field may not be cleared. Required fields are reported
// together, elsewhere.
func (t *tx) checkNull(f *field) *rowError {
	switch {
	case f.nillable || f.required || t.load:
		return nil
	case f.kind == typeBoolean:
		return refuse("INVALID_TYPE_ON_FIELD_IN_RECORD", []string{f.name}, "%s: value not of required type: ", f.label)
	case f.name == "OwnerId":
		return refuse("INVALID_CROSS_REFERENCE_KEY", []string{f.name}, "%s: owner cannot be blank", f.label)
	}
	return refuse("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", []string{f.name}, "%s: bad value for restricted picklist field: null", f.label)
}

func checkText(f *field, v string, units int) *rowError {
	switch {
	case f.restricted && !slices.Contains(f.values, v):
		return refuse("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", []string{f.name}, "%s: bad value for restricted picklist field: %s", f.label, v)
	case f.length > 0 && units > f.length:
		return refuse("STRING_TOO_LONG", []string{f.name}, "%s: data value too large: %s (max length=%d)", f.label, v, f.length)
	case f.kind == typeEmail && !emailPattern.MatchString(v):
		return refuse("INVALID_EMAIL_ADDRESS", []string{f.name}, "%s: invalid email address: %s", f.label, v)
	}
	return nil
}

// checkReference tells whether a reference names a record of a fitting type that
// is there. As in Salesforce the faults of a missing or deleted record do not
// tell which field it was.
func (s *Server) checkReference(f *field, v string) *rowError {
	id, ok := canonicalID(v)
	if !ok {
		return refuse("MALFORMED_ID", []string{f.name}, "%s: id value of incorrect type: %s", f.label, v)
	}
	o, target := s.find(id)
	switch {
	case o == nil || !slices.Contains(f.to, o.name):
		return refuse("FIELD_INTEGRITY_EXCEPTION", []string{f.name}, "%s: id value of incorrect type: %s", f.label, v)
	case target == nil:
		return refuse("INVALID_CROSS_REFERENCE_KEY", nil, "invalid cross reference id")
	case target.flag(o.isDeleted):
		return refuse("ENTITY_IS_DELETED", nil, "entity is deleted")
	}
	return nil
}

func missingFields(o *object, r row) (names []string) {
	for _, f := range o.fields {
		if f.required && r[f.index] == nil {
			names = append(names, f.name)
		}
	}
	return names
}

func requiredMissing(names []string) *rowError {
	return refuse("REQUIRED_FIELD_MISSING", names, "Required fields are missing: [%s]", strings.Join(names, ", "))
}

// checkUnique refuses a value that another record which is not deleted has.
func (t *tx) checkUnique(o *object, next row) *rowError {
	for _, f := range o.uniques {
		value := next.text(f.index)
		if value == "" || f.absent || !f.unique {
			continue
		}
		other, taken := "", false
		if r := t.table(o).byUnique(f, value); r != nil {
			other, taken = r.text(o.id), true
		} else if !t.load {
			other, taken = t.lostRace(f, value)
		}
		if taken && other != next.text(o.id) {
			return refuse("DUPLICATE_VALUE", nil, "duplicate value found: %s duplicates value on record with id: %s", f.name, other)
		}
	}
	return nil
}
