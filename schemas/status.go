package schemas

import "fmt"

// Status is how far a call has come. It only moves forward. In JSON it is
// Aircall's own word.
type Status int8

// The statuses that Aircall publishes, in order.
const (
	StatusUnknown  Status = iota
	StatusInitial         // "initial": ringing, or in an IVR
	StatusAnswered        // "answered"
	StatusDone            // "done": hung up
)

var statusNames = [...]string{"", "initial", "answered", "done"}

// String is Aircall's word for the status; "" for an unknown one.
func (s Status) String() string {
	if s < 0 || int(s) >= len(statusNames) {
		return ""
	}
	return statusNames[s]
}

// statusOf is the status that Aircall calls name.
func statusOf(name string) Status {
	for i, n := range statusNames {
		if n == name {
			return Status(i)
		}
	}
	return StatusUnknown
}

// MarshalText implements [encoding.TextMarshaler].
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Status) UnmarshalText(b []byte) error {
	*s = statusOf(string(b))
	if *s == StatusUnknown && len(b) > 0 {
		return fmt.Errorf("%q is no status of a call", b)
	}
	return nil
}
