package schemas

import (
	"slices"
	"strconv"
	"strings"
)

// Rank is an event's place in a call's life; it orders events of one second.
type Rank int8

// The ranks, in order (document "Aircall", time lines).
const (
	RankCreated      Rank = iota // call.created
	RankIVR                      // call.ivr_option_selected
	RankRinging                  // call.ringing_on_agent, call.agent_declined
	RankAnswered                 // call.answered
	RankHold                     // call.hold, call.unhold
	RankTransferred              // call.transferred, call.external_transferred
	RankUnsuccessful             // call.unsuccessful_transfer
	RankHungup                   // call.hungup
	RankNoted                    // tags, comments, assignment, archiving, and every event that is not in this list
	RankEnded                    // call.ended
	RankMedia                    // call.comm_assets_generated, call.voicemail_left
	RankREST                     // a call object from the REST API: its time is the latest inside
)

// String is the rank's name, such as "answered".
func (r Rank) String() string {
	if r < 0 || int(r) >= len(rankNames) {
		return "rank " + strconv.Itoa(int(r))
	}
	return rankNames[r]
}

var rankNames = [...]string{
	RankCreated:      "created",
	RankIVR:          "ivr",
	RankRinging:      "ringing",
	RankAnswered:     "answered",
	RankHold:         "hold",
	RankTransferred:  "transferred",
	RankUnsuccessful: "unsuccessful",
	RankHungup:       "hungup",
	RankNoted:        "noted",
	RankEnded:        "ended",
	RankMedia:        "media",
	RankREST:         "rest",
}

// The events that the fold treats differently from a plain snapshot.
const (
	EventRinging      = "call.ringing_on_agent"
	EventDeclined     = "call.agent_declined"
	EventTransferred  = "call.transferred"
	EventUnsuccessful = "call.unsuccessful_transfer"
	EventTagged       = "call.tagged"
	EventUntagged     = "call.untagged"
	EventEnded        = "call.ended"
	EventVoicemail    = "call.voicemail_left"

	// EventREST is the name given to a call object of the REST API.
	EventREST = "rest.call"

	EventRewrite = "callfold.rewrite"
	EventRematch = "callfold.rematch"
	EventRetry   = "callfold.retry"
	EventErase   = "callfold.erase"
)

// RankOf is the rank of an event by its name. A name that is not in Aircall's
// published list is folded like any other snapshot and ranks with notes.
func RankOf(event string) Rank {
	switch event {
	case "call.created":
		return RankCreated
	case "call.ivr_option_selected":
		return RankIVR
	case EventRinging, EventDeclined:
		return RankRinging
	case "call.answered":
		return RankAnswered
	case "call.hold", "call.unhold":
		return RankHold
	case EventTransferred, "call.external_transferred":
		return RankTransferred
	case EventUnsuccessful, "call.external_unsuccessful_transfer":
		return RankUnsuccessful
	case "call.hungup":
		return RankHungup
	case EventEnded:
		return RankEnded
	case "call.comm_assets_generated", EventVoicemail:
		return RankMedia
	case EventREST:
		return RankREST
	}
	return RankNoted
}

// IsCommand reports whether an event is an operator's command.
func IsCommand(event string) bool { return strings.HasPrefix(event, "callfold.") }

// eventName is name, but a string of its own: a trace must not keep the text that
// it was read from in memory.
func eventName(name string) string {
	if known, ok := knownEvent(name); ok {
		return known
	}
	return strings.Clone(name)
}

// knownEvent is name, but one string for each of Aircall's events: traces hold many.
func knownEvent(name string) (known string, ok bool) {
	i := slices.Index(eventNames[:], name)
	if i < 0 {
		return "", false
	}
	return eventNames[i], true
}

var eventNames = [...]string{
	"call.created", "call.ivr_option_selected", EventRinging, EventDeclined, "call.answered",
	"call.hold", "call.unhold", EventTransferred, EventUnsuccessful, "call.external_transferred",
	"call.hungup", EventEnded, EventVoicemail, "call.comm_assets_generated", EventTagged, EventUntagged,
	"call.commented", "call.assigned", "call.archived", EventREST,
}
