package schemas

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// FuzzParseEvent throws bodies at the parser. Whatever parses is folded,
// encoded within the topic's limit, decoded to the same, and is idempotent.
func FuzzParseEvent(f *testing.F) {
	names, err := filepath.Glob("testdata/bodies/*.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("no bodies: %v", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		valid := !tooDeep(body) && gjson.ValidBytes(body)
		if valid {
			trimmed := strings.TrimSpace(string(body))
			sameWalk(t, value(trimmed), gjson.Parse(trimmed))
		}
		if !tooDeep(body) {
			end := checkValue(body, skipBlanks(body, 0))
			if ours := end >= 0 && skipBlanks(body, end) == len(body); ours != valid {
				t.Fatalf("gjson finds it valid: %t, we: %t", valid, ours)
			}
		}
		e, err := ParseEvent(body)
		if r := (*Rejection)(nil); valid == (errors.As(err, &r) && r.Reason == NotJSON) {
			t.Fatalf("gjson finds it valid: %t, and it is %v", valid, err)
		}
		if err != nil {
			if r := (*Rejection)(nil); !errors.As(err, &r) || r.Reason == "" {
				t.Fatalf("an error that is no rejection: %v", err)
			}
			return
		}
		if e.CallID < 1 || e.Key.Time < 1 || e.Key.Rank < 0 || e.Name == "" {
			t.Fatalf("an event without id, time or name: %+v", e)
		}
		r := Fold(CallRecord{}, e, 1)
		b, err := Calls.Encode(r)
		if err != nil || len(b) > 2<<20 {
			t.Fatalf("encoded to %d bytes: %v", len(b), err)
		}
		decoded, err := Calls.Decode(Calls.Schema(), b)
		if err != nil || !reflect.DeepEqual(decoded, r) {
			t.Fatalf("decoded to something else: %v\n %+v\n %+v", err, decoded, r)
		}
		if again := Fold(decoded, e, 1); !reflect.DeepEqual(again, r) {
			t.Fatalf("folded twice:\n %+v\n %+v", again, r)
		}
	})
}

// sameWalk compares our walk through a body with gjson's.
func sameWalk(t *testing.T, v value, want gjson.Result) {
	if string(v) != want.Raw || v.str() != want.Str {
		t.Fatalf("%q is walked as %q", want.Raw, v)
	}
	var got []member
	for name, v := range v.members() {
		got = append(got, member{name, v})
	}
	for v := range v.elements() {
		got = append(got, member{"", v})
	}
	if !want.IsObject() && !want.IsArray() {
		if len(got) > 0 {
			t.Fatalf("%q has members", v)
		}
		return
	}
	want.ForEach(func(k, want gjson.Result) bool {
		if len(got) == 0 || got[0].name != k.Str {
			t.Fatalf("member %q of %q is not seen", k.Str, v)
		}
		sameWalk(t, got[0].value, want)
		got = got[1:]
		return true
	})
	if len(got) > 0 {
		t.Fatalf("%q has %d members too many", v, len(got))
	}
}
