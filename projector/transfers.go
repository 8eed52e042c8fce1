package projector

import (
	"slices"

	"github.com/callfold/callfold/schemas"
)

// handover is a call.transferred that no later call.unsuccessful_transfer
// undid. Each is judged on its own: a failure of a later one leaves it alone.
type handover struct {
	*schemas.Transfer
	// taker is who picked up after it, nil for nobody; takenAt is when.
	taker   *schemas.Agent
	takenAt int64
}

// handovers are the transfers of a call that did not fail, in order of time.
// Transfers to outside numbers are calls of their own (L6) and not among them.
func handovers(c *schemas.Call) []handover {
	var out []handover
	for i := range c.Transfers {
		t := &c.Transfers[i]
		if t.Failed || failed(c, i) {
			continue
		}
		h := handover{Transfer: t}
		h.taker, h.takenAt = taker(c, t)
		out = append(out, h)
	}
	return out
}

// failed reports whether the transfer c.Transfers[i] failed: whether it is the
// newest one before a failure that this can be about. Of failures that name
// users, that is one between the same two; a user that is not known on either
// side is not compared. A failure that cannot be compared with it at all belongs
// to the newest transfer of all.
func failed(c *schemas.Call, i int) bool {
	t := &c.Transfers[i]
	for j := range c.Transfers {
		f := &c.Transfers[j]
		if !f.Failed || f.At.Compare(t.At) < 0 {
			continue
		}
		possible, named := same(t, f)
		if possible && !slices.ContainsFunc(c.Transfers, func(o schemas.Transfer) bool {
			between := !o.Failed && o.At.Compare(t.At) > 0 && o.At.Compare(f.At) < 0
			otherPossible, otherNamed := same(&o, f)
			return between && (!named || otherPossible && otherNamed)
		}) {
			return true
		}
	}
	return false
}

// same compares the users of a transfer and of a failure as far as both know
// them: whether they can be the same, and whether any was compared.
func same(t, f *schemas.Transfer) (possible, named bool) {
	by := f.By.ID != 0 && t.By.ID != 0
	to := f.To.ID != 0 && t.To.ID != 0
	return (!by || f.By.ID == t.By.ID) && (!to || f.To.ID == t.To.ID), by || to
}

// taker is who picked up after a transfer, and when: the earliest agent, other
// than who transferred, whom an event shows at or after the transfer's second.
// After a transfer to a team it need not be the user in transferred_to. Where
// it is not known who transferred, only transferred_to counts.
func taker(c *schemas.Call, t *schemas.Transfer) (*schemas.Agent, int64) {
	var first *schemas.Agent
	var firstAt int64
	for i := range c.Agents {
		a := &c.Agents[i]
		if a.ID == t.By.ID || t.By.ID == 0 && a.ID != t.To.ID {
			continue
		}
		at, ok := seenFrom(a, t.At.Time)
		if ok && (first == nil || at < firstAt || at == firstAt && a.ID == t.To.ID) {
			first, firstAt = a, at
		}
	}
	return first, firstAt
}

// seenFrom is the earliest second from a time on at which an agent was seen. An
// agent keeps its 16 earliest seconds only; beyond these there is its newest.
func seenFrom(a *schemas.Agent, from int64) (int64, bool) {
	for _, at := range a.Seen {
		if at >= from {
			return at, true
		}
	}
	return a.At.Time, a.At.Time >= from
}

// transferredTo is the name of whom the call was transferred to last, with the
// keys of the events that tell it (F12); empty for nobody. A call object of the
// REST API shows a transfer without its time: it counts where no event told of
// one and somebody other than who transferred has answered.
func transferredTo(c *schemas.Call, handed []handover) (name, why string, keys []schemas.Key) {
	if len(handed) > 0 {
		h := handed[len(handed)-1]
		keys = []schemas.Key{h.At}
		switch {
		case h.taker != nil && h.taker.ID != h.To.ID:
			return agentName(h.taker), "This user picked up after the last transfer.", append(keys, h.taker.At)
		case h.To.ID != 0:
			return userName(c, h.To), "The last transfer that did not fail was to this user.", keys
		}
		return "", "It is not known to whom the call was transferred.", keys
	}
	if len(c.Transfers) > 0 {
		return "", "Every transfer failed.", nil
	}
	t := c.RESTTransfer.Value
	if a := answerer(c); a != nil && c.RESTTransfer.Known() && a.ID != t.By.ID && t.To.ID != 0 {
		return agentName(a), "This user answered after the transfer that the REST API shows.", []schemas.Key{c.RESTTransfer.At}
	}
	return "", "The call was not transferred.", nil
}
