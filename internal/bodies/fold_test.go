package bodies

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
	"pgregory.net/rapid"
)

// fold is what a file says, encoded.
func fold(t interface{ Fatal(...any) }, file []byte) []byte {
	var calls Calls
	for body, err := range Split(bytes.NewReader(file)) {
		if err == nil {
			err = calls.Fold(body.Value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var out []byte
	for _, record := range calls.Sorted() {
		line, err := schemas.Calls.Encode(record)
		if err != nil {
			t.Fatal(err)
		}
		out = append(append(out, line...), '\n')
	}
	return out
}

// Whatever the order of the bodies in a file and however often each comes, the
// states and traces are the same bytes.
func TestFoldTheOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := traffic.New(traffic.Options{Seed: rapid.Uint64().Draw(t, "seed"), DuplicateRate: -1, ReorderRate: -1})
		var lines []string
		for range 3 {
			for _, d := range g.Call().Events {
				lines = append(lines, string(d.Body))
			}
		}
		want := fold(t, []byte(strings.Join(lines, "\n")))
		if bytes.Count(want, []byte("\n")) != 3 {
			t.Fatalf("not three calls: %s", want)
		}
		mixed := rapid.Permutation(append(lines, rapid.SliceOf(rapid.SampledFrom(lines)).Draw(t, "again")...)).Draw(t, "order")
		if got := fold(t, []byte("["+strings.Join(mixed, ",\n")+"]")); !bytes.Equal(got, want) {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestFoldSortsByNumber(t *testing.T) {
	var calls Calls
	for _, id := range []string{"10", "9", "100", "9223372036854775807"} {
		if err := calls.Fold([]byte(`{"id":` + id + `,"direction":"inbound","started_at":1767261600}`)); err != nil {
			t.Fatal(err)
		}
	}
	var last int64
	for _, r := range calls.Sorted() {
		if r.State.ID <= last {
			t.Errorf("%d after %d", r.State.ID, last)
		}
		last = r.State.ID
	}
	if last != 9223372036854775807 {
		t.Errorf("the last is %d", last)
	}
}

func TestFoldRefuses(t *testing.T) {
	for body, want := range map[string]string{
		`{"resource":"contact","event":"contact.created","timestamp":1767261600,"data":{"id":1}}`: `event "contact.created": resource is not call (not_a_call)`,
		`{"resource":"call","event":"call.created","timestamp":1767261600,"data":{}}`:             `event "call.created": the call has no id (no_id)`,
		`{"hello":"world"}`: `the body is neither an event (resource, event) nor a call object (id, direction) (not_a_call)`,
		`12`:                `the body is no JSON object (not_a_call)`,
	} {
		var calls Calls
		err := calls.Fold([]byte(body))
		var rejection *schemas.Rejection
		if !errors.As(err, &rejection) || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", body, err, want)
		}
		if n := len(calls.Sorted()); n != 0 {
			t.Errorf("%s: %d calls", body, n)
		}
	}
}
