package schemas

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// member is one member of a JSON object.
type member struct {
	name  string // unescaped
	value value
}

// members are an object's members in the order of the body, and their order by
// name. Where a name comes twice, the two are neighbours in byName.
type members struct {
	list   []member
	byName []place
	// objects are the members that are read in passing, see walk.go.
	objects objects
}

// place points to a member. Sorting places, not members, moves no pointers,
// and the head of the name settles nearly every comparison.
type place struct {
	head  uint64 // the first eight bytes of the name, for comparing
	index int32
}

// release forgets the members, but keeps the room for as many as a call has, and
// their order by name, from which sort begins.
func (m *members) release() {
	if cap(m.list) > 100 {
		m.list, m.byName = nil, nil
	}
	clear(m.list)
	m.list = m.list[:0]
	m.objects = objects{}
}

// sort fills byName. It begins with the order that the last body had: bodies have
// their members in the same places, so nearly always there is nothing to be moved.
func (m *members) sort() {
	if len(m.byName) != len(m.list) {
		m.byName = m.byName[:0]
		for i := range m.list {
			m.byName = append(m.byName, place{index: int32(i)})
		}
	}
	for i := range m.byName {
		m.byName[i].head = headOf(m.list[m.byName[i].index].name)
	}
	less := func(a, b place) bool {
		if a.head != b.head {
			return a.head < b.head
		}
		return m.list[a.index].name < m.list[b.index].name
	}
	if len(m.byName) > fewMembers {
		slices.SortFunc(m.byName, func(a, b place) int {
			switch {
			case less(a, b):
				return -1
			case less(b, a):
				return 1
			}
			return 0
		})
		return
	}
	// By insertion, which is the quickest for the thirty members of a call.
	for i := 1; i < len(m.byName); i++ {
		k := i
		for p := m.byName[i]; k > 0 && less(p, m.byName[k-1]); k-- {
			m.byName[k] = m.byName[k-1]
			m.byName[k-1] = p
		}
	}
}

// fewMembers is more than a call has.
const fewMembers = 64

// headOf is a name's first eight bytes as a number that compares as they do.
func headOf(name string) uint64 {
	var b [8]byte
	copy(b[:], name)
	return binary.BigEndian.Uint64(b[:])
}

// repeated is a name that comes more than once, if there is one.
func (m *members) repeated() (name string, ok bool) {
	for i := 1; i < len(m.byName); i++ {
		a, b := m.byName[i-1], m.byName[i]
		if a.head == b.head && m.list[a.index].name == m.list[b.index].name {
			return m.list[a.index].name, true
		}
	}
	return "", false
}

// get is the value of the member of that name; "" where there is none.
func (m *members) get(name string) value {
	for i := range m.list {
		if m.list[i].name == name {
			return m.list[i].value
		}
	}
	return ""
}

// hash is the xxHash64 of the members, sorted by name, with their raw values as they came. The signed links are left out: Aircall signs them
// anew on every event. So the order of the members and a new signature change
// nothing.
//
// 64 bits, and no cryptographic hash, are safe. The hash only breaks ties among
// the events of one call that have the same second, rank and number of tags: a
// handful. Should two of them collide nevertheless, even made to, then the joins
// fall back on comparing the values themselves ([Join]), and all laws still
// hold; merely which of the two counts as newer is then decided field by field.
// SHA-256 would take a quarter of the time that an event takes to be folded.
func (m *members) hash() (head [8]byte) {
	var d xxhash.Digest
	d.Reset()
	// Small pieces are put together first: each write to the digest costs more
	// than to copy them.
	var room [512]byte
	b := room[:0]
	for _, p := range m.byName {
		f := &m.list[p.index]
		if f.name == "recording" || f.name == "voicemail" {
			continue
		}
		if len(b)+len(f.name)+len(f.value)+2 > len(room) {
			_, _ = d.Write(b) // never fails
			b = b[:0]
		}
		b = append(append(b, f.name...), 0)
		if len(b)+len(f.value) >= len(room) {
			_, _ = d.Write(b)
			_, _ = d.WriteString(string(f.value))
			b = b[:0]
		} else {
			b = append(b, f.value...)
		}
		b = append(b, 0)
	}
	_, _ = d.Write(b)
	binary.BigEndian.PutUint64(head[:], d.Sum64())
	return head
}

// opening counts the brackets that open something, in strings too.
func opening(body []byte) int {
	return bytes.Count(body, []byte("[")) + bytes.Count(body, []byte("{"))
}
