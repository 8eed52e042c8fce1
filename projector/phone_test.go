package projector

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What people usually type must be among the variants, or the sink would never
// see the record.
func TestVariantsHoldWhatPeopleType(t *testing.T) {
	r := mustNew(t, DefaultSettings())
	for _, tt := range []struct {
		number, region string
		typed          []string
	}{
		{"+33199001234", "FR", []string{
			"+33199001234", "33199001234", "0033199001234", "0199001234", "199001234",
			"+33 1 99 00 12 34", "01 99 00 12 34", "01.99.00.12.34", "01-99-00-12-34", "0033 1 99 00 12 34",
			"+33 (0)1 99 00 12 34", "+33(0)199001234", "+33-1-99-00-12-34",
		}},
		{"+14155550132", "US", []string{
			"+14155550132", "14155550132", "4155550132", "(415) 555-0132", "(415)555-0132", "415-555-0132", "415.555.0132",
			"415 555 0132", "+1 415-555-0132", "+1 415 555 0132", "1-415-555-0132", "1 415 555 0132", "+1 (415) 555-0132", "1 (415) 555-0132",
		}},
		{"+442079460018", "GB", []string{
			"+442079460018", "442079460018", "02079460018", "020 7946 0018", "+44 20 7946 0018", "+44 (0)20 7946 0018", "0044 20 7946 0018",
		}},
		{"+4930901820", "DE", []string{"030 901820", "030901820", "+49 30 901820", "+4930901820"}},
	} {
		got := r.number(tt.number, tt.region).variants(tt.region)
		for _, typed := range tt.typed {
			if !slices.Contains(got, typed) {
				t.Errorf("%s: %q is not among the variants %q", tt.number, typed, got)
			}
		}
		if len(got) > 40 {
			t.Errorf("%s: %d variants are too many for one query", tt.number, len(got))
		}
	}
}

// A variant must be the number itself, else it would find strangers only to
// throw them away.
func TestVariantsAreTheNumber(t *testing.T) {
	r := mustNew(t, DefaultSettings())
	for _, number := range []string{"+33199001234", "+14155550132", "+442079460018", "+4930901820", "+390612345678", "+80012345678", "+5511912345678", "+61291234567"} {
		for _, region := range []string{"FR", "US", "GB", "IT", "BR", ""} {
			n := r.number(number, region)
			if n.e164 != number {
				t.Fatalf("%s: is not a valid number here", number)
			}
			for _, v := range n.variants(region) {
				// Not every country dials 00 or 011, and digits alone may be a
				// local number: these find nothing, or records that Choose refuses.
				if strings.HasPrefix(v, "0") || !strings.HasPrefix(v, "+") {
					continue
				}
				if got := r.number(v, region).e164; got != number {
					t.Errorf("%s in %q: the variant %q is %q", number, region, v, got)
				}
			}
		}
	}
	if v := (phoneNumber{}).variants("FR"); v != nil {
		t.Errorf("no number has variants %q", v)
	}
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
