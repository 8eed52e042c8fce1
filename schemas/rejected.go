package schemas

import (
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// RejectReason is why an event could not be folded. It is a closed set and
// serves as a metric label.
type RejectReason string

// The reasons.
const (
	NotJSON      RejectReason = "not_json"      // not a JSON value, or not UTF-8 where it must be
	NotACall     RejectReason = "not_a_call"    // JSON, but neither a call event nor a call object
	NoID         RejectReason = "no_id"         // data.id is missing or null
	BadID        RejectReason = "bad_id"        // data.id is no positive 64-bit integer
	RepeatedKeys RejectReason = "repeated_keys" // a member comes twice in the envelope or in data
	NoTime       RejectReason = "no_time"       // no usable timestamp
	FutureTime   RejectReason = "future_time"   // timestamp more than 24 h ahead of its reception
	TooLarge     RejectReason = "too_large"     // body over 1 MiB, or a state that no record can hold
	KeyMismatch  RejectReason = "key_mismatch"  // the record's key is not the body's call id
)

// RejectReasons are all of them.
func RejectReasons() []RejectReason {
	return []RejectReason{NotJSON, NotACall, NoID, BadID, RepeatedKeys, NoTime, FutureTime, TooLarge, KeyMismatch}
}

// RejectedRecord is the value of a record in the topic rejected: an event that
// could not be folded, with all that is needed to mend it and send it again.
type RejectedRecord struct {
	Reason RejectReason `json:"reason"`
	// Detail says in one sentence what is wrong. It holds no part of the body
	// but names of members.
	Detail string `json:"detail,omitzero"`
	// Origin says where the event was when it was rejected.
	Origin Origin `json:"origin"`
	// ReceivedAt is when it was received, in UNIX milliseconds.
	ReceivedAt int64 `json:"received_at,omitzero"`
	// Event is the event's name and CallID its call, where they could be read.
	Event  string `json:"event,omitzero"`
	CallID int64  `json:"call_id,omitzero"`
	// Body is the body without its token, where it is text; BodyBase64 holds
	// it where it is not.
	Body       string `json:"body,omitzero"`
	BodyBase64 []byte `json:"body_base64,omitempty"`
	// BodySize is the size in bytes as received, Truncated whether the body
	// here is only its beginning.
	BodySize  int64 `json:"body_size"`
	Truncated bool  `json:"truncated,omitzero"`
	// Unknown holds fields written by a newer binary; they survive a rewrite.
	Unknown jsontext.Value `json:",embed"`
}

// Origin is where a rejected event came from: a source, and the place in a
// topic where it had got that far.
type Origin struct {
	// Source is webhook, backfill or command.
	Source string `json:"source"`
	// Topic, Partition and Offset are set for an event rejected by a reader.
	Topic     string `json:"topic,omitzero"`
	Partition int32  `json:"partition,omitzero"`
	Offset    int64  `json:"offset,omitzero"`
}

// SetBody stores the body without its token: as text where it is text, in
// base64 where it is not, or where escaping would make it too large for a
// record.
func (r *RejectedRecord) SetBody(body []byte) {
	const mostText = 3 << 19 // 1.5 MiB, of a record of 2 MiB
	r.Body, r.BodyBase64 = "", nil
	if utf8.Valid(body) {
		quoted, err := jsontext.AppendQuote(nil, body)
		if err == nil && len(quoted) <= mostText {
			r.Body = string(body)
			return
		}
	}
	r.BodyBase64 = body
}
