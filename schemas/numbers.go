package schemas

import "strings"

// numberCache remembers Aircall numbers as bodies showed them. A company has few
// of them, each looks the same in event after event, and with its messages it is
// more than half of a body. What was read once need only be compared: an object
// ends where it ends, so a text that begins with one that was good JSON is good
// JSON up to there, and says the same.
//
// The zero numberCache is empty.
type numberCache struct {
	byHead map[value]knownNumber
}

type knownNumber struct {
	raw    value
	number Number
}

const (
	// mostNumbers is how many are kept; then the cache begins anew.
	mostNumbers = 100
	// mostNumberBytes is the length over which an object is not kept.
	mostNumberBytes = 8 << 10
	// numberHead is how much of an object's beginning tells it from the others:
	// the number's id is in it, or at least its link.
	numberHead = 64
)

// find returns the number that the text begins with, and the length of the
// object; 0 where it is not known.
func (c *numberCache) find(text value) (Number, int) {
	k := c.byHead[headOfNumber(text)]
	if !strings.HasPrefix(string(text), string(k.raw)) {
		return Number{}, 0
	}
	return k.number, len(k.raw)
}

// keep remembers a number, of which raw is the object.
func (c *numberCache) keep(raw value, n Number) {
	if len(raw) > mostNumberBytes {
		return
	}
	if c.byHead == nil || len(c.byHead) == mostNumbers {
		c.byHead = map[value]knownNumber{}
	}
	raw = value(strings.Clone(string(raw)))
	c.byHead[headOfNumber(raw)] = knownNumber{raw, n}
}

func headOfNumber(text value) value { return text[:min(len(text), numberHead)] }
