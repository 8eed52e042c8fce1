package projector

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// rawNumber is a phone number as somebody wrote it, with the region in which a
// number without a country code is understood.
type rawNumber struct{ text, region string }

// phoneNumber is a valid phone number. The zero phoneNumber is none.
type phoneNumber struct {
	e164          string // +33123456789
	international string // +33 1 23 45 67 89
	significant   string // 123456789
	// region is an ISO 3166 alpha-2 code, empty for numbers of the whole world
	// such as +800.
	region string
}

// number normalises a phone number (M4). What is not a valid one is none.
func (r *Rules) number(text, region string) phoneNumber {
	return r.numbers.get(rawNumber{text, region}, parseNumber)
}

// maxNumber is the longest text that is looked at as a phone number. The parser
// would refuse longer ones too, but what is remembered has to be small.
const maxNumber = 250

func parseNumber(raw rawNumber) phoneNumber {
	if raw.text == "" || len(raw.text) > maxNumber {
		return phoneNumber{}
	}
	n, err := phonenumbers.Parse(raw.text, raw.region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return phoneNumber{}
	}
	p := phoneNumber{
		e164:          phonenumbers.Format(n, phonenumbers.E164),
		international: phonenumbers.Format(withoutExtension(n), phonenumbers.INTERNATIONAL),
		significant:   phonenumbers.GetNationalSignificantNumber(n),
		region:        phonenumbers.GetRegionCodeForNumber(n),
	}
	if p.region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY {
		p.region = ""
	}
	return p
}

// withoutExtension makes the formats of a number the same whatever extension
// was written behind it, as E.164 is.
func withoutExtension(n *phonenumbers.PhoneNumber) *phonenumbers.PhoneNumber {
	n.Extension = nil
	return n
}

// patternDigits is how many digits at the end of a number a pattern asks for.
// What people vary is before them: country code, trunk prefix, the mobile
// prefixes of some countries.
const patternDigits = 8

// pattern is a LIKE pattern that finds the number however it was typed: its last
// digits in order, with anything between them. It finds some others, too.
func (p phoneNumber) pattern() string {
	var b strings.Builder
	b.WriteByte('%')
	for _, digit := range p.significant[max(0, len(p.significant)-patternDigits):] {
		b.WriteRune(digit)
		b.WriteByte('%')
	}
	return b.String()
}

// countryNames are the names of all regions in one language (F10).
func countryNames(lang language.Tag) map[string]string {
	namer := display.Regions(lang)
	names := make(map[string]string)
	for code := range phonenumbers.GetSupportedRegions() {
		if region, err := language.ParseRegion(code); err == nil {
			names[code] = namer.Name(region)
		}
	}
	return names
}
