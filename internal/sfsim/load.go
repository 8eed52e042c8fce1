package sfsim

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// LoadIfEmpty loads an org file into an org in which nothing was loaded or written
// yet, and leaves any other as it is. Without a file it does nothing.
func (s *Server) LoadIfEmpty(org []byte) error {
	empty, err := s.Empty()
	if err != nil || !empty || org == nil {
		return err
	}
	return s.Load(org)
}

// Load adds records from an org file: a JSON object of record lists by type, each
// record with its Id, and "integration_user", the Id of the user who runs
// everything. A record whose Id is there already is changed: fields in the file
// are set, the others stay, so loading a file twice is loading it once.
//
// A file describes what is, not a request: system and computed fields may be
// given, the suffix of an 18-character Id may be wrong (it is corrected), owners may be inactive, required fields may be missing (a Contact or Lead
// with only a Name gets its LastName from it). Everything that is wrong with a
// file is reported at once, and then nothing of it is loaded.
func (s *Server) Load(org []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := s.empty()
	d := decoder{org, (*object).field}
	members, apiErr := d.whole()
	if apiErr != nil {
		return fmt.Errorf("reading the org file: %s", apiErr.Message)
	}
	l := &loading{tx: s.begin(), d: d, meta: map[string][]byte{keyLoaded: []byte("1")}}
	l.tx.load = true
	runAs, personAccounts := s.runAs, s.schema.object("Account").field("IsPersonAccount") != nil
	if err := l.integrationUser(members); err != nil {
		return err
	}
	for _, m := range members {
		if m.name != "integration_user" {
			l.list(m)
		}
	}
	l.checkReferences()
	if len(l.problems) == 0 && fresh && s.runAs != runAs && runAs == defaultRunAs {
		l.tx.put(s.tables["User"], defaultRunAs, nil) // the stand-in has had its time
	}
	err := errors.Join(l.problems...)
	if err == nil {
		err = l.tx.commit(l.meta)
	}
	if err != nil {
		l.tx.rollback(0)
		s.runAs = runAs
		s.schema.personAccounts(personAccounts)
		return fmt.Errorf("loading the org file: %w", err)
	}
	s.loaded = true
	return nil
}

// loading is an org file on its way into the tables.
type loading struct {
	tx       *tx
	d        decoder
	meta     map[string][]byte
	loaded   []loadedRecord
	problems []error
}

// loadedRecord is where in the file a record stands, for messages.
type loadedRecord struct {
	object *object
	id     string
	where  string
}

func (l *loading) problem(where, format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...)))
}

// integrationUser makes the user that the file names the run-as user. A user that
// is not in the file is created.
func (l *loading) integrationUser(members []member) error {
	s := l.tx.s
	i := slices.IndexFunc(members, func(m member) bool { return m.name == "integration_user" })
	if i < 0 {
		return nil
	}
	given, _ := jsontext.AppendUnquote(nil, members[i].value)
	id, ok := correctedID(string(given))
	if !ok || !strings.HasPrefix(id, "005") {
		return fmt.Errorf("loading the org file: integration_user: %s is not the Id of a user", members[i].value)
	}
	s.runAs, l.tx.user = id, id
	l.meta[keyRunAs] = []byte(id)
	if s.tables["User"].get(id) == nil {
		l.tx.insertIntegrationUser(id)
	}
	return nil
}

// list loads the records of one type.
func (l *loading) list(m member) {
	o := l.tx.s.schema.object(m.name)
	if o == nil || o.name == "TaskStatus" {
		l.problem(m.name, "not a type of records that the simulator loads (%s)", strings.Join(l.tx.s.objectNames(), ", "))
		return
	}
	elements, err := l.d.elements(m.value, m.offset)
	if err != nil {
		l.problem(m.name, "%s", err.Message)
		return
	}
	for i, e := range elements {
		members, err := l.d.members(e.value, e.offset)
		where := fmt.Sprintf("%s[%d]", o.name, i)
		if err != nil {
			l.problem(where, "%s", err.Message)
			continue
		}
		l.record(o, where, members)
	}
}

