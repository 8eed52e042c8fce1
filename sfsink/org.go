package sfsink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
)

// org is what the sink has loaded of the org. It never changes; a refresh makes
// a new one.
type org struct {
	projector.Org
	users    []projector.User
	loadedAt time.Time
	// phoneFields are the fields to compare that can be asked for, by object.
	phoneFields map[string][]string
	// firstKind is the kind of record that goes first among those of an object (M1).
	firstKind map[string]string
	// personAccounts is true in an org with that feature.
	personAccounts bool
}

// theOrg gives the org, loading it when it was never loaded or long ago. A
// refresh that fails is put off: what was loaded stays good; but one that finds a wrong
// configuration stops the sink.
func (s *Sink) theOrg(ctx context.Context) (*org, error) {
	o := s.loaded.Load()
	if o != nil && s.now().Sub(o.loadedAt) < s.refreshEvery {
		return o, nil
	}
	if err := s.refreshing.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer s.refreshing.Release(1)
	if again := s.loaded.Load(); again != o {
		return again, nil // another lane was faster
	}
	fresh, err := s.loadOrg(ctx)
	switch {
	case err == nil:
		s.loaded.Store(fresh)
		s.lookupLevel.Store(max(0, s.lookupLevel.Load()-1)) // perhaps Salesforce can do more again
		return fresh, nil
	case o == nil || wrongConfig(err):
		return nil, err
	}
	s.log.Warn("the users and fields of the org could not be loaded anew; the old ones stay for now", "cause", err)
	later := *o
	later.loadedAt = s.now().Add(time.Minute - s.refreshEvery)
	s.loaded.Store(&later)
	return &later, nil
}

// wrongConfig tells what a person has to mend from what passes. To go on with the old
// org would be wrong: with a key that is not unique any more a call might get two Tasks.
func wrongConfig(err error) bool {
	var stopped *Stopped
	return errors.As(err, &stopped) && stopped.Reason == string(classConfig)
}

