package projector

import (
	"strings"
	"time"

	"github.com/callfold/callfold/schemas"
)

// The rungs of the ladders (O4).
const (
	rungAgent       = "agent"
	rungRecordOwner = "record_owner"
	rungFallback    = "fallback"
	rungIntegration = "integration_user"
)

// Own says whom the Task belongs to (O1–O5, M9). It returns nil where OwnerId
// is to be left out. previous is the owner remembered with the call, nil on the
// first write and after a re-match: it stays until somebody else answers.
//
// When Salesforce refuses an owner that it has deactivated meanwhile, ask again
// with a Directory that shows this.
func (r *Rules) Own(record schemas.CallRecord, m *schemas.Match, previous *schemas.Owner, org Org) (*schemas.Owner, schemas.Reason) {
	c := &record.State
	if m == nil {
		return nil, schemas.Reason{Rule: "O5", Why: "The call matches no record, so Salesforce decides whose the Task is."}
	}
	a := answerer(c)
	owner := &schemas.Owner{}
	if a != nil {
		owner.AnsweredBy = a.ID
	}
	if previous != nil && previous.AnsweredBy == owner.AnsweredBy {
		return previous, schemas.Reason{Rule: "M9", Why: "The owner stays: nobody else has answered since."}
	}
	var why schemas.Reason
	if a != nil {
		why = reason(&record.Trace, "", "", a.At)
	}
	for _, rung := range r.Ladder(record, m, org) {
		if rung.UserID != "" {
			owner.ID, owner.Rung = rung.UserID, rung.Name
			why.Rule, why.Why = ownerRule(rung.Name, answered(c)), rung.Note
			return owner, why
		}
		why.Considered = append(why.Considered, rung.Name+": "+rung.Note)
	}
	why.Rule, why.Why = ownerRule("", answered(c)), "No rung of the ladder gives an owner, so Salesforce decides whose the Task is."
	return nil, why
}

// Rung is a rung of the ladder of owners that was tried (O4).
type Rung struct {
	// Name is that in the settings: agent, record_owner, fallback or integration_user.
	Name string
	// UserID is the owner that it gives, empty for none.
	UserID string
	// Note says why.
	Note string
}

// Ladder climbs the ladder of a call that matches a record (O1–O4): the rungs up to
// the first that gives an owner.
func (r *Rules) Ladder(record schemas.CallRecord, m *schemas.Match, org Org) []Rung {
	c := &record.State
	ladder := r.settings.Owner.Unanswered
	if answered(c) {
		ladder = r.settings.Owner.Answered
	}
	var rungs []Rung
	for _, name := range ladder {
		id, note := r.climb(name, c, m, org)
		rungs = append(rungs, Rung{name, id, note})
		if id != "" {
			break
		}
	}
	return rungs
}

// climb tries one rung. It returns the owner with a sentence, or no owner with
// the reason.
func (r *Rules) climb(rung string, c *schemas.Call, m *schemas.Match, org Org) (id, note string) {
	switch rung {
	case rungAgent:
		u, note := r.agentUser(onThePhone(c), c, org)
		if u == nil {
			return "", note
		}
		return u.ID, note
	case rungRecordOwner:
		why := "The " + m.Object + " belongs to this user."
		if m.OwnerID != "" && sameID(m.OwnerID, org.IntegrationUser) {
			return org.IntegrationUser, why // it signs in, so it is active
		}
		return usableID(org.Users.User(m.OwnerID), m.OwnerID, why)
	case rungFallback:
		name := r.settings.Owner.Fallback
		u := org.Users.User(name)
		if u == nil {
			u = org.Users.withUsername(name)
		}
		return usableID(u, name, "The settings name this user in owner.fallback.")
	default:
		if org.IntegrationUser == "" {
			return "", "it is not known who that is"
		}
		return org.IntegrationUser, "The Task stays with the integration user."
	}
}

func usableID(u *User, wanted, why string) (id, note string) {
	switch {
	case wanted == "":
		return "", "none"
	case u != nil && u.IsQueue, u == nil && strings.HasPrefix(wanted, queuePrefix):
		return "", wanted + " is a queue"
	case u == nil:
		return "", wanted + " is no user that is known"
	case !u.IsActive:
		return "", wanted + " is inactive"
	}
	return u.ID, why
}

