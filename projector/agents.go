package projector

import (
	"strconv"

	"github.com/callfold/callfold/schemas"
)

// newestAgent is the Aircall user seen last on a call; nil for none.
func newestAgent(c *schemas.Call) *schemas.Agent {
	var newest *schemas.Agent
	for i := range c.Agents {
		a := &c.Agents[i]
		if newest == nil || a.At.Compare(newest.At) > 0 {
			newest = a
		}
	}
	return newest
}

// answerer is the last Aircall user who answered (outbound: who placed it) an
// answered call (F8): after a transfer that somebody took it is that user, else
// still the one before. nil for nobody.
func answerer(c *schemas.Call) *schemas.Agent {
	if !answered(c) {
		return nil
	}
	return newestAgent(c)
}

// onThePhone is who answered or placed the call (F2, O6): unlike [answerer] it
// knows the agent of an outbound call that nobody answered.
func onThePhone(c *schemas.Call) *schemas.Agent {
	if answered(c) || c.Direction.Value == schemas.Outbound {
		return newestAgent(c)
	}
	return nil
}

// Agent is the Aircall user who answered or placed a call, whom rule O1 looks for
// in Salesforce; nil for nobody.
func Agent(record schemas.CallRecord) *schemas.Agent { return onThePhone(&record.State) }

// agentByID is an agent of the call; nil for none.
func agentByID(c *schemas.Call, id int64) *schemas.Agent {
	for i := range c.Agents {
		if c.Agents[i].ID == id {
			return &c.Agents[i]
		}
	}
	return nil
}

// agentName is an agent's name: where Aircall left it out (as it does for
// deleted users), the e-mail, else the user's id.
func agentName(a *schemas.Agent) string { return nameOr(a.Name.Value, a.Email.Value, a.ID) }

// userName is the name of a user as one event shows it, completed by what other
// events of the call say about that user.
func userName(c *schemas.Call, u schemas.User) string {
	if u.Name == "" {
		if a := agentByID(c, u.ID); a != nil && a.Name.Value != "" {
			return a.Name.Value
		}
	}
	return nameOr(u.Name, u.Email, u.ID)
}

func nameOr(name, email string, id int64) string {
	switch {
	case name != "":
		return name
	case email != "":
		return email
	}
	return "Aircall user " + strconv.FormatInt(id, 10)
}
