package schemas

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Most fields of a state come from its newest event, so in JSON a key that
// equals the state's Newest is left out: without that, keys would be half of a
// state. In memory every key is complete. A field that is added within version
// 1 must not do this, see the rule in doc.go.

// sameAsNewest stands for a key that is left out. No event has it.
var sameAsNewest = Key{Rank: -1}

// latestWire is how a Latest looks in JSON.
type latestWire[T any] struct {
	At    Key `json:"at,omitzero"`
	Value T   `json:"v"`
}

// MarshalJSONTo implements [json.MarshalerTo].
func (l Latest[T]) MarshalJSONTo(enc *jsontext.Encoder) error {
	if l.At == sameAsNewest {
		l.At = Key{}
	}
	return json.MarshalEncode(enc, (*latestWire[T])(&l))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (l *Latest[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*l = Latest[T]{At: sameAsNewest}
	return json.UnmarshalDecode(dec, (*latestWire[T])(l))
}

// callWire is a Call without its methods.
type callWire Call

// MarshalJSONTo implements [json.MarshalerTo]: keys that equal Newest are left out.
func (c Call) MarshalJSONTo(enc *jsontext.Encoder) error {
	c.Agents = slices.Clone(c.Agents)
	for i := range c.Agents {
		if c.Agents[i].At == c.Newest {
			c.Agents[i].At = Key{}
		}
	}
	leaveOut := func(k *Key) {
		if *k == c.Newest && !k.IsZero() {
			*k = sameAsNewest
		}
	}
	for _, k := range c.keys() {
		leaveOut(k)
	}
	for i := range c.Agents {
		leaveOut(&c.Agents[i].Name.At)
		leaveOut(&c.Agents[i].Email.At)
	}
	return json.MarshalEncode(enc, (*callWire)(&c))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom]: the keys left out are
// filled in again.
func (c *Call) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*c = Call{}
	if err := json.UnmarshalDecode(dec, (*callWire)(c)); err != nil {
		return err
	}
	c.fillKeys()
	return nil
}

// fillKeys replaces sameAsNewest by Newest.
func (c *Call) fillKeys() {
	for _, k := range c.keys() {
		c.fill(k)
	}
	for i := range c.Agents {
		a := &c.Agents[i]
		if a.At.IsZero() {
			a.At = c.Newest
		}
		c.fill(&a.Name.At)
		c.fill(&a.Email.At)
	}
}

func (c *Call) fill(k *Key) {
	if *k == sameAsNewest {
		*k = c.Newest
	}
}

// keys are the keys of every Latest in c, but for those in lists.
func (c *Call) keys() [25]*Key {
	return [...]*Key{
		&c.UUID.At, &c.Direction.At, &c.EndedAt.At, &c.MissedReason.At, &c.External.At,
		&c.Number.ID.At, &c.Number.Name.At, &c.Number.Digits.At, &c.Number.Country.At, &c.Number.TimeZone.At,
		&c.Contact.At, &c.RESTTransfer.At, &c.ExternalTransfer.At, &c.AssignedTo.At, &c.Archived.At,
		&c.IVROptions.At, &c.Recording.At, &c.Voicemail.At, &c.Asset.At, &c.Tags.At, &c.Comments.At,
		&c.Rewrite.At, &c.Rematch.At, &c.Retry.At, &c.Erased.At,
	}
}
