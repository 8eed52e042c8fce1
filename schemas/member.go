package schemas

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

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
}

// place points to a member. Sorting places, not members, moves no pointers,
// and the head of the name settles nearly every comparison.
type place struct {
	head  uint64 // the first eight bytes of the name, for comparing
	index int32
}

// membersAt reads the object that begins at start, and says where it ends.
// Members for which inside names a place, if they are objects, are read into
// that place in passing.
func membersAt(v value, start int, inside func(name string) *members) (m members, end int) {
	m.list = make([]member, 0, 32)
	i := skipSpace(v, start+1)
	for v[i] != '}' {
		name, from := nameAt(v, i)
		if place := inside(name); place != nil && v[from] == '{' {
			*place, end = membersAt(v, from, nowhere)
		} else {
			end = skipValue(v, from)
		}
		m.list = append(m.list, member{name, v[from:end]})
		i = skipComma(v, end)
	}
	m.sort()
	return m, i + 1
}

func nowhere(string) *members { return nil }

// sort fills byName.
func (m *members) sort() {
	m.byName = make([]place, len(m.list))
	for i, f := range m.list {
		m.byName[i] = place{headOf(f.name), int32(i)}
	}
	slices.SortFunc(m.byName, func(a, b place) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return strings.Compare(m.list[a.index].name, m.list[b.index].name)
	})
}

// headOf is a name's first eight bytes as a number that compares as they do.
func headOf(name string) uint64 {
	var b [8]byte
	copy(b[:], name)
	return binary.BigEndian.Uint64(b[:])
}

// repeated is a name that comes more than once, if there is one.
func (m members) repeated() (name string, ok bool) {
	for i := 1; i < len(m.byName); i++ {
		a, b := m.byName[i-1], m.byName[i]
		if a.head == b.head && m.list[a.index].name == m.list[b.index].name {
			return m.list[a.index].name, true
		}
	}
	return "", false
}

// get is the value of the member of that name; "" where there is none.
func (m members) get(name string) value {
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
func (m members) hash() (head [8]byte) {
	var d xxhash.Digest
	d.Reset()
	for _, p := range m.byName {
		f := &m.list[p.index]
		if f.name == "recording" || f.name == "voicemail" {
			continue
		}
		// Writing to a digest never fails.
		_, _ = d.WriteString(f.name)
		_, _ = d.WriteString("\x00")
		_, _ = d.WriteString(string(f.value))
		_, _ = d.WriteString("\x00")
	}
	binary.BigEndian.PutUint64(head[:], d.Sum64())
	return head
}

// opening counts the brackets that open something, in strings too.
func opening(body []byte) int {
	return bytes.Count(body, []byte("[")) + bytes.Count(body, []byte("{"))
}
