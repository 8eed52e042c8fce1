package projector

import (
	"fmt"
	"slices"
	"strings"
)

// template is a subject template (F2) cut into its parts.
type template []templatePart

// templatePart is a placeholder's name, or a literal text.
type templatePart struct {
	text        string
	placeholder bool
}

// placeholders are what a template may name in braces (F2).
var placeholders = []string{"record", "number", "user"}

// parseTemplate cuts a template into its parts. Its error says which
// placeholder is unknown, or that a brace is left open.
func parseTemplate(s string) (template, error) {
	var t template
	for s != "" {
		literal, rest, found := strings.Cut(s, "{")
		if literal != "" {
			t = append(t, templatePart{text: literal})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, fmt.Errorf("the brace before %q is never closed", rest)
		}
		if !slices.Contains(placeholders, name) {
			return nil, fmt.Errorf("{%s} is no placeholder", name)
		}
		t = append(t, templatePart{text: name, placeholder: true})
		s = after
	}
	return t, nil
}

// render fills the template in. Braces inside the values stay as they are.
func (t template) render(value func(placeholder string) string) string {
	var b strings.Builder
	b.Grow(128)
	for _, p := range t {
		if p.placeholder {
			b.WriteString(value(p.text))
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}
