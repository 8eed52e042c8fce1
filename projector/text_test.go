package projector

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		got := cut(s, limit)
		if n := len(utf16.Encode([]rune(got))); n > limit || n != units(got) {
			t.Fatalf("%q has %d units (by us %d), the limit is %d", got, n, units(got), limit)
		}
		if units(s) <= limit {
			if got != s {
				t.Fatalf("%q was cut to %q, though it fits", s, got)
			}
			return
		}
		head, ok := strings.CutSuffix(got, ellipsis)
		if !ok || !strings.HasPrefix(s, head) || !utf8.ValidString(got) {
			t.Fatalf("%q is no head of %q with an ellipsis", got, s)
		}
		// As much as possible is kept: the next code point would not fit.
		next, _ := utf8.DecodeRuneInString(s[len(head):])
		if units(head)+units(string(next))+1 <= limit {
			t.Fatalf("%q could hold %q as well", got, next)
		}
	})
}
