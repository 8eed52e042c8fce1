package sfsim

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func (g *org) search(sosl string) reply {
	g.t.Helper()
	return g.do("GET", "search?q="+url.QueryEscape(sosl), "")
}

// names are the names of the records that a search found.
func names(r reply) string {
	var out []string
	for _, n := range r.body.Get("searchRecords.#.Name").Array() {
		out = append(out, n.String())
	}
	return strings.Join(out, ",")
}

// TestSearch follows "FIND {SearchQuery}", "IN SearchGroup" and "RETURNING FieldSpec".
func TestSearch(t *testing.T) {
	g := newOrg(t, Options{})
	const all = " RETURNING Contact(Id, Name), Lead(Id, Name), Account(Id, Name)"
	for _, c := range []struct{ find, want string }{
		{"{0123456789} IN PHONE FIELDS", "Marie Curie"},
		{"{33123456789 OR 0123456789} IN PHONE FIELDS", "Marie Curie"},
		{"{33123456789} IN PHONE FIELDS", ""}, // punctuation is nothing, a country code is something
		{`{\(415\) 555\-1212} IN PHONE FIELDS`, "Niels Bohr"},
		{`{"(415) 555-1212"} IN PHONE FIELDS`, "Niels Bohr"},
		{"{415555*} IN PHONE FIELDS", "Niels Bohr"},
		{"{41555512?2} IN PHONE FIELDS", "Niels Bohr"},
		{"{5551212} IN PHONE FIELDS", ""},
		{"{curie} IN NAME FIELDS", "Marie Curie,Curie Labs"},
		{"{curie AND marie} IN NAME FIELDS", "Marie Curie"},
		{"{curie AND NOT labs} IN NAME FIELDS", "Marie Curie"},
		{`{"curie marie"} IN NAME FIELDS`, ""},
		{"{(niels OR marie) AND curie} IN NAME FIELDS", "Marie Curie"},
		{"{marie curie} IN NAME FIELDS", "Marie Curie"},
		{`{marie\@example.com} IN EMAIL FIELDS`, "Marie Curie"},
		{"{curie} IN PHONE FIELDS", ""},
		{"{marie}", "Marie Curie"},
	} {
		r := g.search("FIND " + c.find + all)
		if got := names(r); r.status != http.StatusOK || got != c.want {
			t.Errorf("%s found %q, want %q: %d %s", c.find, got, c.want, r.status, r.body.Raw)
		}
	}
	r := g.search("find {0123456789 or 4155551212} in phone fields returning Contact(Id, MobilePhone, Account.Name WHERE AccountId = null ORDER BY LastName LIMIT 5) limit 10")
	if got := r.body.Get("searchRecords.#").Int(); got != 1 || r.body.Get("searchRecords.0.MobilePhone").String() != "(415) 555-1212" {
		t.Error(r.status, r.body.Raw)
	}
	if r := g.search("FIND {curie}"); r.body.Get("searchRecords.#").Int() != 2 || r.body.Get("searchRecords.0.attributes.type").String() != "Account" || !r.body.Get("searchRecords.0.Id").Exists() {
		t.Error(r.status, r.body.Raw)
	}
	for _, bad := range []string{
		"FIND 0123456789", "FIND {x}", "FIND {+33123456789}", "FIND {(415} IN PHONE FIELDS", "FIND {*1212}", "FIND {ab OR}", "FIND {ab - cd}", `FIND {"ab}`,
		"FIND {abc} IN FAX FIELDS", "FIND {abc} RETURNING Contact(Id", "FIND {abc} RETURNING", "FIND {abc} RETURNING Contact(Id) Lead(Id)",
		"FIND {abc} RETURNING Contact(Id WHERE)", "FIND {abc} LIMIT 0", "FIND {" + strings.Repeat("a", 4001) + "}",
	} {
		wantError(t, g.search(bad), http.StatusBadRequest, "MALFORMED_SEARCH")
	}
	wantError(t, g.search("FIND {abc} RETURNING Nothing(Id)"), http.StatusBadRequest, "INVALID_TYPE")
	wantError(t, g.search("FIND {abc} RETURNING Task(Id)"), http.StatusBadRequest, "INVALID_TYPE")
	wantError(t, g.search("FIND {abc} RETURNING Contact(Nothing)"), http.StatusBadRequest, "INVALID_FIELD")
}

