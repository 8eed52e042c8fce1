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
	inNumber   members // of the member number of one of these three

	numbers numberCache
}

// walks are used again: their lists of members would be half of the memory that
// an event takes, and they know the numbers seen before.
var walks = sync.Pool{New: func() any {
	w := new(walk)
	for _, m := range []*members{&w.top, &w.data, &w.call} {
		m.hasNumber = true
	}
	return w
}}

func newWalk(body []byte) *walk {
	w := walks.Get().(*walk)
	w.body, w.text = body, value(unsafe.String(unsafe.SliceData(body), len(body)))
	return w
}

// release ends the use of w, and of all members in it.
func (w *walk) release() {
	w.body, w.text = nil, ""
	for _, m := range []*members{&w.top, &w.data, &w.call, &w.inNumber} {
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
		case opens && m.hasNumber && name == "number":
			m.number, end = w.number(start)
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

// number reads the Aircall number that begins at i, and says where it ends;
// notJSON where it does not.
func (w *walk) number(i int) (Number, int) {
	if n, length := w.numbers.find(w.text[i:]); length > 0 {
		return n, i + length
	}
	w.inNumber.release()
	end := w.object(i, &w.inNumber)
	if end < 0 {
		return Number{}, notJSON
	}
	n := numberOf(w.inNumber.list)
	w.numbers.keep(w.text[i:end], n)
	return n, end
}
