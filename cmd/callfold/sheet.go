package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// lineWidth is how wide the lines of a text for people are at most, in characters.
const lineWidth = 80

// nameWidth is the width of the column of names in a block of facts.
const nameWidth = 11

// sheet is a text about one call for a person at a terminal. Lines wrap.
type sheet struct{ b strings.Builder }

// wrap writes a text in lines of up to lineWidth: the first begins with lead, the
// others with as many blanks. A word that is too long has a line of its own.
func (s *sheet) wrap(lead, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(lead))
	line, empty := lead, true
	flush := func() { s.b.WriteString(strings.TrimRight(line, " ") + "\n") }
	for word := range strings.FieldsSeq(text) {
		for {
			room := lineWidth - utf8.RuneCountInString(line)
			if !empty {
				room--
			}
			if n := utf8.RuneCountInString(word); n <= room {
				break
			} else if empty { // it fits no line: cut it
				runes := []rune(word)
				line += string(runes[:room])
				word = string(runes[room:])
			}
			flush()
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	flush()
}

// fact writes a name and a value.
func (s *sheet) fact(name, value string) {
	s.wrap(fmt.Sprintf("%-*s", nameWidth, name), value)
}

// known writes a fact unless its value is empty.
func (s *sheet) known(name, value string) {
	if value != "" {
		s.fact(name, value)
	}
}

// title begins a section.
func (s *sheet) title(title, about string) {
	s.b.WriteString("\n")
	s.wrap("", strings.ToUpper(title)+about)
}

// print writes the sheet.
func (s *sheet) print(w io.Writer) error {
	if _, err := io.WriteString(w, s.b.String()); err != nil {
		return fmt.Errorf("printing the call: %w", err)
	}
	return nil
}
