package schemas_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/schemas/oracle"
	"pgregory.net/rapid"
)

// TestLaws checks the five laws of the fold (document "architecture") on
// generated logs, and that the logs have what makes the laws hard.
func TestLaws(t *testing.T) {
	drawn, seen := 0, map[string]int{}
	log := func(t *rapid.T) []entry {
		log := drawLog(t)
		drawn++
		for _, c := range cases {
			if c.in(log) {
				seen[c.name]++
			}
		}
		return log
	}
	laws := []struct {
		name string
		law  func(t *rapid.T, log []entry)
	}{
		{"equals the oracle", equalsOracle},
		{"order does not matter", orderDoesNotMatter},
		{"duplicates do not matter", duplicatesDoNotMatter},
		{"a fold may be continued from any prefix", continuesFromAnyPrefix},
		{"absent never erases", absentNeverErases},
		{"erased is erased", erasedIsErased},
		{"the arguments stay as they are", argumentsStay},
	}
	for _, l := range laws {
		t.Run(l.name, rapid.MakeCheck(func(t *rapid.T) { l.law(t, log(t)) }))
	}
	if drawn < 100*len(laws) {
		t.Logf("%d logs are too few to count cases", drawn) // -run of one law, or -rapid.checks
		return
	}
	for _, c := range cases {
		t.Logf("%4d × %s", seen[c.name], c.name)
		if seen[c.name] < 20 {
			t.Errorf("%q was generated only %d times: the laws were not tried on it", c.name, seen[c.name])
		}
	}
}

// fold folds a log from a record, through the codec at every step.
func fold(t *rapid.T, r schemas.CallRecord, log []entry) schemas.CallRecord {
	t.Helper()
	for _, l := range log {
		next := schemas.Fold(r, l.event, l.offset)
		decoded, err := schemas.Calls.Decode(schemas.Calls.Schema(), encoded(t, next))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(decoded, next) {
			t.Fatalf("the codec changed the record\n from %+v\n to   %+v", next, decoded)
		}
		r = decoded
	}
	return r
}

func encoded(t interface{ Fatal(...any) }, r schemas.CallRecord) []byte {
	b, err := schemas.Calls.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantSame(t *rapid.T, what string, got, want schemas.CallRecord) {
	t.Helper()
	if g, w := string(encoded(t, got)), string(encoded(t, want)); g != w {
		t.Fatalf("%s\n got  %s\n want %s", what, g, w)
	}
}

func equalsOracle(t *rapid.T, log []entry) {
	var logged []oracle.Logged
	for _, l := range log {
		logged = append(logged, oracle.Logged{Event: l.event, Offset: l.offset})
	}
	wantSame(t, "fold and oracle differ", fold(t, schemas.CallRecord{}, log), oracle.Records(logged)[callID])
}

func orderDoesNotMatter(t *rapid.T, log []entry) {
	want := fold(t, schemas.CallRecord{}, log)
	wantSame(t, "another order", fold(t, schemas.CallRecord{}, rapid.Permutation(log).Draw(t, "order")), want)
}

func duplicatesDoNotMatter(t *rapid.T, log []entry) {
	want := fold(t, schemas.CallRecord{}, log)
	again := rapid.Permutation(log).Draw(t, "again")
	wantSame(t, "all events once more", fold(t, want, again), want)

	// Each event twice in a row, written with its members in another order.
	var twice []entry
	for _, l := range log {
		e, err := schemas.ParseEvent(l.body.bytes(rapid.IntRange(0, 9).Draw(t, "rotate")))
		if err != nil {
			t.Fatal(err)
		}
		twice = append(twice, l, entry{l.body, e, l.offset})
	}
	wantSame(t, "each event twice", fold(t, schemas.CallRecord{}, twice), want)
}

func continuesFromAnyPrefix(t *rapid.T, log []entry) {
	cut := rapid.IntRange(0, len(log)).Draw(t, "cut")
	a, b := log[:cut], log[cut:]
	want := fold(t, schemas.CallRecord{}, log)
	wantSame(t, "continued", fold(t, fold(t, schemas.CallRecord{}, a), b), want)

	joined := schemas.Join(fold(t, schemas.CallRecord{}, a).State, fold(t, schemas.CallRecord{}, b).State)
	if joined.Hash() != want.State.Hash() {
		t.Fatalf("joining the folds of two halves gives another state than folding all")
	}
}

// absentNeverErases folds a last event that knows next to nothing, and one
// after the other each event with one member taken away.
func absentNeverErases(t *rapid.T, log []entry) {
	before := fold(t, schemas.CallRecord{}, log)
	last := body{name: "call.hold", at: epoch + 100, data: object{}}
	for _, name := range []string{
		"call_uuid", "direction", "status", "started_at", "answered_at", "ended_at", "missed_call_reason", "raw_digits", "number",
		"contact", "user", "assigned_to", "transferred_by", "transferred_to", "external_transferred_to", "archived",
		"ivr_options_selected", "recording", "voicemail", "asset", "participants", "tags", "comments",
	} {
		nothing := []any{nil, null, "", object{}, []object{}, 0}
		if name == "tags" || name == "comments" { // for which [] is a value
			nothing = []any{nil, null, "", object{}, 0}
		}
		if v := rapid.SampledFrom(nothing).Draw(t, name); v != nil {
			last = last.with(name, v)
		}
	}
	got := fold(t, before, []entry{{body: last, event: last.event(), offset: 1000}})
	want := before
	if !want.State.Erased.Known() {
		want.State.Newest = last.event().Key
	}
	want.Trace = got.Trace
	wantSame(t, "an event that says nothing", got, want)
}

func erasedIsErased(t *rapid.T, log []entry) {
	at := slices.IndexFunc(log, func(l entry) bool { return l.body.name == schemas.EventErase })
	if at < 0 {
		return
	}
	r := fold(t, schemas.CallRecord{}, log)
	want := schemas.Call{ID: callID, Newest: r.State.Erased.At, Erased: r.State.Erased}
	if !reflect.DeepEqual(r.State, want) {
		t.Fatalf("an erased call still knows something: %+v", r.State)
	}
}

// argumentsStay folds from one record twice: did the first fold write into
// memory that the record or the event shares, the second would see it.
func argumentsStay(t *rapid.T, log []entry) {
	start, rest := log[:len(log)/2], log[len(log)/2:]
	r := fold(t, schemas.CallRecord{}, start)
	before := encoded(t, r)
	first := r
	for _, l := range rest {
		first = schemas.Fold(first, l.event, l.offset)
	}
	if string(encoded(t, r)) != string(before) {
		t.Fatalf("folding changed the record that it started from")
	}
	second := r
	for _, l := range rest {
		second = schemas.Fold(second, l.event, l.offset)
	}
	wantSame(t, "folding the same events a second time", second, first)
}
