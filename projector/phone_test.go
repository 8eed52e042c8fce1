package projector

import (
	"slices"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
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
		{"+14412921234", "BM", []string{"292-1234", "2921234", "(441) 292-1234", "+1 441 292 1234"}},
		{"+441534456789", "JE", []string{"456789", "01534 456789", "+44 1534 456789"}},
		{"+18003569377", "US", []string{"1-800-FLOWERS", "800 flowers", "(800) 356-WERS", "800.356.9377"}},
		{"+3780549886377", "SM", []string{"886377", "0549 886377", "+378 0549 886377"}},
	} {
		n := r.number(tt.number, "")
		for _, typed := range tt.typed {
			if got := r.number(typed, tt.region).e164; got != tt.number {
				t.Errorf("%q is %q, not %s: the example is wrong", typed, got, tt.number)
			}
			if patterns := likePatterns(rawNumber{n.e164, tt.region}); !likeAny(patterns, typed) {
				t.Errorf("%s: the patterns %s do not find %q", tt.number, patterns, typed)
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
		if patterns := likePatterns(rawNumber{n.e164, ""}); !likeAny(patterns, typed.String()) {
			t.Fatalf("the patterns %s do not find %q", patterns, typed.String())
		}
	})
	if found == 0 {
		t.Error("nothing drawn was a number: the property shows nothing")
	}
}

// TestPatternFindsLocalNumbers types an example number of every region and kind
// in all standard formats, and as far as its end alone is understood there.
func TestPatternFindsLocalNumbers(t *testing.T) {
	formats := []phonenumbers.PhoneNumberFormat{phonenumbers.E164, phonenumbers.INTERNATIONAL, phonenumbers.NATIONAL, phonenumbers.RFC3966}
	local := 0
	for region := range phonenumbers.GetSupportedRegions() {
		for _, kind := range []phonenumbers.PhoneNumberType{phonenumbers.FIXED_LINE, phonenumbers.MOBILE, phonenumbers.TOLL_FREE} {
			example := phonenumbers.GetExampleNumberForType(region, kind)
			if example == nil {
				continue
			}
			number := phonenumbers.Format(example, phonenumbers.E164)
			patterns := likePatterns(rawNumber{number, region})
			var typed []string
			for _, f := range formats {
				typed = append(typed, phonenumbers.Format(example, f))
			}
			for n := localDigits; n < patternDigits; n++ {
				typed = append(typed, number[len(number)-n:])
			}
			for _, text := range typed {
				if parseNumber(rawNumber{text, region}).e164 != number {
					continue
				}
				if len(text) < patternDigits {
					local++
				}
				if !likeAny(patterns, text) {
					t.Errorf("%s in %s: the patterns %s do not find %q", number, region, patterns, text)
				}
			}
		}
	}
	if local < 20 {
		t.Errorf("%d numbers without an area code: the examples show too little", local)
	}
}

// likeAny is LIKE for patterns of %, digits and capital letters.
func likeAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		rest := strings.ToUpper(text)
		for part := range strings.SplitSeq(pattern, "%") {
			_, after, found := strings.Cut(rest, part)
			if !found {
				return false
			}
			rest = after
		}
		return true
	})
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
