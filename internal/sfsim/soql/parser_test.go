package soql

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// show writes a query in a form in which every decision of the parser is visible.
func show(q *Query) string {
	var b strings.Builder
	if q.Count {
		b.WriteString("count")
	}
	for i, f := range q.Fields {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(f.String())
	}
	fmt.Fprintf(&b, " from %s", q.From.Text)
	if q.Where != nil {
		b.WriteString(" where " + showExpr(q.Where))
	}
	for _, o := range q.OrderBy {
		fmt.Fprintf(&b, " by %s desc=%t nullslast=%t", o.Path, o.Descending, o.NullsLast)
	}
	if q.Limit >= 0 {
		fmt.Fprintf(&b, " limit %d", q.Limit)
	}
	if q.Offset > 0 {
		fmt.Fprintf(&b, " offset %d", q.Offset)
	}
	if q.AllRows {
		b.WriteString(" all")
	}
	return strings.TrimSpace(b.String())
}

func showExpr(e Expr) string {
	group := func(op string, terms []Expr) string {
		parts := []string{op}
		for _, t := range terms {
			parts = append(parts, showExpr(t))
		}
		return "(" + strings.Join(parts, " ") + ")"
	}
	switch e := e.(type) {
	case And:
		return group("and", e.Terms)
	case Or:
		return group("or", e.Terms)
	case Not:
		return group("not", []Expr{e.Term})
	case Comparison:
		return fmt.Sprintf("[%s %s %s]", e.Path, e.Op, showLiteral(e.Literal))
	case Membership:
		s := e.Path.String() + " in"
		if e.Negated {
			s = e.Path.String() + " not in"
		}
		if e.Subquery != nil {
			return "[" + s + " {" + show(e.Subquery) + "}]"
		}
		for _, l := range e.List {
			s += " " + showLiteral(l)
		}
		return "[" + s + "]"
	}
	return "?"
}

func showLiteral(l Literal) string {
	switch l.Kind {
	case Boolean:
		return fmt.Sprint(l.Bool)
	case Number:
		return fmt.Sprint(l.Number)
	case Text:
		return fmt.Sprintf("%q", l.Text)
	case Date:
		return l.Time.Format(time.DateOnly)
	case DateTime:
		return l.Time.Format(time.RFC3339Nano)
	case Range:
		return fmt.Sprintf("%s:%d", l.name, l.count)
	}
	return "null"
}

