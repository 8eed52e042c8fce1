package sfsim

import "fmt"

// Hide takes a field away from everybody who calls, as field-level security
// does: describe does not tell it, and a request that names it is refused whole
// with INVALID_FIELD. Its values stay. It lasts until [Server.Show] or the end of the process.
func (s *Server) Hide(object, name string) error {
	return s.secure("hiding", object, name, func(f *field) { f.denied = true })
}

// Show undoes what [Server.Hide] and [Server.ReadOnly] did to a field.
func (s *Server) Show(object, name string) error {
	return s.secure("showing", object, name, func(f *field) { f.denied, f.readOnly = false, false })
}

// ReadOnly lets everybody who calls see a field and nobody set it: describe tells
// that it is neither createable nor updateable, and rows that set it are refused
// with INVALID_FIELD_FOR_INSERT_UPDATE. It lasts until [Server.Show] or the end of the process.
func (s *Server) ReadOnly(object, name string) error {
	return s.secure("making read-only:", object, name, func(f *field) { f.readOnly = true })
}

// NotUnique makes a unique field one whose values may be repeated, as an
// administrator does by unticking Unique. An external id stays one: an upsert that
// finds several records is answered with HTTP 300, a row of a collection with
// DUPLICATE_EXTERNAL_ID. It lasts until the end of the process.
func (s *Server) NotUnique(object, name string) error {
	return s.secure("taking uniqueness from", object, name, func(f *field) { f.unique = false })
}

func (s *Server) secure(doing, object, name string, change func(*field)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.schema.object(object); o != nil {
		if f := o.any(name); f != nil && !f.absent {
			change(f)
			f.hidden = f.absent || f.denied
			return nil
		}
	}
	return fmt.Errorf("%s %s.%s: no such field", doing, object, name)
}

// OwnOnly takes from a user the right to change or delete records of an object
// that others own ("Modify All", or a share of such a record), or with on = false
// gives it back. Such rows are refused with INSUFFICIENT_ACCESS_OR_READONLY.
// Everybody has the right at first.
func (s *Server) OwnOnly(userID, object string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.schema.object(object)
	id, _ := correctedID(userID)
	if o == nil || o.any("OwnerId") == nil || s.tables["User"].get(id) == nil {
		return fmt.Errorf("changing the rights of user %s on %s: no such user, or the object has no owners", userID, object)
	}
	s.ownOnly[right{id, o}] = on
	return nil
}

// right is a user's right on an object.
type right struct {
	user   string // Id
	object *object
}

// checkRight tells whether the user of the transaction may change a record.
func (t *tx) checkRight(o *object, old row) *rowError {
	if t.load || !t.s.ownOnly[right{t.user, o}] || old[o.any("OwnerId").index] == t.user {
		return nil
	}
	return refuse("INSUFFICIENT_ACCESS_OR_READONLY", nil, "insufficient access rights on object id")
}
