package traffic

// The types of a webhook body, fields in Aircall's order. An `any` field can be
// missing (nil), null (a nil pointer), an empty object (struct{}{}) or present:
// Aircall sends all four.

type body struct {
	Resource  string `json:"resource"`
	Event     string `json:"event"`
	Timestamp int64  `json:"timestamp"` // UNIX seconds, when the body was built
	Token     string `json:"token"`
	Data      object `json:"data"`
}

// object is a call as it is at one moment. Slices are replaced, never changed
// in place: a snapshot shares them.
type object struct {
	ID                    int64         `json:"id"`
	CallUUID              string        `json:"call_uuid,omitzero"`
	DirectLink            string        `json:"direct_link"`
	Direction             string        `json:"direction"`
	Status                string        `json:"status"`
	MissedCallReason      *string       `json:"missed_call_reason"`
	StartedAt             int64         `json:"started_at"`
	AnsweredAt            *int64        `json:"answered_at"`
	EndedAt               *int64        `json:"ended_at"`
	Duration              int64         `json:"duration"`
	Cost                  string        `json:"cost"`
	HangupCause           *string       `json:"hangup_cause"`
	Voicemail             *string       `json:"voicemail"`
	Recording             *string       `json:"recording"`
	Asset                 *string       `json:"asset"`
	RawDigits             string        `json:"raw_digits"`
	CountryCode           any           `json:"country_code_a2,omitzero"`
	User                  any           `json:"user,omitzero"`
	Contact               any           `json:"contact,omitzero"`
	AssignedTo            *user         `json:"assigned_to,omitzero"`
	TransferredBy         *user         `json:"transferred_by,omitzero"`
	TransferredTo         *user         `json:"transferred_to,omitzero"`
	ExternalTransferredTo string        `json:"external_transferred_to,omitzero"`
	Number                *line         `json:"number"`
	Archived              bool          `json:"archived"`
	Teams                 []team        `json:"teams"`
	Comments              []comment     `json:"comments"`
	Tags                  []tag         `json:"tags"`
	IVROptions            []ivrOption   `json:"ivr_options_selected,omitempty"`
	Participants          []participant `json:"participants,omitempty"`
}

type user struct {
	ID                 int64  `json:"id"`
	DirectLink         string `json:"direct_link"`
	Name               string `json:"name"`
	Email              string `json:"email,omitzero"`
	Available          bool   `json:"available"`
	AvailabilityStatus string `json:"availability_status"`
	Language           string `json:"language"`
	WrapUpTime         int    `json:"wrap_up_time"`
}

type line struct {
	ID                     int64    `json:"id"`
	DirectLink             string   `json:"direct_link"`
	Name                   string   `json:"name"`
	Digits                 string   `json:"digits"`
	Country                string   `json:"country"`
	TimeZone               string   `json:"time_zone"`
	Open                   bool     `json:"open"`
	AvailabilityStatus     string   `json:"availability_status"`
	IsIVR                  bool     `json:"is_ivr"`
	LiveRecordingActivated bool     `json:"live_recording_activated"`
	Messages               messages `json:"messages"`
}

type messages struct {
	Welcome        string `json:"welcome"`
	Waiting        string `json:"waiting"`
	IVR            string `json:"ivr"`
	Voicemail      string `json:"voicemail"`
	Closed         string `json:"closed"`
	CallbackLater  string `json:"callback_later"`
	UnansweredCall string `json:"unanswered_call"`
	AfterHours     string `json:"after_hours"`
	RingingTone    string `json:"ringing_tone"`
}

type team struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	DirectLink string `json:"direct_link"`
}

type contact struct {
	ID           int64     `json:"id"`
	DirectLink   string    `json:"direct_link"`
	FirstName    string    `json:"first_name"`
	LastName     string    `json:"last_name"`
	CompanyName  *string   `json:"company_name"`
	Information  *string   `json:"information"`
	IsShared     bool      `json:"is_shared"`
	Emails       []address `json:"emails"`
	PhoneNumbers []address `json:"phone_numbers"`
}

// address is an e-mail address or a phone number of a contact.
type address struct {
	ID    int64  `json:"id"`
	Label string `json:"label"`
	Value string `json:"value"`
}

type comment struct {
	ID       int64  `json:"id"`
	Content  string `json:"content"`
	PostedAt int64  `json:"posted_at"`
	PostedBy *user  `json:"posted_by"` // null when it was added through the API
}

type tag struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	TaggedAt int64  `json:"tagged_at"`
	TaggedBy any    `json:"tagged_by"` // a user; {} on system tags
}

type ivrOption struct {
	ID        string `json:"id"`
	Title     string `json:"title"`
	Key       string `json:"key"`
	Branch    string `json:"branch"`
	CreatedAt string `json:"created_at"`
}

type participant struct {
	PhoneNumber string `json:"phone_number,omitzero"`
	ID          int64  `json:"id,omitzero"`
	Name        string `json:"name,omitzero"`
	Type        string `json:"type"` // external or user
}