// TestParse follows "SOQL SELECT Syntax" and its sub-pages in the SOQL and SOSL Reference.
func TestParse(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT Id FROM Contact":                                                      `Id from Contact`,
		"select id , Owner.Name\n\tfrom Contact":                                      `id Owner.Name from Contact`,
		"SELECT COUNT() FROM Group":                                                   `count from Group`,
		"SELECT Id FROM A WHERE B = 'x' AND C != 1 AND D <> null":                     `Id from A where (and [B = "x"] [C != 1] [D != null])`,
		"SELECT Id FROM A WHERE (B=TRUE OR C=false) AND (D>=-1.5)":                    `Id from A where (and (or [B = true] [C = false]) [D >= -1.5])`,
		"SELECT Id FROM A WHERE NOT B LIKE 'x%'":                                      `Id from A where (not [B LIKE "x%"])`,
		"SELECT Id FROM A WHERE (NOT (B < 1)) AND C <= 2 AND (D > 3)":                 `Id from A where (and (not [B < 1]) [C <= 2] [D > 3])`,
		`SELECT Id FROM A WHERE B = 'it\'s \\ \"a\" \n\t\_\%'`:                        `Id from A where [B = "it's \\ \"a\" \n\t_%"]`,
		"SELECT Id FROM A WHERE B IN ('x', null,'y') AND C NOT IN (1)":                `Id from A where (and [B in "x" null "y"] [C not in 1])`,
		"SELECT Id FROM A WHERE B IN (SELECT C.D FROM E WHERE F = 1)":                 `Id from A where [B in {C.D from E where [F = 1]}]`,
		"SELECT Id FROM A WHERE B = 2026-01-31":                                       `Id from A where [B = 2026-01-31]`,
		"SELECT Id FROM A WHERE B > 2026-01-31T10:00:00Z":                             `Id from A where [B > 2026-01-31T10:00:00Z]`,
		"SELECT Id FROM A WHERE B > 2026-01-31T10:00:00.5+02:00":                      `Id from A where [B > 2026-01-31T08:00:00.5Z]`,
		"SELECT Id FROM A WHERE B > 2026-01-31T10:00:00.000+0000":                     `Id from A where [B > 2026-01-31T10:00:00Z]`,
		"SELECT Id FROM A WHERE B = today OR B = LAST_N_DAYS:7":                       `Id from A where (or [B = TODAY:0] [B = LAST_N_DAYS:7])`,
		"SELECT Id FROM A ORDER BY B, C.D DESC NULLS LAST LIMIT 5 OFFSET 10 ALL ROWS": `Id from A by B desc=false nullslast=false by C.D desc=true nullslast=true limit 5 offset 10 all`,
		"SELECT Id FROM A LIMIT 0":                                                    `Id from A limit 0`,
	} {
		q, err := Parse(query)
		if err != nil {
			t.Errorf("%s\n%v", query, err)
		} else if got := show(q); got != want {
			t.Errorf("%s\nread as %s\nwant    %s", query, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for query, want := range map[string]string{
		"":                          "1:1 unexpected token: '<EOF>'",
		"SELECT":                    "1:7 unexpected token: '<EOF>'",
		"SELECT FROM A":             "1:8 unexpected token: 'FROM'",
		"SELECT Id, FROM A":         "1:12 unexpected token: 'FROM'",
		"SELECT Id FROM":            "1:15 unexpected token: '<EOF>'",
		"SELECT Id FROM A.B":        "1:16 unexpected token: 'A.B'",
		"SELECT Id FROM A B":        "1:18 unexpected token: 'B'",
		"SELECT COUNT(Id) FROM A":   "1:14 unexpected token: 'Id'",
		"SELECT Id\nFROM A\nWHRE 1": "3:1 unexpected token: 'WHRE'",
		"SELECT Id FROM A WHERE B = 1 AND C = 2 OR D = 3":    "1:40 unexpected token: 'OR'",
		"SELECT Id FROM A WHERE B = 1 OR C = 2 AND D = 3":    "1:39 unexpected token: 'AND'",
		"SELECT Id FROM A WHERE B = 1 AND NOT C = 2":         "1:34 unexpected token: 'NOT'",
		"SELECT Id FROM A WHERE NOT B = 1 AND C = 2":         "1:34 unexpected token: 'AND'",
		"SELECT Id FROM A WHERE (B = 1":                      "1:30 unexpected token: '<EOF>'",
		"SELECT Id FROM A WHERE B = 1)":                      "1:29 unexpected token: ')'",
		"SELECT Id FROM A WHERE B = ":                        "1:28 unexpected token: '<EOF>'",
		"SELECT Id FROM A WHERE B 1":                         "1:26 unexpected token: '1'",
		"SELECT Id FROM A WHERE B IN ()":                     "1:30 unexpected token: ')'",
		"SELECT Id FROM A WHERE B IN 'x'":                    "1:29 unexpected token: 'x'",
		"SELECT Id FROM A WHERE B = \"x\"":                   "1:28 unexpected token: '\"'",
		"SELECT Id FROM A WHERE B = 'x":                      "1:28 unexpected token: '<EOF>' (a quoted string does not end)",
		`SELECT Id FROM A WHERE B = 'x\'`:                    "1:28 unexpected token: '<EOF>' (a quoted string does not end)",
		`SELECT Id FROM A WHERE B = 'a\qb'`:                  `1:28 invalid string literal 'a\qb'. Illegal character sequence '\q' in string literal.`,
		"SELECT Id FROM A WHERE B = 'a\nb'":                  "1:28 line breaks not allowed in string literals",
		"SELECT Id FROM A WHERE B = 2026-02-30":              "1:28 Invalid date: 2026-02-30",
		"SELECT Id FROM A WHERE B = LAST_N_DAYS":             "1:28 unexpected token: 'LAST_N_DAYS'",
		"SELECT Id FROM A WHERE B = TODAY:1":                 "1:28 unexpected token: 'TODAY:1'",
		"SELECT Id FROM A WHERE B = LAST_N_DAYS:-1":          "1:28 unexpected token: 'LAST_N_DAYS:'",
		"SELECT Id FROM A WHERE B = SOMEDAY":                 "1:28 unexpected token: 'SOMEDAY'",
		"SELECT Id FROM A LIMIT -1":                          "1:24 unexpected token: '-1'",
		"SELECT Id FROM A LIMIT 1 ORDER BY B":                "1:26 unexpected token: 'ORDER'",
		"SELECT Id FROM A OFFSET 1 LIMIT 1":                  "1:27 unexpected token: 'LIMIT'",
		"SELECT Id FROM A ORDER BY B NULLS MIDDLE":           "1:35 unexpected token: 'MIDDLE'",
		"SELECT Id FROM A WHERE Ä = 1":                       "1:24 unexpected token: 'Ä'",
		"SELECT A..B FROM C":                                 "1:8 unexpected token: 'A..B'",
		"SELECT Id FROM A; DROP TABLE A":                     "1:17 unexpected token: ';'",
		"SELECT Id FROM A WHERE B = 1 AND C = 'ä' AND D ~ 1": "1:48 unexpected token: '~'",
		"SELECT Id FROM A WHERE B = 2026-01-31T10:00:00":     "1:28 line 1:27 no viable alternative at character '2026-01-31T10:00:00'",
	} {
		_, err := Parse(query)
		var fault *Error
		if !errors.As(err, &fault) || fault.Code != "MALFORMED_QUERY" {
			t.Errorf("%s\nerror %v, want MALFORMED_QUERY", query, err)
			continue
		}
		message := fault.Render(query)
		at := message[strings.Index(message, "ERROR at Row:"):]
		var row, column int
		fmt.Sscanf(at, "ERROR at Row:%d:Column:%d", &row, &column)
		_, what, _ := strings.Cut(at, "\n")
		if got := fmt.Sprintf("%d:%d %s", row, column, what); got != want {
			t.Errorf("%s\n%s\nwant %s", query, got, want)
		}
	}
	for query, code := range map[string]string{
		"SELECT Id FROM A WHERE B = '" + strings.Repeat("x", MaxLength) + "'":                       "QUERY_TOO_COMPLICATED",
		"SELECT Id FROM A WHERE " + strings.Repeat("(", 1000) + "B = 1" + strings.Repeat(")", 1000): "MALFORMED_QUERY",
		"SELECT Id FROM A LIMIT 1 OFFSET 2001":                                                      "NUMBER_OUTSIDE_VALID_RANGE",
		"SELECT Id FROM A WHERE B = '\xff'":                                                         "MALFORMED_QUERY",
	} {
		var fault *Error
		if _, err := Parse(query); !errors.As(err, &fault) || fault.Code != code {
			t.Errorf("%.40s…: %v, want %s", query, err, code)
		}
	}
}

func TestRender(t *testing.T) {
	query := "SELECT Id\nFROM Contact WHERE Name = 'Zoë' AMD Phone = '1'"
	_, err := Parse(query)
	var fault *Error
	if !errors.As(err, &fault) {
		t.Fatal(err)
	}
	want := "\nFROM Contact WHERE Name = 'Zoë' AMD Phone = '1'\n                                ^\nERROR at Row:2:Column:33\nunexpected token: 'AMD'"
	if got := fault.Render(query); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDays follows "Date Literals", on Wednesday 18 March 2026.
func TestDays(t *testing.T) {
	now := time.Date(2026, 3, 18, 23, 30, 0, 0, time.UTC)
	for literal, want := range map[string]string{
		"YESTERDAY": "2026-03-17 2026-03-18", "TODAY": "2026-03-18 2026-03-19", "TOMORROW": "2026-03-19 2026-03-20",
		"LAST_WEEK": "2026-03-08 2026-03-15", "THIS_WEEK": "2026-03-15 2026-03-22", "NEXT_WEEK": "2026-03-22 2026-03-29",
		"LAST_MONTH": "2026-02-01 2026-03-01", "THIS_MONTH": "2026-03-01 2026-04-01", "NEXT_MONTH": "2026-04-01 2026-05-01",
		"LAST_YEAR": "2025-01-01 2026-01-01", "THIS_YEAR": "2026-01-01 2027-01-01", "NEXT_YEAR": "2027-01-01 2028-01-01",
		"LAST_90_DAYS": "2025-12-18 2026-03-19", "NEXT_90_DAYS": "2026-03-19 2026-06-17",
		"LAST_N_DAYS:7": "2026-03-11 2026-03-19", "NEXT_N_DAYS:7": "2026-03-19 2026-03-26", "N_DAYS_AGO:7": "2026-03-11 2026-03-12",
		"LAST_N_WEEKS:2": "2026-03-01 2026-03-15", "LAST_N_MONTHS:2": "2026-01-01 2026-03-01",
	} {
		q, err := Parse("SELECT Id FROM A WHERE B = " + literal)
		if err != nil {
			t.Error(err)
			continue
		}
		first, after := q.Where.(Comparison).Literal.Days(now)
		if got := first.Format(time.DateOnly) + " " + after.Format(time.DateOnly); got != want {
			t.Errorf("%s is %s, want %s", literal, got, want)
		}
	}
}
