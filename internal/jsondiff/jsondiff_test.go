package jsondiff

import (
	"slices"
	"testing"
)

func TestFirst(t *testing.T) {
	for _, test := range []struct {
		a, b, path string
		differ     bool
	}{
		{`{"a":1}`, `{"a":1}`, "", false},
		{`{"a":1,"b":2}`, `{ "b":2, "a":1 }`, "", false},
		{`"\u0041"`, `"A"`, "", false},
		{`{"a":1}`, `{"a":2}`, "a", true},
		{`{"b":1,"a":{"v":[{"n":"x"},{"n":"y"}]}}`, `{"b":2,"a":{"v":[{"n":"x"},{"n":"z"}]}}`, "a.v[1].n", true},
		{`{"a":[1]}`, `{"a":[1,2]}`, "a", true},
		{`{"a":{"b":1}}`, `{"a":{"b":1,"c":2}}`, "a.c", true},
		{`{"a":{}}`, `{"a":[]}`, "a", true},
		{`1`, `2`, "", true},
		// These are one number as float64.
		{`{"id":9007199254740993}`, `{"id":9007199254740992}`, "id", true},
	} {
		path, differ, err := First([]byte(test.a), []byte(test.b))
		if err != nil || path != test.path || differ != test.differ {
			t.Errorf("%s and %s: %q, %v, %v; want %q, %v", test.a, test.b, path, differ, err, test.path, test.differ)
		}
	}
	if _, _, err := First([]byte("{"), []byte("{}")); err == nil {
		t.Error("half an object is taken for JSON")
	}
}

func TestMembers(t *testing.T) {
	got, err := Members(
		[]byte(`{"same":[1],"list":[{"n":1}],"gone":"x","o":{"p":{"q":1},"r":true},"t":{"u":1,"w":[]}}`),
		[]byte(`{"same":[1],"list":[{"n":2}],"new":null,"o":{"p":{"q":2},"r":true}}`))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, d := range got {
		lines = append(lines, d.Path+": "+string(d.A)+" → "+string(d.B))
	}
	want := []string{`gone: "x" → `, `list: [{"n":1}] → [{"n":2}]`, `new:  → null`, `o.p.q: 1 → 2`, `t.u: 1 → `, `t.w: [] → `}
	if !slices.Equal(lines, want) {
		t.Errorf("got  %q\nwant %q", lines, want)
	}
	if _, err := Members([]byte("{}"), []byte("no")); err == nil {
		t.Error("a text is taken for JSON")
	}
}
