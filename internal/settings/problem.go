package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong in the settings.
type Problem struct {
	// Key is the dotted path, such as kafka.brokers; empty when the problem is the file itself.
	Key string `json:"key"`
	// Value is the value as the user wrote it, masked if secret; empty when there is none.
	Value string `json:"value,omitempty"`
	// Where is the place that set it: file and line, or the variable; empty for a default.
	Where string `json:"where,omitempty"`
	// Wrong says what is wrong.
	Wrong string `json:"wrong"`
	// Mend says how to mend it.
	Mend string `json:"mend"`
}

// String is the problem in one line.
func (p Problem) String() string {
	var b strings.Builder
	if p.Where != "" {
		b.WriteString(p.Where + ": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key)
		if p.Value != "" {
			fmt.Fprintf(&b, " = %s", p.Value)
		}
		b.WriteString(": ")
	}
	b.WriteString(p.Wrong)
	if p.Mend != "" {
		b.WriteString("; " + p.Mend)
	}
	return b.String()
}

// Error is every problem of the settings: those of reading, then those of the
// values, each in the order of the file.
type Error struct{ Problems []Problem }

// Error names each problem on a line of its own.
func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return "the settings have a problem: " + e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the settings have %d problems:", len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// asError is nil when there is no problem. Problems about one thing found twice
// are told once.
func asError(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	var unique []Problem
	for _, p := range problems {
		if !slices.Contains(unique, p) {
			unique = append(unique, p)
		}
	}
	return &Error{Problems: unique}
}

// problemsOf are the problems inside err, or nil and false when err is of another kind.
func problemsOf(err error) ([]Problem, bool) {
	if err == nil {
		return nil, true
	}
	var e *Error
	if !errors.As(err, &e) {
		return nil, false
	}
	return e.Problems, true
}
