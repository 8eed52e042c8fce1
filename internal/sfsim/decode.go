package sfsim

import (
	"bytes"
	"errors"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/go-json-experiment/json/jsontext"
)

// assignment is one field of a record that a request sets.
type assignment struct {
	field *field
	value any // as in a [row]; nil clears the field
	units int // length of a text as it was sent, in UTF-16 units
}

// decoder reads records out of a request's body, and knows where it is in it:
// Salesforce answers values of the wrong JSON type with their line and column.
type decoder struct {
	body []byte
	find func(o *object, name string) *field // nil for a field that the record may not name
}

// parserError is a fault at a byte offset of the body.
func (d decoder) parserError(offset int, format string, args ...any) *apiError {
	e := badRequest("JSON_PARSER_ERROR", format, args...)
	before := d.body[:min(offset, len(d.body))]
	line := bytes.Count(before, []byte{'\n'}) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	e.Message += " at [line:" + strconv.Itoa(line) + ", column:" + strconv.Itoa(column) + "]"
	return e
}

// member is one name and value of a JSON object, with the value's place in the body.
type member struct {
	name   string
	value  jsontext.Value
	offset int
}

// members reads the JSON object that starts at offset. Names that come twice and
// text that is not UTF-8 are refused.
func (d decoder) members(value jsontext.Value, offset int) ([]member, *apiError) {
	return d.parts(value, offset, '{', "sobject")
}

// elements reads the JSON array that starts at offset.
func (d decoder) elements(value jsontext.Value, offset int) ([]member, *apiError) {
	return d.parts(value, offset, '[', "list")
}

// parts cuts an object or array into its members. They share the body's memory.
func (d decoder) parts(value jsontext.Value, offset int, begin jsontext.Kind, kind string) ([]member, *apiError) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(value))
	if dec.PeekKind() != begin {
		return nil, d.parserError(offset, "Cannot deserialize instance of %s from %s or request may be missing a required field", kind, describeValue(value))
	}
	broken := func(err error) *apiError { return d.parserError(offset+int(dec.InputOffset()), "%v", err) }
	if _, err := dec.ReadToken(); err != nil {
		return nil, broken(err)
	}
	out := make([]member, 0, 32)
	for dec.PeekKind() != begin+2 { // } is { + 2, and ] is [ + 2
		var m member
		if begin == '{' {
			name, err := dec.ReadToken()
			if err != nil {
				return nil, broken(err)
			}
			m.name = name.String()
		}
		v, err := dec.ReadValue()
		if err != nil {
			return nil, broken(err)
		}
		end := int(dec.InputOffset())
		m.value = value[end-len(v) : end]
		m.offset = offset + end - len(v)
		out = append(out, m)
	}
	return out, nil
}

// whole reads the body's one JSON value, which must be an object.
func (d decoder) whole() ([]member, *apiError) {
	value := bytes.TrimSpace(d.body)
	offset := bytes.Index(d.body, value)
	if err := checkWhole(value); err != nil {
		return nil, d.parserError(offset, "%v", err)
	}
	return d.members(value, offset)
}

// checkWhole tells whether the text is one JSON value and nothing else.
func checkWhole(value jsontext.Value) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(value))
	if err := dec.SkipValue(); err != nil {
		return err
	}
	if int(dec.InputOffset()) != len(value) {
		return errors.New("unexpected text after the value")
	}
	return nil
}

// fields turns the members of a record into assignments. "attributes" is passed over.
func (d decoder) fields(o *object, members []member) ([]assignment, *apiError) {
	out := make([]assignment, 0, len(members))
	for _, m := range members {
		if m.name == "attributes" {
			continue
		}
		f := d.find(o, m.name)
		if f == nil {
			return nil, badRequest("INVALID_FIELD", "No such column '%s' on sobject of type %s", m.name, o.name)
		}
		if slices.ContainsFunc(out, func(a assignment) bool { return a.field == f }) {
			return nil, d.parserError(m.offset, "Duplicate field '%s'", m.name)
		}
		a, ok := decodeValue(f, m.value)
		if !ok {
			return nil, d.parserError(m.offset, "Cannot deserialize instance of %s from %s or request may be missing a required field", f.kind, describeValue(m.value))
		}
		out = append(out, a)
	}
	return out, nil
}

// decodeValue converts a JSON value to the field's type. Salesforce trims texts
// and stores an empty one as null.
func decodeValue(f *field, v jsontext.Value) (assignment, bool) {
	a := assignment{field: f}
	if v.Kind() == 'n' {
		return a, true
	}
	switch {
	case f.kind == typeBoolean:
		a.value = v.Kind() == 't'
		return a, v.Kind() == 't' || v.Kind() == 'f'
	case f.kind.isNumber():
		if v.Kind() != '0' {
			return a, false
		}
		n, err := strconv.ParseFloat(string(v), 64)
		if err != nil || f.kind == typeInt && !isInt32(v) {
			return a, false
		}
		a.value = n
		return a, true
	}
	if v.Kind() != '"' {
		return a, false
	}
	quoted, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return a, false
	}
	s := string(quoted)
	a.units = utf16Len(s)
	s = strings.TrimFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' })
	if s == "" {
		return a, true
	}
	ok := true
	switch f.kind {
	case typeDate:
		_, err := time.Parse(time.DateOnly, s)
		ok = err == nil
	case typeDateTime:
		s, ok = canonicalDateTime(s)
	}
	a.value = s
	return a, ok
}

// isInt32 tells whether the JSON number is written as an integer of 32 bits.
func isInt32(v jsontext.Value) bool {
	_, err := strconv.ParseInt(string(v), 10, 32)
	return err == nil
}

// canonicalDateTime reads the date-time forms that the REST API takes and
// returns the stored one.
func canonicalDateTime(s string) (string, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Millisecond).Format(dateTimeLayout), true
		}
	}
	return "", false
}

// describeValue names a JSON value as Salesforce's parser does.
func describeValue(v jsontext.Value) string {
	switch v.Kind() {
	case '{':
		return "START_OBJECT value {"
	case '[':
		return "START_ARRAY value ["
	case '"':
		s, _ := jsontext.AppendUnquote(nil, v)
		return "VALUE_STRING value " + string(s)
	case 't':
		return "VALUE_TRUE value true"
	case 'f':
		return "VALUE_FALSE value false"
	case 'n':
		return "VALUE_NULL value null"
	}
	if bytes.ContainsAny(v, ".eE") {
		return "VALUE_NUMBER_FLOAT value " + string(v)
	}
	return "VALUE_NUMBER_INT value " + string(v)
}

// utf16Len counts a text as Salesforce does.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

var emailPattern = regexp.MustCompile(`^[^\s@<>(),;:"\[\]]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)

// fits rounds a number to the field's scale and tells whether its digits suffice.
func fits(f *field, n float64) (float64, bool) {
	if f.kind == typeInt {
		return n, true
	}
	shift := math.Pow10(f.scale)
	n = math.Round(n*shift) / shift
	return n, math.Abs(n) < math.Pow10(f.digits-f.scale)
}
