package schemas

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

// The codec of the topic calls is written by hand. These tests hold it to the
// one of package json, which it replaces.

// TestAppendWritesWhatEncodeWrites: byte for byte, of any record at all.
func TestAppendWritesWhatEncodeWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		want, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := appendCallRecord(nil, &r)
		if !ok {
			t.Fatal("a record without unknown fields was refused")
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("appended\n %s\nencoded\n %s", got, want)
		}
		alone, err := r.State.Encode()
		if want, _ := encode(r.State); err != nil || !bytes.Equal(alone, want) {
			t.Fatalf("the state alone: %v\n %s\n %s", err, alone, want)
		}
	})
}

// TestAppendLeavesUnknownFieldsToEncode, wherever they are.
func TestAppendLeavesUnknownFieldsToEncode(t *testing.T) {
	unknown := jsontext.Value(`{"new":1}`)
	for _, r := range []CallRecord{{Unknown: unknown}, {State: Call{Unknown: unknown}}, {Trace: Trace{Unknown: unknown}}} {
		want, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Calls.Encode(r); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

// TestReadReadsWhatUnmarshalReads: of any record at all the same, or nothing.
func TestReadReadsWhatUnmarshalReads(t *testing.T) {
	read := 0
	rapid.Check(t, func(t *rapid.T) {
		b, err := encode(drawRecord(t))
		if err != nil {
			t.Fatal(err)
		}
		if sameRead(t, b) {
			read++
		}
	})
	if read < 10 {
		t.Errorf("only %d records were read by hand", read)
	}
}

// TestReadIsAsStrictAsUnmarshal puts something wrong, or unusual, at every place
// of a record.
func TestReadIsAsStrictAsUnmarshal(t *testing.T) {
	record := foldAll(append(fixtures(t, "voicemail"), fixtures(t, "command_rewrite")...))
	record.Trace.Events = record.Trace.Events[:1]
	b, err := Calls.Encode(record)
	if err != nil {
		t.Fatal(err)
	}
	for _, with := range []string{
		"", " ", ",", "}", "0", "-", `"`, `\`, "\xff", "null", `"new":1,`, `,"new":1`, `"at":"0.-1.0.AAAAAAAAAAA",`,
	} {
		for i := range b {
			sameRead(t, fmt.Appendf(nil, "%s%s%s", b[:i], with, b[i:]))
			sameRead(t, fmt.Appendf(nil, "%s%s%s", b[:i], with, b[i+1:]))
		}
	}
}

// TestCheckTakesWhatGjsonTakes puts every byte at every place of a text that has
// something of everything.
func TestCheckTakesWhatGjsonTakes(t *testing.T) {
	text := `{"a":[1,-0.5e+3,10E-2,0,true,false,null,"a long text \u00E9\\\" here"],"b":[ ] , "c":{"d":{}, "e":""}} `
	same := func(b []byte) {
		t.Helper()
		end := checkValue(b, skipBlanks(b, 0))
		if ours, want := end >= 0 && skipBlanks(b, end) == len(b), gjson.ValidBytes(b); ours != want {
			t.Fatalf("%q is JSON: %t, want %t", b, ours, want)
		}
	}
	same([]byte(text))
	for i := range text {
		same([]byte(text[:i]))
		same([]byte(text[:i] + text[i+1:]))
		for c := range 256 {
			same(fmt.Appendf(nil, "%s%c%s", text[:i], c, text[i:]))
			same(append(append([]byte(text[:i]), byte(c)), text[i+1:]...))
		}
	}
}

// TestReadReadsEveryRecordOfOurs, and leaves none to package json.
func TestReadReadsEveryRecordOfOurs(t *testing.T) {
	for _, prefix := range []string{"answered_inbound", "voicemail", "outbound_unanswered", "rest_conference"} {
		var r CallRecord
		for i, e := range append(fixtures(t, prefix), fixtures(t, "command")...) {
			r = Fold(r, e, int64(i))
			b, err := Calls.Encode(r)
			if err != nil {
				t.Fatal(err)
			}
			if !sameRead(t, b) {
				t.Errorf("%s was left to package json", b)
			}
		}
	}
}

// fatal is what tests and rapid have in common.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// sameRead compares, and reports whether the value was read by hand.
func sameRead(t fatal, b []byte) bool {
	t.Helper()
	var got, want CallRecord
	if !readCallRecord(b, &got) {
		return false
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatalf("read what is wrong, %v:\n %s", err, b)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\nread      %+v\nunmarshal %+v", b, got, want)
	}
	return true
}

// drawRecord draws a record with anything in its fields, also what no fold gives.
func drawRecord(t *rapid.T) CallRecord {
	var r CallRecord
	newest := Key{Time: epochTime, Rank: RankHungup, Hash: [8]byte{1, 2, 3}}
	drawInto(t, reflect.ValueOf(&r).Elem(), newest)
	r.State.Newest = newest
	return r
}

const epochTime = 1_767_600_000

var anyText = []string{
	"", "a", "inbound", "call.answered", "Zoë ☎️", "a\"b", `a\b`, "line\nbreak\ttab", "\x00\x1f\x7f", "\u2028<&>", "bad\xffutf8", strings.Repeat("x", 40),
}

// drawInto fills a value. A half of all fields stay zero.
func drawInto(t *rapid.T, v reflect.Value, newest Key) {
	switch v.Type() {
	case reflect.TypeFor[jsontext.Value]():
		return
	case reflect.TypeFor[Key]():
		v.Set(reflect.ValueOf(rapid.SampledFrom([]Key{
			newest, newest, {}, {Time: epochTime + 1, Rank: 3, Tie: -2, Hash: [8]byte{0xff, 0xfe}}, {Time: -5, Rank: RankREST, Tie: 7}, sameAsNewest,
		}).Draw(t, "key")))
		return
	case reflect.TypeFor[Status]():
		v.SetInt(rapid.Int64Range(0, 3).Draw(t, "status"))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Struct || rapid.Bool().Draw(t, "set") {
				drawInto(t, f, newest)
			}
		}
	case reflect.Slice:
		n := rapid.IntRange(0, 3).Draw(t, "elements")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			drawInto(t, v.Index(i), newest)
		}
	case reflect.String:
		v.SetString(rapid.SampledFrom(anyText).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int64:
		v.SetInt(rapid.SampledFrom([]int64{0, 1, -1, 42, epochTime, 1<<63 - 1, -1 << 63}).Draw(t, "number"))
	default:
		t.Fatalf("a field of type %s cannot be drawn", v.Type())
	}
}
