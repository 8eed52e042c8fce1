package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/callfold/callfold/internal/outcomes"
)

// outcomeColumns are those of a list of calls; one without any value is left out.
// What may be long comes last.
var outcomeColumns = []struct {
	title string
	value func(outcomes.Call) string
}{
	{"CALL", func(c outcomes.Call) string { return strconv.FormatInt(c.ID, 10) }},
	{"OUTCOME", func(c outcomes.Call) string { return string(c.Result) }},
	{"DECIDED (UTC)", func(c outcomes.Call) string { return clock(time.UnixMilli(c.DecidedAt)) }},
	{"TRIES", func(c outcomes.Call) string { return number(int64(c.Attempts)) }},
	{"NEXT (UTC)", func(c outcomes.Call) string { return unixMilli(c.NextAttempt) }},
	{"TASK", func(c outcomes.Call) string { return c.TaskID }},
	{"WHY", why},
}

// why is the error's code with the fields that it is about, or the rule.
func why(c outcomes.Call) string {
	switch {
	case c.Code == "":
		return c.Rule
	case c.Fields == "":
		return c.Code
	}
	return c.Code + ": " + c.Fields
}

// number is empty for 0, and so is unixMilli.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func unixMilli(ms int64) string {
	if ms == 0 {
		return ""
	}
	return clock(time.UnixMilli(ms))
}

// printListing writes calls for a person at a terminal: a line for each, what to
// mend for each error, and the counts. There may be very many, so nothing is held
// that a second look can give.
func printListing(w io.Writer, l outcomes.Listing) error {
	out := bufio.NewWriter(w)
	if len(l.Calls) > 0 {
		printOutcomes(out, l.Calls)
		printFixes(out, l.Calls)
		_, _ = fmt.Fprintln(out) // Flush tells, here and below
	}
	total := l.Summary.Total()
	switch shown := len(l.Calls); {
	case total == 0:
		_, _ = fmt.Fprintln(out, "no calls")
	case shown < total:
		_, _ = fmt.Fprintf(out, "%s; the newest %d of %d are shown\n", l.Summary, shown, total)
	default:
		_, _ = fmt.Fprintln(out, l.Summary)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("printing the calls: %w", err)
	}
	return nil
}

func printOutcomes(out *bufio.Writer, calls []outcomes.Call) {
	widths := make([]int, len(outcomeColumns)) // 0: no call has a value
	for _, c := range calls {
		for i, column := range outcomeColumns {
			widths[i] = max(widths[i], utf8.RuneCountInString(column.value(c)))
		}
	}
	for i, column := range outcomeColumns {
		if widths[i] > 0 {
			widths[i] = max(widths[i], len(column.title))
		}
	}
	line := func(cell func(column int) string) {
		var b strings.Builder
		for i, width := range widths {
			if width > 0 {
				fmt.Fprintf(&b, "%-*s  ", width, cell(i))
			}
		}
		_, _ = out.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	}
	line(func(i int) string { return outcomeColumns[i].title })
	for _, c := range calls {
		line(func(i int) string { return outcomeColumns[i].value(c) })
	}
}

// printFixes says for each code what to mend, once.
func printFixes(out *bufio.Writer, calls []outcomes.Call) {
	type fix struct{ code, text string }
	fixes := map[fix]bool{}
	for _, c := range calls {
		if c.Fix != "" {
			fixes[fix{c.Code, c.Fix}] = true
		}
	}
	for _, f := range slices.SortedFunc(maps.Keys(fixes), func(a, b fix) int {
		return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.text, b.text))
	}) {
		_, _ = fmt.Fprintf(out, "\n%s\n%s", f.code, wrapped(f.text))
	}
}

// wrapped breaks a text into indented lines.
func wrapped(text string) string {
	var s sheet
	s.wrap("  ", text)
	return s.b.String()
}