// queuePrefix begins the Ids of queues, which no directory of users holds.
const queuePrefix = "00G"

// ownerRule is the rule that a rung belongs to.
func ownerRule(rung string, answered bool) string {
	switch {
	case rung == rungAgent:
		return "O1"
	case answered:
		return "O2"
	case rung == rungRecordOwner:
		return "O3"
	}
	return "O4"
}

// HasUser reports whether an Aircall user with this e-mail is a Salesforce user
// who can own Tasks, by alias or by e-mail (O1); how long the user has existed
// does not matter.
func (r *Rules) HasUser(email string, org Org) bool {
	u, _ := r.userOf(email, email, time.Time{}, org)
	return u != nil
}

// agentUser is the Salesforce user of an Aircall user (O1), or nil, with a
// sentence in either case.
func (r *Rules) agentUser(a *schemas.Agent, c *schemas.Call, org Org) (*User, string) {
	if a == nil {
		return nil, "no Aircall user is known"
	}
	return r.userOf(a.Email.Value, agentName(a), callTime(c), org)
}

// userOf is the Salesforce user of the Aircall user with an e-mail and a name, for
// a call at a time; a zero time is one at which no user was too young.
func (r *Rules) userOf(email, name string, at time.Time, org Org) (*User, string) {
	if email == "" {
		return nil, "the e-mail of " + name + " is not known"
	}
	why := "no Salesforce user has the e-mail of " + name
	// check reports whether u may own the call's Task, and remembers why not.
	check := func(u *User) bool {
		switch {
		case !u.usable():
			why = "user " + u.ID + " is inactive"
			return false
		case !at.IsZero() && !u.CreatedAt.IsZero() && u.CreatedAt.Add(r.settings.Owner.MinimumUserAge).After(at):
			why = "user " + u.ID + " was too young at the time of the call"
			return false
		}
		return true
	}
	if username, ok := r.aliases[strings.ToLower(email)]; ok {
		if u := org.Users.withUsername(username); u != nil && check(u) {
			return u, name + " is this user by owner.aliases."
		}
	}
	var best *User
	for _, u := range org.Users.withEmail(email) {
		if !check(u) {
			continue
		}
		if best == nil || strings.EqualFold(u.Username, email) && !strings.EqualFold(best.Username, email) {
			best = u // they come by Id, so the first is the lowest
		}
	}
	if best == nil {
		return nil, why
	}
	return best, name + " has the e-mail of this user."
}

// callTime is when the call began, or the newest time known where that is not.
func callTime(c *schemas.Call) time.Time {
	if c.StartedAt != 0 {
		return time.Unix(c.StartedAt, 0)
	}
	return time.Unix(c.Newest.Time, 0)
}

// TakeOver says whether the matched record, owned by the integration user, is
// to be given to the agent on the phone, and the Salesforce Id of that user
// (O6); empty for no. Write it once, and only while the record still belongs to
// the integration user. The ladders look at the owner before this change.
func (r *Rules) TakeOver(record schemas.CallRecord, m *schemas.Match, org Org) (userID string, why schemas.Reason) {
	why.Rule = "O6"
	switch {
	case !r.settings.Owner.TakeOverIntegrationRecords:
		why.Why = "owner.take_over_integration_records is off."
	case m == nil:
		why.Why = "The call matches no record."
	case m.Created:
		why.Why = "The record was created for this very call."
	case org.IntegrationUser == "" || !sameID(m.OwnerID, org.IntegrationUser):
		why.Why = "The record does not belong to the integration user."
	default:
		u, note := r.agentUser(onThePhone(&record.State), &record.State, org)
		switch {
		case u == nil:
			why.Why = "No agent can take the record over: " + note + "."
		case sameID(u.ID, org.IntegrationUser):
			why.Why = "The agent is the integration user."
		default:
			why.Why = "The record of the integration user goes to the agent on the phone: " + note
			return u.ID, why
		}
	}
	return "", why
}
