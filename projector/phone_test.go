package projector

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever Choose takes for the number must be found by the pattern, or the
// sink would never see the record.
func TestPatternFindsWhatPeopleType(t *testing.T) {
	r := mustNew(t, DefaultSettings())
	for _, tt := range []struct {
		number, region string
		typed          []string
	}{
		{"+33199001234", "FR", []string{"+33199001234", "0033199001234", "199001234", "01 99 00 12 34", "01.99.00.12.34", "+33 (0)1 99 00 12 34", "0 199 001 234", "+33 1-9900-1234"}},
		{"+14155550132", "US", []string{"4155550132", "(415) 555-0132", "415.555.0132", "1 (415) 555-0132", "+1 415 5550132 x12", "tel:+1-415-555-0132"}},
		{"+442079460123", "GB", []string{"020 7946 0123", "+44 20 79460123", "+44 (20) 7946-0123", "(020) 79460123"}},
		{"+46701740618", "SE", []string{"+46 (0)70-174 06 18", "070-1740618"}},
		{"+4930901820", "DE", []string{"030 901820", "+49 (30) 901-820"}},
		{"+5491123456789", "AR", []string{"011 15-2345-6789", "+54 9 11 2345-6789"}},
	} {
		n := r.number(tt.number, "")
		for _, typed := range tt.typed {
			if got := r.number(typed, tt.region).e164; got != tt.number {
				t.Errorf("%q is %q, not %s: the example is wrong", typed, got, tt.number)
			}
			if !like(n.pattern(), typed) {
				t.Errorf("%s: the pattern %s does not find %q", tt.number, n.pattern(), typed)
			}
		}
	}
}

// TestPatternFindsEverySpelling puts anything that the parser passes over
// between the digits.
func TestPatternFindsEverySpelling(t *testing.T) {
	numbers := []string{"+33199001234", "+14155550132", "+442079460123", "+4930901820", "+390612345678", "+61291234567"}
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.SampledFrom(numbers).Draw(t, "number")
		var typed strings.Builder
		for _, digit := range number {
			typed.WriteRune(digit)
			typed.WriteString(rapid.SampledFrom([]string{"", "", " ", "-", ".", "(", ")", "/", " - "}).Draw(t, "between"))
		}
		n := parseNumber(rawNumber{typed.String(), ""})
		if n.e164 == "" {
			return // the parser does not take it for a number either
		}
		found++
		if pattern := parseNumber(rawNumber{n.e164, ""}).pattern(); !like(pattern, typed.String()) {
			t.Fatalf("the pattern %s does not find %q", pattern, typed.String())
		}
	})
	if found == 0 {
		t.Error("nothing drawn was a number: the property shows nothing")
	}
}

// like is LIKE for patterns of % and digits.
func like(pattern, text string) bool {
	for _, digit := range strings.ReplaceAll(pattern, "%", "") {
		i := strings.IndexRune(text, digit)
		if i < 0 {
			return false
		}
		text = text[i+1:]
	}
	return true
}

func TestNumberNeverFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := parseNumber(rawNumber{rapid.String().Draw(t, "text"), rapid.SampledFrom([]string{"FR", "US", "", "XX", "fr"}).Draw(t, "region")})
		if n.e164 != "" && parseNumber(rawNumber{n.e164, ""}) != n {
			t.Fatalf("%+v is another number when read again", n)
		}
	})
}

func mustNew(t testing.TB, s Settings) *Rules {
	t.Helper()
	r, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseNumber(t *testing.T) {
	plain := parseNumber(rawNumber{"+14155550132", ""})
	if ext := parseNumber(rawNumber{"(415) 555-0132 ext. 7", "US"}); ext != plain {
		t.Errorf("an extension makes %+v of %+v", ext, plain)
	}
	if world := parseNumber(rawNumber{"+800 1234 5678", "FR"}); world.e164 != "+80012345678" || world.region != "" {
		t.Errorf("a number of the whole world is %+v", world)
	}
}
