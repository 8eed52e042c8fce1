package projector

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// User is a Salesforce user, or a queue.
type User struct {
	ID, Name, Username, Email string
	IsActive                  bool
	IsQueue                   bool
	CreatedAt                 time.Time
}

// usable reports whether a Task can belong to u (O2).
func (u *User) usable() bool { return u != nil && u.IsActive && !u.IsQueue }

// Directory finds Salesforce users. A nil Directory knows none.
type Directory struct {
	byID       map[string]*User
	byEmail    map[string][]*User // lower case → users by Id
	byUsername map[string]*User   // lower case
}

// NewDirectory makes a Directory of users, given in any order.
func NewDirectory(users []User) *Directory {
	d := &Directory{
		byID:       make(map[string]*User, len(users)),
		byEmail:    make(map[string][]*User),
		byUsername: make(map[string]*User),
	}
	sorted := slices.Clone(users)
	slices.SortStableFunc(sorted, func(a, b User) int { return cmp.Compare(a.ID, b.ID) })
	for i := range sorted {
		u := &sorted[i]
		d.byID[shortID(u.ID)] = u
		if u.Username != "" && d.byUsername[strings.ToLower(u.Username)] == nil {
			d.byUsername[strings.ToLower(u.Username)] = u
		}
		if u.Email != "" {
			email := strings.ToLower(u.Email)
			d.byEmail[email] = append(d.byEmail[email], u)
		}
	}
	return d
}

// User finds a user by Id, in its form of 15 or of 18 characters; nil for none.
func (d *Directory) User(id string) *User {
	if d == nil {
		return nil
	}
	return d.byID[shortID(id)]
}

// withUsername finds a user by user name, compared without case; nil for none.
func (d *Directory) withUsername(name string) *User {
	if d == nil {
		return nil
	}
	return d.byUsername[strings.ToLower(name)]
}

// withEmail lists the users with an e-mail, compared without case, by Id.
func (d *Directory) withEmail(email string) []*User {
	if d == nil {
		return nil
	}
	return d.byEmail[strings.ToLower(email)]
}

// shortID is the case-sensitive form of 15 characters of a Salesforce Id; the
// 3 further ones of the long form follow from it.
func shortID(id string) string {
	if len(id) == 18 {
		return id[:15]
	}
	return id
}

// sameID compares two Salesforce Ids of either form.
func sameID(a, b string) bool { return shortID(a) == shortID(b) }
