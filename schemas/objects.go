package schemas

import "strings"

// objects are those of a call that are read in passing, while the body is walked
// through (see walk.go): each looks the same in event after event.
type objects struct {
	number  Number
	contact Latest[Contact]

	user, assignedTo, transferredBy, transferredTo User
}

// objectCaches remember them.
type objectCaches struct {
	numbers  objectCache[Number]
	contacts objectCache[Latest[Contact]]
	users    objectCache[User]
}

func newObjectCaches() objectCaches {
	return objectCaches{
		numbers:  objectCache[Number]{of: numberOf},
		contacts: objectCache[Latest[Contact]]{of: contactOf},
		users:    objectCache[User]{of: userOf},
	}
}

// objectCache remembers objects as bodies showed them, and what they say. A company
// has few numbers, of which each with its messages is more than half of a body, and
// few users; a contact comes with all events of a call. What was read once need only
// be compared: an object ends where it ends, so a text that begins with one that was
// good JSON is good JSON up to there, and says the same.
type objectCache[T any] struct {
	of     func(value) T // reads one
	byHead map[value]knownObject[T]
}

type knownObject[T any] struct {
	raw  value
	says T
}

const (
	// mostObjects is how many of a kind are kept; then the cache begins anew.
	mostObjects = 500
	// mostObjectBytes is the length over which an object is not kept.
	mostObjectBytes = 8 << 10
	// objectHead is how much of an object's beginning tells it from the others:
	// its id is in it, or at least its link.
	objectHead = 64
)

// read reads the object that begins at i, and says where it ends; notJSON where it
// does not.
func (c *objectCache[T]) read(w *walk, i int, says *T) int {
	known, ok := c.find(w.text[i:])
	if !ok {
		end := checkObject(w.body, i)
		if end < 0 {
			return notJSON
		}
		known.raw = w.text[i:end]
		known.says = c.of(known.raw)
		c.keep(known)
	}
	*says = known.says
	return i + len(known.raw)
}

// find returns the object that the text begins with, if it is known.
func (c *objectCache[T]) find(text value) (known knownObject[T], ok bool) {
	known, ok = c.byHead[headOfObject(text)]
	return known, ok && strings.HasPrefix(string(text), string(known.raw))
}

// keep remembers an object.
func (c *objectCache[T]) keep(known knownObject[T]) {
	if len(known.raw) > mostObjectBytes {
		return
	}
	if c.byHead == nil || len(c.byHead) == mostObjects {
		c.byHead = map[value]knownObject[T]{}
	}
	known.raw = value(strings.Clone(string(known.raw)))
	c.byHead[headOfObject(known.raw)] = known
}

func headOfObject(text value) value { return text[:min(len(text), objectHead)] }
