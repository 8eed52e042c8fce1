package schemas

import "github.com/go-json-experiment/json/jsontext"

// Latest is a value with the key of the event that it was last seen in. The
// zero Latest means that the value was never seen.
type Latest[T any] struct {
	// At is the key of the newest event that carried the value. In JSON it is
	// left out where it equals the state's Newest.
	At Key `json:"at,omitzero"`
	// Value is what that event said.
	Value T `json:"v"`
}

// Known reports whether the value was ever seen.
func (l Latest[T]) Known() bool { return !l.At.IsZero() }

// IsZero makes the JSON codec leave out what was never seen.
func (l Latest[T]) IsZero() bool { return l.At.IsZero() }

// The values of Call.Direction.
const (
	Inbound  = "inbound"
	Outbound = "outbound"
)

// Call is the state of one call: everything that its events said, as a product
// of joins. What follows from it (who answered, which tags count, how long the
// talk was) is not stored but computed by package projector.
//
// Times are UNIX seconds; 0 means unknown.
type Call struct {
	// ID is Aircall's call id.
	ID int64 `json:"id"`
	// Newest is the key of the newest event folded; of an erased call, the
	// erasure's.
	Newest Key `json:"newest"`

	// UUID is Aircall's call_uuid (REST: sid).
	UUID Latest[string] `json:"uuid,omitzero"`
	// Direction is Inbound or Outbound; it may flip on a transfer, and the
	// value with the LEAST key counts, not the one with the greatest.
	Direction Latest[string] `json:"direction,omitzero"`
	// Status is the furthest status seen.
	Status Status `json:"status,omitzero"`
	// StartedAt is the earliest started_at seen.
	StartedAt int64 `json:"started_at,omitzero"`
	// AnsweredAt is the earliest answered_at seen; a call is answered exactly
	// when it is set.
	AnsweredAt int64 `json:"answered_at,omitzero"`
	// EndedAt is the newest ended_at.
	EndedAt Latest[int64] `json:"ended_at,omitzero"`
	// EndedEvent is the earliest timestamp of a call.ended event (or of a REST
	// object of a call that is done), which comes about 30 s after hang-up.
	EndedEvent int64 `json:"ended_event,omitzero"`
	// VoicemailLeft is true once a call.voicemail_left was seen.
	VoicemailLeft bool `json:"voicemail_left,omitzero"`
	// Conference is true once an event showed more than one external participant.
	Conference bool `json:"conference,omitzero"`
	// MissedReason is missed_call_reason, passed through as it came.
	MissedReason Latest[string] `json:"missed_reason,omitzero"`
	// External is raw_digits: the external party's number as sent, or "anonymous".
	External Latest[string] `json:"external,omitzero"`
	// Number is the Aircall number.
	Number Number `json:"number,omitzero"`
	// Contact is the Aircall contact (not Salesforce's) that has a name.
	Contact Latest[Contact] `json:"contact,omitzero"`
	// Agents are the Aircall users seen handling the call, by user id.
	Agents []Agent `json:"agents,omitempty"`
	// Transfers are the newest 16 transfers and failures of transfers, by key.
	Transfers []Transfer `json:"transfers,omitempty"`
	// RESTTransfer is the transfer that a REST call object shows. It has no
	// time of its own and is looked at only where Transfers is empty.
	RESTTransfer Latest[TransferParties] `json:"rest_transfer,omitzero"`
	// ExternalTransfer is the outside number of a call.external_transferred.
	ExternalTransfer Latest[string] `json:"external_transfer,omitzero"`
	// AssignedTo is who the call is assigned to.
	AssignedTo Latest[User] `json:"assigned_to,omitzero"`
	// Archived is whether the call is archived.
	Archived Latest[bool] `json:"archived,omitzero"`
	// IVROptions are the titles of the options that the caller picked.
	IVROptions Latest[[]string] `json:"ivr_options,omitzero"`
	// Recording and Voicemail are signed media links, dead within the hour.
	Recording Latest[string] `json:"recording,omitzero"`
	Voicemail Latest[string] `json:"voicemail,omitzero"`
	// Asset is the stable page of the recording or voicemail.
	Asset Latest[string] `json:"asset,omitzero"`
	// Tags is the newest full list of tags, ordered by TaggedAt, then ID.
	Tags Latest[[]Tag] `json:"tags,omitzero"`
	// Comments is the newest full list of notes, ordered by PostedAt, then ID.
	Comments Latest[[]Comment] `json:"comments,omitzero"`

	// Rewrite, Rematch and Retry are the newest operator commands of each kind.
	Rewrite Latest[Command] `json:"rewrite,omitzero"`
	Rematch Latest[Command] `json:"rematch,omitzero"`
	Retry   Latest[Command] `json:"retry,omitzero"`
	// Erased is the newest callfold.erase. It absorbs: an erased call knows its
	// ID and Erased, nothing else, whatever is folded before or after.
	Erased Latest[Command] `json:"erased,omitzero"`

	// Unknown holds fields written by a newer binary; they survive a rewrite.
	Unknown jsontext.Value `json:",embed"`
}

