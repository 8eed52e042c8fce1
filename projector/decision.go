package projector

import (
	"time"

	"github.com/callfold/callfold/schemas"
)

// Action is what is to be done with a call now.
type Action string

// The actions.
const (
	Log  Action = "log"  // create or update its Task
	Wait Action = "wait" // it is not yet time (L2)
	Skip Action = "skip" // no Task is wanted (L3, L4, L7), or the call was erased
)

// RuleErased stands in Decision.Rule for an operator's callfold.erase, which
// is no rule of the contract.
const RuleErased = "erase"

// Decision says whether a call is logged now, and by which rule.
type Decision struct {
	Action Action
	// Rule is the rule that decided, Why one plain sentence.
	Rule, Why string
	// Kind is the call's kind, empty while its direction is not known.
	Kind Kind
	// Status is the picklist value of the Task's Status (F17), with Log only.
	Status string
	// Until is when a Wait ends by the clock alone (L8). It is zero when only
	// a further event can end it.
	Until time.Time
}

// The moments of L2 and the wishes of L3, as the settings spell them.
const (
	atAnswered = "answered"
	atHungup   = "hungup"
	atEnded    = "ended"

	logCompleted = "completed"
	logOpen      = "open"
	logNothing   = "nothing"
)

// missedClosed is the missed reason of a call that reached a closed number (L4).
const missedClosed = "out_of_opening_hours"

// endedFallback is how long after hang-up a call.ended is waited for (L8).
const endedFallback = 10 * time.Minute

// Decide says whether a call is logged now (L2–L4, L7, L8). A Skip never asks
// for a Task's removal: one that exists stays as it is (L3).
func (r *Rules) Decide(record schemas.CallRecord, now time.Time) Decision {
	c := &record.State
	if c.Erased.Known() {
		return Decision{Action: Skip, Rule: RuleErased, Why: "An operator erased the call."}
	}
	d := Decision{Kind: KindOf(c)}
	if r.logged != nil && !r.logged[c.Number.ID.Value] {
		return d.because(Skip, "L7", "The call's Aircall number is not among tasks.numbers.")
	}
	if d.Kind == "" {
		return d.because(Wait, "L2", "The direction of the call is not known yet.")
	}
	hangup, hungUp := hungUpAt(c)
	if !answered(c) && !hungUp {
		// Whether it is a missed call is not settled: it may still be answered.
		return d.because(Wait, "L2", "The call is neither answered nor hung up yet.")
	}
	if r.settings.Tasks.BusinessHoursOnly && c.MissedReason.Value == missedClosed {
		return d.because(Skip, "L4", "The call reached a closed number.")
	}
	switch r.settings.Tasks.Log.Of(d.Kind) {
	case logNothing:
		return d.because(Skip, "L3", "Calls of the kind "+string(d.Kind)+" are not logged.")
	case logOpen:
		d.Status = r.settings.Tasks.Status.Open
	default:
		d.Status = r.settings.Tasks.Status.Completed
	}
	switch r.settings.Tasks.LogAt.Of(d.Kind) {
	case atHungup:
		if !hungUp {
			return d.because(Wait, "L2", "The call is not hung up yet.")
		}
		return d.because(Log, "L2", "The call is hung up.")
	case atEnded:
		until := hangup.Add(endedFallback)
		switch {
		case c.EndedEvent != 0:
			return d.because(Log, "L2", "Aircall has ended the call.")
		case !hungUp:
			return d.because(Wait, "L2", "The call is not hung up yet.")
		case now.Before(until):
			d.Until = until
			return d.because(Wait, "L2", "The call is hung up, its call.ended has not come yet.")
		}
		return d.because(Log, "L8", "No call.ended came within ten minutes of hang-up.")
	}
	if answered(c) {
		return d.because(Log, "L2", "The call was answered.")
	}
	return d.because(Log, "L2", "The call was hung up without an answer.")
}

func (d Decision) because(a Action, rule, why string) Decision {
	d.Action, d.Rule, d.Why = a, rule, why
	if a != Log {
		d.Status = ""
	}
	return d
}

// hungUpAt is when the call was hung up. A call that is done without a time of
// hang-up counts from its newest event.
func hungUpAt(c *schemas.Call) (time.Time, bool) {
	switch {
	case c.EndedAt.Value != 0:
		return time.Unix(c.EndedAt.Value, 0), true
	case c.EndedEvent != 0:
		return time.Unix(c.EndedEvent, 0), true
	case c.Status == schemas.StatusDone:
		return time.Unix(c.Newest.Time, 0), true
	}
	return time.Time{}, false
}
