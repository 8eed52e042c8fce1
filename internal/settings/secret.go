package settings

// mask is what a secret shows of itself.
const mask = "********"

// Secret is a value that must not be seen. However it is printed, logged or
// marshalled (as JSON, YAML or text), it shows a mask; only Reveal gives the value.
type Secret string

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String is the mask, or empty when there is no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString masks the secret for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText masks the secret in JSON, in YAML and in structured logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
