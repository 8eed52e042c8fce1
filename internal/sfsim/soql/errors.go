package soql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a query that cannot be answered, in Salesforce's terms.
type Error struct {
	Code    string // MALFORMED_QUERY, INVALID_FIELD, INVALID_TYPE, …
	Message string // what is wrong, without the position
	Pos     int    // byte offset in the query; negative when no place is meant
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// contextWidth is how much of the query is shown on either side of the fault.
const contextWidth = 40

// Render returns the message as Salesforce words it: the part of the query
// around the fault, a caret below it, row and column (both from 1, columns in
// characters), then what is wrong.
func (e *Error) Render(query string) string {
	if e.Pos < 0 {
		return e.Message
	}
	pos := min(e.Pos, len(query))
	lineStart := strings.LastIndexByte(query[:pos], '\n') + 1
	row := strings.Count(query[:pos], "\n") + 1
	column := utf8.RuneCountInString(query[lineStart:pos]) + 1

	line, _, _ := strings.Cut(query[lineStart:], "\n")
	runes := []rune(line)
	from := max(0, column-1-contextWidth)
	to := min(len(runes), column-1+contextWidth)
	caret := strings.Repeat(" ", column-1-from) + "^"
	return fmt.Sprintf("\n%s\n%s\nERROR at Row:%d:Column:%d\n%s", string(runes[from:to]), caret, row, column, e.Message)
}

func malformed(pos int, format string, args ...any) *Error {
	return &Error{Code: "MALFORMED_QUERY", Message: fmt.Sprintf(format, args...), Pos: pos}
}
