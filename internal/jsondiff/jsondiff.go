// Package jsondiff tells in which members two JSON values differ. Numbers are
// compared by their digits: an id is not rounded.
package jsondiff

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Difference is a member that two JSON objects do not have in common.
type Difference struct {
	// Path is such as number.name.
	Path string
	// A and B are the member's values, nil where an object has no such member.
	A, B jsontext.Value
}

// First is the path of the first member, by name, in which two JSON texts
// differ, such as state.tags.v[0].name; it is empty where the values themselves
// do, and differ is false where only the form does. It has no value of either: a
// report may end in a log. The error is for what is no JSON.
func First(a, b []byte) (path string, differ bool, err error) {
	x, err1 := canonical(a)
	y, err2 := canonical(b)
	if err := errors.Join(err1, err2); err != nil {
		return "", false, err
	}
	for d := range differences(x, y, true) {
		return d.Path[min(1, len(d.Path)):], true, nil
	}
	return "", false, nil
}

// Members are all members in which two JSON objects differ, by name. A list is one
// value: it differs as a whole. Of an object that only one of them has each member
// differs. The error is for what is no JSON.
func Members(a, b []byte) ([]Difference, error) {
	x, err1 := canonical(a)
	y, err2 := canonical(b)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	var found []Difference
	for d := range differences(x, y, false) {
		d.Path = d.Path[min(1, len(d.Path)):]
		found = append(found, d)
	}
	return found, nil
}

// canonical gives equal values equal bytes, and leaves whole numbers as they are.
func canonical(text []byte) (jsontext.Value, error) {
	v := jsontext.Value(bytes.Clone(text))
	if err := v.Canonicalize(jsontext.CanonicalizeRawInts(false)); err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	return v, nil
}

// differences goes through the members of canonical values. Lists of one length
// are gone through, too, where that is wanted.
func differences(a, b jsontext.Value, lists bool) func(yield func(Difference) bool) {
	return func(yield func(Difference) bool) { walk(Difference{A: a, B: b}, lists, yield) }
}

func walk(d Difference, lists bool, yield func(Difference) bool) bool {
	if bytes.Equal(d.A, d.B) {
		return true
	}
	a, b := d.A.Kind(), d.B.Kind()
	if a == '{' && b == '{' || !lists && (d.A == nil && b == '{' || a == '{' && d.B == nil) {
		x, y := decoded[map[string]jsontext.Value](d.A), decoded[map[string]jsontext.Value](d.B)
		names := slices.AppendSeq(slices.Collect(maps.Keys(x)), maps.Keys(y))
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if !walk(Difference{d.Path + "." + name, x[name], y[name]}, lists, yield) {
				return false
			}
		}
		return true
	}
	if lists && a == '[' && b == '[' {
		x, y := decoded[[]jsontext.Value](d.A), decoded[[]jsontext.Value](d.B)
		if len(x) == len(y) {
			for i := range x {
				if !walk(Difference{d.Path + "[" + strconv.Itoa(i) + "]", x[i], y[i]}, lists, yield) {
					return false
				}
			}
			return true
		}
	}
	return yield(d)
}

// decoded are the members of a value that canonical has read.
func decoded[T any](v jsontext.Value) (members T) {
	if v == nil {
		return members
	}
	if err := json.Unmarshal(v, &members); err != nil {
		panic(err) // it is JSON of that kind
	}
	return members
}
