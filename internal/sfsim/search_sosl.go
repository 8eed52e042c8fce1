package sfsim

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/callfold/callfold/internal/sfsim/soql"
)

// sosl is one parsed FIND statement ("SOSL Syntax").
type sosl struct {
	term      searchTerm
	scope     string // ALL, NAME, EMAIL, PHONE
	returning []*soql.Query
	limit     int
}

// searchFault is why a search is refused.
type searchFault struct{ code, message string }

func (f *searchFault) Error() string { return f.code + ": " + f.message }

func malformedSearch(format string, args ...any) error {
	return &searchFault{"MALFORMED_SEARCH", fmt.Sprintf(format, args...)}
}

var (
	soslPattern  = regexp.MustCompile(`(?is)^\s*FIND\s*\{((?:[^\\}]|\\.)*)\}\s*(?:IN\s+(\w+)\s+FIELDS\s*)?(?:RETURNING\s+(.*?)\s*)?$`)
	soslLimit    = regexp.MustCompile(`(?is)^(.*?)\s*\bLIMIT\s+(\d+)\s*$`)
	soslReturned = regexp.MustCompile(`(?is)^\s*(\w+)\s*`)
)

// parseSOSL reads FIND {…} [IN … FIELDS] [RETURNING Object(fields …), …] [LIMIT n].
func parseSOSL(text string) (*sosl, error) {
	if len(text) > maxSOSL {
		return nil, malformedSearch("The search is longer than %d characters", maxSOSL)
	}
	st := &sosl{limit: maxSearchRows}
	if m := soslLimit.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[2])
		if err != nil || n < 1 {
			return nil, malformedSearch("LIMIT %s is not a number of rows", m[2])
		}
		text, st.limit = m[1], min(n, maxSearchRows)
	}
	m := soslPattern.FindStringSubmatch(text)
	if m == nil {
		return nil, malformedSearch("unexpected token: a search is FIND {text} IN scope FIELDS RETURNING Object(fields)")
	}
	var err error
	if st.term, err = parseSearchText(m[1]); err != nil {
		return nil, err
	}
	if st.scope, err = searchScope(m[2]); err != nil {
		return nil, err
	}
	for rest := m[3]; rest != ""; {
		name := soslReturned.FindStringSubmatch(rest)
		if name == nil {
			return nil, malformedSearch("unexpected token in RETURNING: %s", rest)
		}
		rest = rest[len(name[0]):]
		clause := ""
		if strings.HasPrefix(rest, "(") {
			end := closing(rest)
			if end < 0 {
				return nil, malformedSearch("a parenthesis in RETURNING is not closed")
			}
			clause, rest = rest[1:end], strings.TrimSpace(rest[end+1:])
		}
		q, err := returning(name[1], clause)
		if err != nil {
			return nil, err
		}
		st.returning = append(st.returning, q)
		if rest != "" {
			after, comma := strings.CutPrefix(rest, ",")
			if !comma || after == "" {
				return nil, malformedSearch("unexpected token in RETURNING: %s", rest)
			}
			rest = after
		}
	}
	return st, nil
}

// closing finds the parenthesis that closes the one at the beginning, outside of quotes.
func closing(s string) int {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '\'':
			quoted = !quoted
		case !quoted && s[i] == '(':
			depth++
		case !quoted && s[i] == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func searchScope(given string) (string, error) {
	scope := strings.ToUpper(given)
	switch scope {
	case "":
		return "ALL", nil
	case "ALL", "NAME", "EMAIL", "PHONE":
		return scope, nil
	}
	return "", malformedSearch("unexpected token: %s FIELDS", given)
}
