package sfsim

import (
	"fmt"
	"maps"
)

// access is what field-level security lets a user do with a field.
type access int

const (
	editable access = iota
	readable        // but not set
	hidden
)

func (f *field) accessOf(user string) access {
	if a, named := f.access[user]; named {
		return a
	}
	return f.access[""]
}

// visible tells whether the field exists for the user.
func (f *field) visible(user string) bool { return !f.absent && f.accessOf(user) != hidden }

func (f *field) createable(user string) bool { return f.create && f.accessOf(user) == editable }
func (f *field) updateable(user string) bool { return f.update && f.accessOf(user) == editable }

// Hide takes a field away from users, by their Ids, or from everybody when none is
// named, as field-level security does: describe does not tell them of it, and a
// request of theirs that names it is refused whole with INVALID_FIELD. Its values
// stay. It lasts until the next Hide, [Server.ReadOnly] or [Server.Show] of the field
// for the same user or for everybody, or the end of the process.
func (s *Server) Hide(object, name string, users ...string) error {
	return s.secure(hidden, "hiding", object, name, users)
}

// ReadOnly lets users, or everybody when none is named, see a field and not set it:
// describe tells them that it is neither createable nor updateable, and rows that
// set it are refused with INVALID_FIELD_FOR_INSERT_UPDATE. It lasts as long as [Server.Hide].
func (s *Server) ReadOnly(object, name string, users ...string) error {
	return s.secure(readable, "making read-only:", object, name, users)
}

// Show undoes for users, or for everybody when none is named, what [Server.Hide] and
// [Server.ReadOnly] did to a field.
func (s *Server) Show(object, name string, users ...string) error {
	return s.secure(editable, "showing", object, name, users)
}

func (s *Server) secure(a access, doing, object, name string, users []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.known(doing, object, name)
	if err != nil {
		return err
	}
	next := map[string]access{}
	if len(users) == 0 {
		next[""] = a
	} else {
		maps.Copy(next, f.access)
	}
	for _, user := range users {
		id, _ := correctedID(user)
		if s.tables["User"].get(id) == nil {
			return fmt.Errorf("%s %s.%s for user %s: no such user", doing, object, name, user)
		}
		next[id] = a
	}
	f.access = next
	return nil
}

// known finds a field that the org has. The caller holds the server's lock.
func (s *Server) known(doing, object, name string) (*field, error) {
	if o := s.schema.object(object); o != nil {
		if f := o.field(name); f != nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%s %s.%s: no such field", doing, object, name)
}

// NotUnique makes a unique field one whose values may be repeated, as an
// administrator does by unticking Unique. An external id stays one: an upsert that
// finds several records is answered with HTTP 300, a row of a collection with
// DUPLICATE_EXTERNAL_ID. It lasts until the end of the process.
func (s *Server) NotUnique(object, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.known("taking uniqueness from", object, name)
	if err == nil {
		f.unique = false
	}
	return err
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
	if o == nil || o.field("OwnerId") == nil || s.tables["User"].get(id) == nil {
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
	if t.load || !t.s.ownOnly[right{t.user, o}] || old[o.field("OwnerId").index] == t.user {
		return nil
	}
	return refuse("INSUFFICIENT_ACCESS_OR_READONLY", nil, "insufficient access rights on object id")
}
