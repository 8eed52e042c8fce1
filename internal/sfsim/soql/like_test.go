package soql

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func pattern(t interface{ Fatal(...any) }, like string) Pattern {
	q, err := Parse("SELECT Id FROM A WHERE B LIKE '" + like + "'")
	if err != nil {
		t.Fatal(err)
	}
	return q.Where.(Comparison).Literal.Pattern()
}

func TestLike(t *testing.T) {
	for _, c := range []struct {
		like, text string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"%", "", true}, {"_", "", false}, {"abc", "ABC", true},
		{"a%", "abc", true}, {"%c", "abc", true}, {"%b%", "abc", true}, {"a_c", "abc", true}, {"a_c", "ac", false},
		{`100\%`, "100%", true}, {`100\%`, "100 percent", false}, {`a\_b`, "a_b", true}, {`a\_b`, "axb", false},
		{`it\'s%`, "It's me", true}, {"_", "é", true}, {"%ß", "straß", true},
	} {
		if got := pattern(t, c.like).Match(c.text); got != c.want {
			t.Errorf("%q LIKE %q is %t", c.text, c.like, got)
		}
	}
}

// TestLikeAgainstOracle compares the matcher with the definition of LIKE.
func TestLikeAgainstOracle(t *testing.T) {
	var matches func(like, text string) bool
	matches = func(like, text string) bool {
		if like == "" {
			return text == ""
		}
		if like[0] == '%' {
			return matches(like[1:], text) || text != "" && matches(like, text[1:])
		}
		return text != "" && (like[0] == '_' || strings.EqualFold(like[:1], text[:1])) && matches(like[1:], text[1:])
	}
	hits := 0
	rapid.Check(t, func(t *rapid.T) {
		like := rapid.StringMatching(`[abA%_]{0,8}`).Draw(t, "like")
		text := rapid.StringMatching(`[abB]{0,8}`).Draw(t, "text")
		want := matches(like, text)
		if want {
			hits++
		}
		if got := pattern(t, like).Match(text); got != want {
			t.Fatalf("%q LIKE %q is %t, want %t", text, like, got, want)
		}
	})
	if hits == 0 {
		t.Error("no drawn text matched: the property proves nothing")
	}
}

// FuzzParse: no query makes the parser panic, an error has a place within the
// query, and what was read can be used.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"SELECT Id, Owner.Name FROM Contact WHERE (Phone IN ('1','2') OR MobilePhone LIKE '%5\\'5%') AND CreatedDate > 2026-01-01T00:00:00Z ORDER BY Name DESC NULLS LAST LIMIT 10 OFFSET 5",
		"SELECT COUNT() FROM Task WHERE NOT (ActivityDate = LAST_N_DAYS:30)",
		"SELECT Id FROM A WHERE B IN (SELECT C FROM D WHERE E = null)",
		"SELECT Id FROM A WHERE B = '\\", "SELECT Id FROM A WHERE B = 2026-", "((((", "é",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := Parse(query)
		if err != nil {
			var fault *Error
			if !errors.As(err, &fault) {
				t.Fatalf("%v is no *Error", err)
			}
			if fault.Pos > len(query) {
				t.Fatalf("a fault at %d in a query of %d bytes", fault.Pos, len(query))
			}
			fault.Render(query)
			return
		}
		show(q)
		if c, ok := q.Where.(Comparison); ok && c.Literal.Kind == Text {
			c.Literal.Pattern().Match(query)
		}
	})
}