func (s *Sink) loadOrg(ctx context.Context) (*org, error) {
	o := &org{loadedAt: s.now(), phoneFields: map[string][]string{}, firstKind: map[string]string{}}
	err := s.loading(ctx, func() (err error) {
		o.IntegrationUser, err = s.client.UserID(ctx)
		return err
	})
	if err == nil {
		err = s.loadTask(ctx, o)
	}
	if err == nil {
		err = s.loadObjects(ctx, o)
	}
	if err == nil {
		err = s.loadUsers(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// loading sends a request that the sink cannot do without.
func (s *Sink) loading(ctx context.Context, ask func() error) error {
	if p := s.asking(ctx, ask); p != nil {
		return p.stopped()
	}
	return nil
}

// loadTask reads what can be written to a Task, and checks that it is all that
// the settings want.
func (s *Sink) loadTask(ctx context.Context, o *org) error {
	var task *salesforce.Object
	if err := s.loading(ctx, func() (err error) {
		task, err = s.client.Describe(ctx, "Task")
		return err
	}); err != nil {
		return err
	}
	o.TaskFields = make(map[string]projector.FieldInfo, len(task.Fields))
	for _, f := range task.Fields {
		o.TaskFields[f.Name] = projector.FieldInfo{Createable: f.Createable, Updateable: f.Updateable, Length: f.Length}
	}
	var missing []string
	for _, f := range s.rules.TaskFields() {
		if _, ok := o.TaskFields[f.Name]; !ok {
			missing = append(missing, fmt.Sprintf("%s (tasks.fields.%s, rule %s)", f.Name, f.Logical, f.Rule))
		}
	}
	var errs []error
	if len(missing) > 0 {
		errs = append(errs, &Stopped{
			Reason: string(classConfig),
			Err:    errors.New("Task has no such fields, or the integration user may not see them: " + strings.Join(missing, ", ")),
			Fix:    `make them and let the integration user see and edit them (field-level security: Setup, Object Manager, the object Task, or Activity for fields of one's own, Fields & Relationships, the field, Set Field-Level Security, Visible), or set the name of each in tasks.fields to ""; see docs/salesforce.md.`,
		})
	}
	if err := uniqueKey(task, s.externalID, "tasks.external_id_field"); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// uniqueKey checks a field of ours that makes a write repeatable.
func uniqueKey(o *salesforce.Object, name, setting string) error {
	wrong := o.KeyProblem(name)
	if wrong == "" {
		return nil
	}
	where := o.Name
	if where == "Task" {
		where = "Activity"
	}
	return &Stopped{
		Reason: string(classConfig),
		Err:    fmt.Errorf("the field %s of %s (%s) %s", name, o.Name, setting, wrong),
		Fix:    "make it on the object " + where + ": Text(40), External ID, Unique; and let the integration user see and edit it; see docs/salesforce.md.",
	}
}

// loadObjects reads which phone fields there are on the records to match.
func (s *Sink) loadObjects(ctx context.Context, o *org) error {
	kinds := s.rules.Objects()
	var errs []error
	for _, name := range []string{projector.Contact, projector.Lead, projector.Account} {
		person := name == projector.Account && slices.Contains(kinds, projector.PersonAccount)
		if !slices.Contains(kinds, name) && !person && name != s.create {
			continue
		}
		var object *salesforce.Object
		if err := s.loading(ctx, func() (err error) {
			object, err = s.client.Describe(ctx, name)
			return err
		}); err != nil {
			return err
		}
		if _, ok := object.Field("IsPersonAccount"); ok {
			o.personAccounts = true
		}
		s.loadPhones(o, object, kinds)
		if name == s.create {
			if err := uniqueKey(object, s.createdKey, "match.created_key_field"); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// loadPhones notes which fields of an object to compare (M3), and which of its
// kinds goes first (M1).
func (s *Sink) loadPhones(o *org, object *salesforce.Object, kinds []string) {
	var fields []string
	for _, kind := range kinds {
		isPerson := kind == projector.PersonAccount && object.Name == projector.Account && o.personAccounts
		if kind != object.Name && !isPerson {
			continue
		}
		if o.firstKind[object.Name] == "" {
			o.firstKind[object.Name] = kind
		}
		fields = append(fields, s.rules.PhoneFields(kind)...)
	}
	slices.Sort(fields)
	for _, f := range slices.Compact(fields) {
		switch field, ok := object.Field(f); {
		case !ok:
			s.log.Warn("a phone field is not compared: it does not exist, or the integration user may not see it", "object", object.Name, "field", f)
		case !field.Filterable:
			s.log.Warn("a phone field is not compared: Salesforce does not search in it, as it is encrypted or a long text", "object", object.Name, "field", f)
		default:
			o.phoneFields[object.Name] = append(o.phoneFields[object.Name], f)
		}
	}
}

// loadUsers reads all users who could own a Task, inactive ones too: reasons
// name them.
func (s *Sink) loadUsers(ctx context.Context, o *org) error {
	var records []salesforce.Record
	if err := s.loading(ctx, func() (err error) {
		records, err = s.client.Query(ctx, "SELECT Id, Name, Username, Email, IsActive, CreatedDate FROM User WHERE UserType = 'Standard'")
		return err
	}); err != nil {
		return err
	}
	for _, r := range records {
		active, _ := r["IsActive"].(bool)
		o.users = append(o.users, projector.User{
			ID: text(r, "Id"), Name: text(r, "Name"), Username: text(r, "Username"), Email: text(r, "Email"),
			IsActive: active, CreatedAt: moment(r, "CreatedDate"),
		})
	}
	o.Users = projector.NewDirectory(o.users)
	return nil
}

// retire makes a user inactive in what is known of the org, since Salesforce
// refused it as an owner. The next refresh asks again.
func (s *Sink) retire(id string) {
	for {
		known := s.loaded.Load()
		o := *known
		o.users = slices.Clone(o.users)
		for i := range o.users {
			if o.users[i].ID == id {
				o.users[i].IsActive = false
			}
		}
		o.Users = projector.NewDirectory(o.users)
		if s.loaded.CompareAndSwap(known, &o) {
			return
		}
	}
}

// text is a text field of a record, empty for null.
func text(r salesforce.Record, field string) string {
	s, _ := r[field].(string)
	return s
}

// moment is a date-time field of a record, zero for null.
func moment(r salesforce.Record, field string) time.Time {
	t, err := time.Parse("2006-01-02T15:04:05.000-0700", text(r, field))
	if err != nil {
		return time.Time{}
	}
	return t
}
