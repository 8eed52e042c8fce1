package schemas

import (
	"iter"
	"strings"

	"github.com/tidwall/gjson"
)

// value is the raw text of a JSON value; "" where there is none. It is part of
// a body that was found to be JSON (check.go), so walking through it checks nothing.
//
// gjson's own walk makes a Result of 100 bytes, and a float64 of every number,
// for each value that is passed; on calls, most of which is passed over, this
// one takes a third of the time. FuzzParseEvent compares the two.
type value string

func (v value) exists() bool   { return v != "" }
func (v value) isNull() bool   { return v == "null" }
func (v value) isObject() bool { return v != "" && v[0] == '{' }
func (v value) isArray() bool  { return v != "" && v[0] == '[' }
func (v value) isString() bool { return v != "" && v[0] == '"' }

// str is a string's content; "" for any other value. It may hold invalid UTF-8.
func (v value) str() string {
	if !v.isString() {
		return ""
	}
	if s := string(v[1 : len(v)-1]); strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return gjson.Parse(string(v)).Str
}

// members are an object's members in their order; none for any other value.
func (v value) members() iter.Seq2[string, value] {
	return func(yield func(string, value) bool) {
		if !v.isObject() {
			return
		}
		for i := skipSpace(v, 1); v[i] != '}'; {
			name, start := nameAt(v, i)
			end := skipValue(v, start)
			if !yield(name, v[start:end]) {
				return
			}
			i = skipComma(v, end)
		}
	}
}

// elements are an array's elements; none for any other value.
func (v value) elements() iter.Seq[value] {
	return func(yield func(value) bool) {
		if !v.isArray() {
			return
		}
		for i := skipSpace(v, 1); v[i] != ']'; {
			end := skipValue(v, i)
			if !yield(v[i:end]) {
				return
			}
			i = skipComma(v, end)
		}
	}
}

// nameAt is the name of the member that begins at i, and where its value
// begins.
func nameAt(v value, i int) (name string, start int) {
	end := skipString(v, i)
	colon := skipSpace(v, end)
	return v[i:end].str(), skipSpace(v, colon+1)
}

// skipComma is the place of the next member or element after the value that
// ends at i, or of the closing bracket.
func skipComma(v value, i int) int {
	if i = skipSpace(v, i); v[i] == ',' {
		i = skipSpace(v, i+1)
	}
	return i
}

// skipSpace is the place of the first byte from i on that is no white space.
func skipSpace(v value, i int) int {
	for v[i] <= ' ' {
		i++
	}
	return i
}

// skipValue is the end of the value that begins at i.
func skipValue(v value, i int) int {
	switch v[i] {
	case '"':
		return skipString(v, i)
	case '{', '[':
		depth := 0
		for {
			switch v[i] {
			case '"':
				i = skipString(v, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
	}
	for i < len(v) && v[i] > ' ' && v[i] != ',' && v[i] != '}' && v[i] != ']' {
		i++
	}
	return i
}

// skipString is the end of the string whose opening quote is at i.
func skipString(v value, i int) int {
	for i = skipPlain(v, i+1); v[i] != '"'; i = skipPlain(v, i) {
		i += 2 // a backslash and what it is before
	}
	return i + 1
}
