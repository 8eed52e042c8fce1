package projector

import (
	"strconv"
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
	national      string // 01 23 45 67 89
	significant   string // 123456789
	countryCode   int    // 33
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
		national:      phonenumbers.Format(withoutExtension(n), phonenumbers.NATIONAL),
		significant:   phonenumbers.GetNationalSignificantNumber(n),
		countryCode:   int(n.GetCountryCode()),
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

// variants are the ways in which people and programs write a number, for an
// exact comparison in SOQL. Those without a country code are there only where
// the default region makes them the same number.
func (p phoneNumber) variants(defaultRegion string) []string {
	if p.e164 == "" {
		return nil
	}
	var out []string
	add := func(s string) {
		for _, have := range out {
			if have == s {
				return
			}
		}
		out = append(out, s)
	}
	code := strconv.Itoa(p.countryCode)
	digits := p.e164[1:]
	grouped := p.international[1+len(code)+1:] // the part behind the country code
	add(p.e164)
	add(digits)
	add("00" + digits)
	add("011" + digits)
	for _, sep := range []string{" ", "-", "."} {
		rest := separated(grouped, sep)
		add("+" + code + sep + rest)
		add(code + sep + rest)
		add("00" + code + sep + rest)
		add("+" + code + " " + rest)
	}
	// The trunk prefix is what the national format begins with and the
	// significant number does not: +44 (0)20 …
	nationalDigits := phonenumbers.NormalizeDigitsOnly(p.national)
	if trunk, ok := strings.CutSuffix(nationalDigits, p.significant); ok && trunk != "" && p.countryCode != 1 {
		add("+" + code + "(" + trunk + ")" + p.significant)
		add("+" + code + " (" + trunk + ")" + p.significant)
		add("+" + code + " (" + trunk + ")" + grouped)
		add("+" + code + " (" + trunk + ") " + grouped)
	}
	if p.countryCode == 1 { // (415) 555-1212, with the 1 in every way
		add("+1 " + p.national)
		add("1 " + p.national)
		add("+1" + p.national)
	}
	if phonenumbers.GetCountryCodeForRegion(defaultRegion) == p.countryCode {
		add(p.national)
		add(nationalDigits)
		for _, sep := range []string{" ", "-", "."} {
			add(separated(p.national, sep))
		}
		if p.countryCode == 1 {
			add(strings.ReplaceAll(p.national, ") ", ")")) // (415)555-1212
		} else {
			add(p.significant) // spreadsheets lose the leading zero
		}
	}
	return out
}

// separated writes a formatted number with another separator between its groups.
func separated(formatted, sep string) string {
	var b strings.Builder
	for _, group := range strings.FieldsFunc(formatted, func(c rune) bool { return c < '0' || c > '9' }) {
		if b.Len() > 0 {
			b.WriteString(sep)
		}
		b.WriteString(group)
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
