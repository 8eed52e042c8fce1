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
// prefixes of some countries. Fewer than localDigits are no number anywhere.
const (
	patternDigits = 8
	localDigits   = 4
)

// likePatterns are LIKE patterns that find a number, given in E.164, however it
// was typed: its last digits in order, with anything between them. They find
// some others, too. Where people leave the area code out because there is only
// one, as on Bermuda or Jersey, they ask for no more digits than people type in
// the region. A toll-free number of North America may end in letters, as in
// 1-800-FLOWERS; then its area code and its last letter must do.
func likePatterns(raw rawNumber) []string {
	digits := parseNumber(rawNumber{text: raw.text}).significant
	end := digits[max(0, len(digits)-patternDigits):]
	for n := localDigits; n < len(end); n++ {
		if local := end[len(end)-n:]; parseNumber(rawNumber{local, raw.region}).e164 == raw.text {
			end = local
		}
	}
	patterns := []string{"%" + strings.Join(strings.Split(end, ""), "%") + "%"}
	if n, err := phonenumbers.Parse(raw.text, ""); err == nil && n.GetCountryCode() == 1 && phonenumbers.GetNumberType(n) == phonenumbers.TOLL_FREE {
		for _, letter := range keypad[digits[len(digits)-1]-'0'] {
			patterns = append(patterns, "%"+digits[:3]+"%"+string(letter)+"%")
		}
	}
	return patterns
}

// keypad are the letters on the keys 0 to 9.
var keypad = [10]string{"", "", "ABC", "DEF", "GHI", "JKL", "MNO", "PQRS", "TUV", "WXYZ"}

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