// Number is an Aircall number. Each attribute keeps its newest known value.
type Number struct {
	ID Latest[int64] `json:"id,omitzero"`
	// Name is the number's name in Aircall.
	Name Latest[string] `json:"name,omitzero"`
	// Digits is the number in international format, with spaces.
	Digits Latest[string] `json:"digits,omitzero"`
	// Country is an ISO 3166 alpha-2 code.
	Country Latest[string] `json:"country,omitzero"`
	// TimeZone is an IANA name.
	TimeZone Latest[string] `json:"time_zone,omitzero"`
}

// User is an Aircall user as one event shows it. Only ID is always there.
type User struct {
	ID   int64  `json:"id"`
	Name string `json:"name,omitzero"`
	// Email is compared without case by O1.
	Email string `json:"email,omitzero"`
}

// Contact is an Aircall contact that has a name or a company.
type Contact struct {
	ID        int64  `json:"id,omitzero"`
	FirstName string `json:"first_name,omitzero"`
	LastName  string `json:"last_name,omitzero"`
	Company   string `json:"company,omitzero"`
}

// Agent is an Aircall user whom events showed handling the call. Ringing,
// declined, transferred and unsuccessful events do not count: their user is
// not (or not yet) on the phone.
type Agent struct {
	ID int64 `json:"id"`
	// At is the key of the newest event with this user.
	At    Key            `json:"at,omitzero"`
	Name  Latest[string] `json:"name,omitzero"`
	Email Latest[string] `json:"email,omitzero"`
	// Seen are the 16 earliest distinct seconds at which an event had this
	// user, ascending: they tell when the user picked up after a transfer.
	Seen []int64 `json:"seen"`
}

// Transfer is a call.transferred, or a call.unsuccessful_transfer.
type Transfer struct {
	At Key `json:"at"`
	// Failed is true for call.unsuccessful_transfer.
	Failed bool `json:"failed,omitzero"`
	TransferParties
}

// TransferParties are who transferred, and to whom (after a team transfer: the
// team's first user). An unknown one has ID 0.
type TransferParties struct {
	By User `json:"by,omitzero"`
	To User `json:"to,omitzero"`
}

// Tag is one tag of a call.
type Tag struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	// TaggedAt is in UNIX seconds, 0 where unknown.
	TaggedAt int64 `json:"tagged_at,omitzero"`
	// By is the id of the user who put it; 0 for a system tag.
	By int64 `json:"by,omitzero"`
}

// Comment is one note.
type Comment struct {
	ID int64 `json:"id"`
	// Content is the note's text, cut to MaxNote UTF-16 units.
	Content string `json:"content"`
	// PostedAt is in UNIX seconds, 0 where unknown.
	PostedAt int64 `json:"posted_at,omitzero"`
	// By is the author; ID 0 for a note added through the API.
	By User `json:"by,omitzero"`
}

// Command is what an operator asked for by a callfold.* event.
type Command struct {
	// Who asked, and Why.
	Who string `json:"who,omitzero"`
	Why string `json:"why,omitzero"`
	// StateHash is the hash of the state that the operator saw, if any.
	StateHash string `json:"state_hash,omitzero"`
}

// Trace says which events made a state: the newest 32 by key, each with the
// lowest offset at which it came.
type Trace struct {
	Events []TraceEvent `json:"events"`
	// Unknown holds fields written by a newer binary; they survive a rewrite.
	Unknown jsontext.Value `json:",embed"`
}

// TraceEvent is one folded event.
type TraceEvent struct {
	At Key `json:"at"`
	// Event is the event's name, such as call.answered.
	Event string `json:"event"`
	// Offset is the lowest offset at which it came, in the partition of the
	// topic events that the call's key belongs to.
	Offset int64 `json:"offset"`
}

// CallRecord is the value of a record in the topic calls.
type CallRecord struct {
	State Call  `json:"state"`
	Trace Trace `json:"trace"`
	// Unknown holds fields written by a newer binary; they survive a rewrite.
	Unknown jsontext.Value `json:",embed"`
}
