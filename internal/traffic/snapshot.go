package traffic

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// Snapshot is a call as Aircall's REST API shows it from a moment on.
type Snapshot struct {
	At time.Time

	call                 object
	participants         []participant
	recording, voicemail string // links without signature
}

// snapshot is the call as it is now, with nothing hidden.
func (l *life) snapshot() Snapshot {
	return Snapshot{At: l.now, call: l.call, participants: l.participants(l.call.User), recording: l.recording, voicemail: l.voicemail}
}

// CallID is Aircall's id of the call.
func (s *Snapshot) CallID() int64 { return s.call.ID }

// StartedAt is when the call started, in UNIX seconds.
func (s *Snapshot) StartedAt() int64 { return s.call.StartedAt }

// restUser is a user in a REST object: what is asked now is told, not what was
// then, so available is that of the moment of asking.
type restUser struct {
	user
	CreatedAt string `json:"created_at"`
	TimeZone  string `json:"time_zone"`
}

// restTag is a tag in a REST object: its time has another name there.
type restTag struct {
	ID        int64  `json:"id"`
	Name      string `json:"name"`
	CreatedAt int64  `json:"created_at"`
	TaggedBy  any    `json:"tagged_by"`
}

// restComment is a note in a REST object.
type restComment struct {
	ID       int64  `json:"id"`
	Content  string `json:"content"`
	PostedAt int64  `json:"posted_at"`
	PostedBy any    `json:"posted_by"`
}

// restObject is a call object of the REST API, as far as it differs from that of
// a webhook.
type restObject struct {
	ID               int64         `json:"id"`
	SID              string        `json:"sid,omitzero"`
	DirectLink       string        `json:"direct_link"`
	Direction        string        `json:"direction"`
	Status           string        `json:"status"`
	MissedCallReason *string       `json:"missed_call_reason"`
	StartedAt        int64         `json:"started_at"`
	AnsweredAt       *int64        `json:"answered_at"`
	EndedAt          *int64        `json:"ended_at"`
	Duration         int64         `json:"duration"`
	Voicemail        *string       `json:"voicemail"`
	Recording        *string       `json:"recording"`
	Asset            *string       `json:"asset"`
	RawDigits        string        `json:"raw_digits"`
	User             any           `json:"user"`
	Contact          any           `json:"contact,omitzero"`
	Archived         bool          `json:"archived"`
	AssignedTo       any           `json:"assigned_to"`
	TransferredBy    any           `json:"transferred_by"`
	TransferredTo    any           `json:"transferred_to"`
	Cost             string        `json:"cost"`
	Number           *line         `json:"number"`
	Comments         []restComment `json:"comments"`
	Tags             []restTag     `json:"tags"`
	Teams            []team        `json:"teams"`
	Participants     []participant `json:"conference_participants"`
}

// View says how the API shows a snapshot.
type View struct {
	// At is when it is asked: links are signed then.
	At time.Time
	// Contact is whether the Aircall contact is asked for; without that it is left out.
	Contact bool
	// Deleted reports whether a user was deleted in Aircall: such a one is
	// stripped from all calls. Nil: nobody was.
	Deleted func(id int64) bool
}

// JSON is the call object of the REST API.
func (s *Snapshot) JSON(v View) []byte {
	c := &s.call
	o := restObject{
		ID: c.ID, SID: c.CallUUID, DirectLink: c.DirectLink, Direction: c.Direction, Status: c.Status,
		MissedCallReason: c.MissedCallReason, StartedAt: c.StartedAt, AnsweredAt: c.AnsweredAt, EndedAt: c.EndedAt,
		RawDigits: c.RawDigits, Archived: c.Archived, Cost: c.Cost, Number: c.Number, Teams: c.Teams, Participants: s.participants,
		User: v.user(c.User, nil), AssignedTo: v.user(c.AssignedTo, nil),
		TransferredBy: v.user(c.TransferredBy, nil), TransferredTo: v.user(c.TransferredTo, nil),
		Comments: []restComment{}, Tags: []restTag{},
	}
	if c.EndedAt != nil {
		from := c.StartedAt
		if c.AnsweredAt != nil {
			from = *c.AnsweredAt
		}
		o.Duration = *c.EndedAt - from
	}
	if v.Contact {
		o.Contact = cmp.Or[any](c.Contact, (*contact)(nil))
	}
	for _, t := range c.Tags {
		o.Tags = append(o.Tags, restTag{t.ID, t.Name, t.TaggedAt, v.user(t.TaggedBy, struct{}{})})
	}
	for _, n := range c.Comments {
		o.Comments = append(o.Comments, restComment{n.ID, n.Content, n.PostedAt, v.user(n.PostedBy, nil)})
	}
	s.linkMedia(&o, v.At)
	b, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("traffic: encoding a call object: %v", err)) // its types are all encodable
	}
	return b
}

// user is a user as he is shown; none where it is nobody, or somebody who was deleted.
func (v View) user(u, none any) any {
	found, ok := u.(*user)
	if !ok || found == nil || v.Deleted != nil && v.Deleted(found.ID) {
		return none
	}
	shown := restUser{user: *found, CreatedAt: "2024-01-15T09:00:00.000Z", TimeZone: "Etc/UTC"}
	shown.Available = v.At.Unix()/60%2 == 0
	if !shown.Available {
		shown.AvailabilityStatus = "in_call"
	}
	return shown
}

// linkMedia puts the media that exist into an object, signed at that moment.
func (s *Snapshot) linkMedia(o *restObject, at time.Time) {
	rng := rand.New(rand.NewPCG(uint64(o.ID), uint64(at.UnixNano())))
	asset := fmt.Sprintf("https://assets.aircall.io/calls/%d/", o.ID)
	if s.recording != "" {
		link, page := s.recording+signature(rng, at), asset+"recording"
		o.Recording, o.Asset = &link, &page
	}
	if s.voicemail != "" {
		link, page := s.voicemail+signature(rng, at), asset+"voicemail"
		o.Voicemail, o.Asset = &link, &page
	}
}

// Snapshots are the call as the REST API shows it, from each of its events on.
func (c *Call) Snapshots() []Snapshot { return slices.Clone(c.snapshots) }

// UsersJSON are the company's users as GET /v1/users shows them, one JSON object each.
func UsersJSON(v View) [][]byte {
	var all [][]byte
	for _, u := range agents {
		shown := v.user(u, nil)
		if shown == nil {
			continue
		}
		b, err := json.Marshal(shown)
		if err != nil {
			panic(fmt.Sprintf("traffic: encoding a user: %v", err)) // its types are all encodable
		}
		all = append(all, b)
	}
	return all
}

// EventNames are the events that a webhook for all events of calls has.
func EventNames() []string {
	return []string{
		"call.created", "call.ringing_on_agent", "call.agent_declined", "call.ivr_option_selected", "call.answered",
		"call.hold", "call.unhold", "call.transferred", "call.unsuccessful_transfer", "call.external_transferred",
		"call.hungup", "call.ended", "call.voicemail_left", "call.comm_assets_generated", "call.assigned", "call.archived",
		"call.tagged", "call.untagged", "call.commented",
	}
}
