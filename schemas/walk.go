package schemas

import (
	"sync"
	"unsafe"
)

// walk goes through a body once. In passing it checks that all of it is JSON
// (see check.go), and notes where the members of its outer objects are.
type walk struct {
	body []byte
	// text is body again: its parts are handed out without a copy. All texts
	// that an event keeps are copied by clean.
	text value

	top        members // of the body
	data, call members // of its members of these names, where they are objects

	known objectCaches
}

// walks are used again: their lists of members would be half of the memory that
// an event takes, and they know the objects seen before.
var walks = sync.Pool{New: func() any { return &walk{known: newObjectCaches()} }}

func newWalk(body []byte) *walk {
	w := walks.Get().(*walk)
	w.body, w.text = body, value(unsafe.String(unsafe.SliceData(body), len(body)))
	return w
}

// release ends the use of w, and of all members in it.
func (w *walk) release() {
	w.body, w.text = nil, ""
	for _, m := range []*members{&w.top, &w.data, &w.call} {
		m.release()
	}
	walks.Put(w)
}

// envelope reads the object that begins at i, and reports whether it and what
// follows it are JSON.
func (w *walk) envelope(i int) bool {
	end := w.object(i, &w.top)
	return end >= 0 && skipBlanks(w.body, end) == len(w.body)
}

// object reads the members of the object that begins at i, and says where it
// ends; notJSON where it does not.
func (w *walk) object(i int, m *members) int {
	i = skipBlanks(w.body, i+1)
	if byteAt(w.body, i) == '}' {
		return i + 1
	}
	for {
		nameEnd := checkString(w.body, i)
		start := checkColon(w.body, nameEnd)
		if start < 0 {
			return notJSON
		}
		name := w.text[i:nameEnd].str()
		var end int
		switch opens := byteAt(w.body, start) == '{'; {
		case opens && m == &w.top && name == "data":
			end = w.object(start, &w.data)
		case opens && m == &w.top && name == "call":
			end = w.object(start, &w.call)
		case opens:
			end = w.member(name, start, &m.objects)
		default:
			end = checkValue(w.body, start)
		}
		if end < 0 {
			return notJSON
		}
		m.list = append(m.list, member{name, w.text[start:end]})
		i = skipBlanks(w.body, end)
		switch byteAt(w.body, i) {
		case '}':
			return i + 1
		case ',':
			i = skipBlanks(w.body, i+1)
		default:
			return notJSON
		}
	}
}

// member reads the object of that name which begins at i, and says where it ends;
// notJSON where it does not.
func (w *walk) member(name string, i int, o *objects) int {
	switch name {
	case "number":
		return w.known.numbers.read(w, i, &o.number)
	case "contact":
		return w.known.contacts.read(w, i, &o.contact)
	case "user":
		return w.known.users.read(w, i, &o.user)
	case "assigned_to":
		return w.known.users.read(w, i, &o.assignedTo)
	case "transferred_by":
		return w.known.users.read(w, i, &o.transferredBy)
	case "transferred_to":
		return w.known.users.read(w, i, &o.transferredTo)
	}
	return checkObject(w.body, i)
}
