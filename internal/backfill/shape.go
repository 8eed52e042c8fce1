package backfill

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/callfold/callfold/schemas"
)

// What of the objects inside of a call is about the call. The rest tells how the
// user, the number or the contact is at present (available, open, updated_at): it would make
// each reading of an unchanged call another event.
var (
	ofUser    = []string{"id", "name", "email"}
	ofNumber  = []string{"id", "name", "digits", "country", "time_zone"}
	ofContact = []string{"id", "first_name", "last_name", "company_name"}
)

// object is a JSON object.
type object map[string]jsontext.Value

// shape makes a call object of the API fit for the log: the same call gives the
// same text whenever it is read, and users that Aircall has stripped from notes and
// tags are filled in. All other members stay as they came. Signed links lose their
// signatures, which are dead within the hour and would make each reading a change.
func shape(call []byte, a *authors) ([]byte, error) {
	var members object
	if err := json.Unmarshal(call, &members); err != nil {
		return nil, fmt.Errorf("reading a call object: %w", err)
	}
	if a == nil {
		a = &authors{}
	}
	for _, name := range []string{"user", "assigned_to", "transferred_by", "transferred_to"} {
		members.only(name, ofUser)
	}
	members.only("number", ofNumber)
	members.only("contact", ofContact)
	members.each("comments", func(note object) {
		note.only("posted_by", ofUser)
		if u, ok := a.notes[number(note["id"])]; ok && note.nobody("posted_by") {
			note.set("posted_by", u)
		}
	})
	members.each("tags", func(tag object) {
		tag.only("tagged_by", ofUser)
		if id, ok := a.tags[number(tag["id"])]; ok && tag.nobody("tagged_by") {
			tag.set("tagged_by", schemas.User{ID: id})
		}
	})
	for _, name := range []string{"recording", "voicemail"} {
		var link string
		if v, ok := members[name]; ok && json.Unmarshal(v, &link) == nil {
			link, _, _ = strings.Cut(link, "?")
			if link != "" {
				members.set(name, link)
			}
		}
	}
	text, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("writing a call object: %w", err)
	}
	return text, nil
}

// shaped is a call object in its shape, and the event that it is. One that only the
// fold can read stays as it came.
func shaped(call []byte, a *authors) ([]byte, schemas.Event, error) {
	text, err := shape(call, a)
	if err != nil {
		text = call
	}
	event, err := schemas.ParseEvent(text)
	return text, event, err
}

// only leaves nothing but the members of these names in the object of that name.
func (o object) only(name string, names []string) {
	var inner object
	if v, ok := o[name]; !ok || v.Kind() != '{' || json.Unmarshal(v, &inner) != nil {
		return
	}
	kept := object{}
	for _, n := range names {
		if v, ok := inner[n]; ok {
			kept[n] = v
		}
	}
	o.set(name, kept)
}

// each changes every object of the list of that name.
func (o object) each(name string, change func(object)) {
	var list []object
	if v, ok := o[name]; !ok || v.Kind() != '[' || json.Unmarshal(v, &list) != nil {
		return
	}
	for _, inner := range list {
		if inner != nil {
			change(inner)
		}
	}
	o.set(name, list)
}

// nobody reports whether the member of that name is no user.
func (o object) nobody(name string) bool {
	var u object
	if v, ok := o[name]; !ok || v.Kind() != '{' || json.Unmarshal(v, &u) != nil {
		return true
	}
	return number(u["id"]) == 0
}

// set gives the member of that name a value that can always be encoded.
func (o object) set(name string, value any) {
	text, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("backfill: encoding %s: %v", name, err)) // it came out of a decoder
	}
	o[name] = text
}

// number is a JSON number as an id; 0 for anything else. It never goes through a float64.
func number(v jsontext.Value) (id int64) {
	if json.Unmarshal(v, &id) != nil {
		return 0
	}
	return id
}