// TestParameterizedSearch follows "Search with Parameters in the Request Body".
func TestParameterizedSearch(t *testing.T) {
	g := newOrg(t, Options{})
	r := g.must(http.StatusOK, "POST", "parameterizedSearch",
		`{"q":"0123456789 OR 0198765432","in":"PHONE","fields":["Id","Name"],"sobjects":[{"name":"Account","fields":["Name","Phone"]},{"name":"Contact","where":"LastName = 'Curie'","limit":1}],"overallLimit":10}`)
	if names(r) != "Curie Labs,Marie Curie" || !r.body.Get("searchRecords.0.Phone").Exists() {
		t.Error(r.body.Raw)
	}
	if r := g.must(http.StatusOK, "POST", "parameterizedSearch", `{"q":"curie","overallLimit":1}`); r.body.Get("searchRecords.#").Int() != 1 {
		t.Error(r.body.Raw)
	}
	wantError(t, g.do("POST", "parameterizedSearch", `{"q":"+33"}`), http.StatusBadRequest, "MALFORMED_SEARCH")
	wantError(t, g.do("POST", "parameterizedSearch", `{"q":"curie","fields":["Id"]}`), http.StatusBadRequest, "MALFORMED_SEARCH")
	wantError(t, g.do("POST", "parameterizedSearch", `{"q":"curie","colour":"red"}`), http.StatusBadRequest, "JSON_PARSER_ERROR")
}

// TestSearchLag: the index is behind. What is new is not found yet, what has
// changed is still found by what it was, and the answer has what it is.
func TestSearchLag(t *testing.T) {
	for name, dir := range map[string]string{"in memory": "", "on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			g := newOrg(t, Options{Dir: dir, SearchLag: time.Minute})
			found := func(number string) string {
				return names(g.search("FIND {" + number + "} IN PHONE FIELDS RETURNING Contact(Name, Phone)"))
			}
			id := g.must(http.StatusCreated, "POST", "sobjects/Contact", `{"LastName":"New","Phone":"0 600 11 22"}`).body.Get("id").String()
			g.must(http.StatusNoContent, "PATCH", "sobjects/Contact/003000000000002AAA", `{"MobilePhone":"0 700 11 22"}`)
			if got := found("06001122"); got != "" {
				t.Errorf("found at once: %q", got)
			}
			if n := g.query("SELECT COUNT() FROM Contact WHERE Phone = '0 600 11 22'").body.Get("totalSize").Int(); n != 1 {
				t.Error("a query does not see it at once")
			}
			if got := found("4155551212"); got != "Niels Bohr" {
				t.Errorf("by the old number: %q", got)
			}
			g.now = g.now.Add(59 * time.Second)
			if got := found("06001122 OR 07001122"); got != "" {
				t.Errorf("found after 59 s: %q", got)
			}
			g.now = g.now.Add(time.Second)
			if got := found("06001122 OR 07001122"); got != "Niels Bohr,New" && got != "New,Niels Bohr" {
				t.Errorf("found after a minute: %q", got)
			}
			if got := found("4155551212"); got != "" {
				t.Errorf("by the old number after a minute: %q", got)
			}
			g.must(http.StatusNoContent, "DELETE", "sobjects/Contact/"+id, "")
			if got := found("06001122"); got != "" {
				t.Errorf("a deleted contact is found: %q", got)
			}
		})
	}
}

// TestSearchAfterRestart: what was findable stays so, the rest is indexed when its time has come.
func TestSearchAfterRestart(t *testing.T) {
	dir := t.TempDir()
	clock := testTime
	options := Options{Dir: dir, Now: func() time.Time { return clock }}
	first := newOrg(t, options)
	first.must(http.StatusCreated, "POST", "sobjects/Contact", `{"LastName":"New","Phone":"06001122"}`)
	if err := first.sim.Close(); err != nil {
		t.Fatal(err)
	}
	g := newOrg(t, options)
	const find = "FIND {06001122 OR 0123456789} IN PHONE FIELDS RETURNING Contact(Name)"
	if got := names(g.search(find)); got != "Marie Curie" {
		t.Errorf("at once: %q", got)
	}
	clock = clock.Add(defaultSearchLag)
	if got := g.search(find).body.Get("searchRecords.#").Int(); got != 2 {
		t.Errorf("later: %d", got)
	}
}

// TestSearchRows: at most 2,000 of all objects together.
func TestSearchRows(t *testing.T) {
	g := newOrg(t, Options{SearchLag: -1})
	var rows strings.Builder
	rows.WriteString("LastName,Phone\n")
	for i := range 2100 {
		fmt.Fprintf(&rows, "L%d,0800\n", i)
	}
	g.load(`{"object":"Contact","operation":"insert"}`, rows.String())
	if n := g.search("FIND {0800} IN PHONE FIELDS RETURNING Lead(Id), Contact(Id)").body.Get("searchRecords.#").Int(); n != 2000 {
		t.Errorf("%d rows", n)
	}
	if n := g.search("FIND {0800} IN PHONE FIELDS RETURNING Contact(Id LIMIT 300), Account(Id)").body.Get("searchRecords.#").Int(); n != 300 {
		t.Errorf("%d rows with LIMIT 300", n)
	}
}
