package sfsim

import "strings"

// row holds the values of one record by field index: nil, string, float64 or
// bool. Dates are "2006-01-02" and date-times [dateTimeLayout] in UTC, so that
// both sort as strings. A row in a table is never changed, only replaced:
// whoever holds one may read it without a lock.
type row []any

// dateTimeLayout is how Salesforce writes date-times in JSON.
const dateTimeLayout = "2006-01-02T15:04:05.000-0700"

func (r row) text(i int) string {
	s, _ := r[i].(string)
	return s
}

func (r row) flag(i int) bool {
	b, _ := r[i].(bool)
	return b
}

// table holds all records of one object, deleted ones too, with indexes by Id
// and by each unique field, so that writes and look-ups do not slow down as it grows.
type table struct {
	object  *object
	rows    []row
	slots   map[string]int            // Id → position in rows
	uniques map[int]map[string]string // field index → lower-case value → Id of the record that is not deleted
}

func newTable(o *object) *table {
	t := &table{object: o, slots: map[string]int{}, uniques: map[int]map[string]string{}}
	for _, f := range o.uniques {
		t.uniques[f.index] = map[string]string{}
	}
	return t
}

// get returns the record, deleted or not; nil when there is none.
func (t *table) get(id string) row {
	if slot, ok := t.slots[id]; ok {
		return t.rows[slot]
	}
	return nil
}

// byUnique finds the record that is not deleted by the value of a unique field,
// compared without case.
func (t *table) byUnique(f *field, value string) row {
	return t.get(t.uniques[f.index][strings.ToLower(value)])
}

// holders are the records that are not deleted and have this value, which is not
// empty, in a field that is unique, or was before [Server.NotUnique].
func (t *table) holders(f *field, value string) []row {
	if f.unique {
		if r := t.byUnique(f, value); r != nil {
			return []row{r}
		}
		return nil
	}
	var found []row
	for _, r := range t.rows {
		if strings.EqualFold(r.text(f.index), value) && !r.flag(t.object.isDeleted) {
			found = append(found, r)
		}
	}
	return found
}

// put stores the record under its Id, or removes it altogether when next is nil.
func (t *table) put(id string, next row) {
	slot, known := t.slots[id]
	if known {
		t.unindex(t.rows[slot])
	}
	switch {
	case next == nil && known:
		last := len(t.rows) - 1
		t.rows[slot] = t.rows[last]
		t.slots[t.rows[slot].text(t.object.id)] = slot
		t.rows = t.rows[:last]
		delete(t.slots, id)
	case next == nil:
	case known:
		t.rows[slot] = next
	default:
		t.slots[id] = len(t.rows)
		t.rows = append(t.rows, next)
	}
	if next != nil && !next.flag(t.object.isDeleted) {
		for _, f := range t.object.uniques {
			if v := next.text(f.index); v != "" {
				t.uniques[f.index][strings.ToLower(v)] = id
			}
		}
	}
}

func (t *table) unindex(r row) {
	id := r.text(t.object.id)
	for _, f := range t.object.uniques {
		key := strings.ToLower(r.text(f.index))
		if t.uniques[f.index][key] == id {
			delete(t.uniques[f.index], key)
		}
	}
}