// record loads one record.
func (l *loading) record(o *object, where string, members []member) {
	s := l.tx.s
	if o.name == "Account" && slices.ContainsFunc(members, func(m member) bool {
		return m.name == "IsPersonAccount" && m.value.Kind() == 't'
	}) {
		s.schema.personAccounts(true)
		l.meta[keyPersonOrgs] = []byte("1")
	}
	members = slices.DeleteFunc(members, func(m member) bool {
		f := o.byName[strings.ToLower(m.name)]
		return f != nil && f.absent // a file may say of every account that it is none
	})
	set, apiErr := l.d.fields(o, members)
	if apiErr != nil {
		l.problem(where, "%s", apiErr.Message)
		return
	}
	key, rest := record{o, set}.split(o.fields[o.id])
	given, _ := key.value.(string)
	id, ok := correctedID(given)
	if !ok || !strings.HasPrefix(id, o.prefix) {
		l.problem(where, "Id %q is not an Id of a %s (%s…, 15 or 18 characters)", given, o.name, o.prefix)
		return
	}
	if id != given && len(given) == 18 {
		s.log.Warn("an Id in the org file has a suffix that does not fit; corrected", "given", given, "id", id)
	}
	where += " (" + id + ")"
	var errs []*rowError
	if s.tables[o.name].get(id) != nil {
		errs = l.tx.update(o, id, completeNames(o, rest, false))
	} else {
		key.value = id
		_, errs = l.tx.insert(o, append(completeNames(o, rest, true), key))
	}
	for _, e := range errs {
		l.problem(where, "%s: %s", e.StatusCode, e.Message)
	}
	if len(errs) == 0 {
		l.loaded = append(l.loaded, loadedRecord{o, id, where})
	}
}

// checkReferences looks whether what the loaded records refer to is there. They
// may refer to records that come later in the file.
func (l *loading) checkReferences() {
	for _, rec := range l.loaded {
		r := l.tx.table(rec.object).get(rec.id)
		for _, f := range rec.object.fields {
			if f.kind != typeReference || r.text(f.index) == "" {
				continue
			}
			if err := l.tx.s.checkReference(f, r.text(f.index)); err != nil && err.StatusCode != "ENTITY_IS_DELETED" {
				l.problem(rec.where, "%s %q: %s", f.name, r.text(f.index), err.Message)
			}
		}
	}
}

// completeNames gives a record that only has a Name the parts that it is made of,
// and fills in what a new record of its kind cannot be without.
func completeNames(o *object, set []assignment, isNew bool) []assignment {
	get := func(name string) assignment {
		a, _ := record{o, set}.split(o.byName[strings.ToLower(name)])
		return a
	}
	add := func(name, value string) {
		if f := o.byName[strings.ToLower(name)]; f != nil && get(name).field == nil {
			set = append(set, assignment{field: f, value: value, units: utf16Len(value)})
		}
	}
	if name, _ := get("Name").value.(string); name != "" && get("LastName").value == nil {
		first, last := splitName(name)
		if o.name == "User" || o.name == "Contact" || o.name == "Lead" || get("IsPersonAccount").value == true {
			add("LastName", last)
			if first != "" {
				add("FirstName", first)
			}
		}
	}
	if closed, _ := get("IsClosed").value.(bool); o.name == "Case" && closed {
		add("Status", "Closed")
	} else if o.name == "Opportunity" && closed {
		add("StageName", "Closed Won")
	}
	if !isNew {
		return set
	}
	switch o.name {
	case "User", "Contact":
		add("LastName", "[not provided]")
	case "Lead":
		add("LastName", "[not provided]")
		add("Company", "[not provided]")
	case "Account":
		add("Name", "[not provided]")
	case "Opportunity":
		add("Name", "[not provided]")
		add("StageName", "Prospecting")
		add("CloseDate", "2099-12-31")
	}
	return set
}

// splitName cuts a full name before its last word; a part that is too long for
// its field stays with the last name.
func splitName(name string) (first, last string) {
	if i := strings.LastIndexByte(name, ' '); i > 0 && utf16Len(name[:i]) <= 40 {
		return strings.TrimSpace(name[:i]), name[i+1:]
	}
	return "", name
}
