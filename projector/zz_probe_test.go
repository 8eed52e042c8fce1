package projector

import (
	"fmt"
	"testing"
	"strings"
	"github.com/nyaruka/phonenumbers"
)

func likeDigits(pattern, s string) bool {
	want := strings.ReplaceAll(pattern, "%", "")
	i := 0
	for _, c := range s { if i < len(want) && byte(c) == want[i] && c < 128 { i++ } }
	return i == len(want)
}

func TestProbe(t *testing.T) {
	regions := phonenumbers.GetSupportedRegions()
	names := countryNames(packs["classic-en"].language)
	fr := countryNames(packs["classic-fr"].language)
	for r := range regions {
		if names[r]=="" || fr[r]=="" { fmt.Println("NO NAME", r, names[r], fr[r]) }
		if strings.Contains(names[r], "Unknown") { fmt.Println("UNK", r) }
	}
	bad := map[string]int{}
	for r := range regions {
		for ty := phonenumbers.FIXED_LINE; ty <= phonenumbers.UAN; ty++ {
			n := phonenumbers.GetExampleNumberForType(r, ty)
			if n == nil { continue }
			p := parseNumber(rawNumber{phonenumbers.Format(n, phonenumbers.E164), r})
			if p.e164 == "" { continue }
			var texts []string
			for l := 3; l < len(p.significant); l++ { texts = append(texts, p.significant[len(p.significant)-l:]) }
			for _, f := range []phonenumbers.PhoneNumberFormat{phonenumbers.E164, phonenumbers.INTERNATIONAL, phonenumbers.NATIONAL, phonenumbers.RFC3966} {
				texts = append(texts, phonenumbers.Format(n, f))
			}
			for o := range regions { texts = append(texts, phonenumbers.FormatOutOfCountryCallingNumber(n, o)) ; if o == "FR" {break} }
			texts = append(texts, phonenumbers.FormatOutOfCountryCallingNumber(n, r), phonenumbers.FormatNationalNumberWithPreferredCarrierCode(n, "15"))
			for _, s := range texts {
				if q := parseNumber(rawNumber{s, r}); q.e164 == p.e164 && !likeDigits(p.pattern(), s) {
					k := fmt.Sprintf("%s %d", r, len(s))
					if bad[k] == 0 { fmt.Println("MISSED", r, ty, s, p.e164, p.pattern()) }
					bad[k]++
				}
			}
		}
	}
	for _, s := range []string{"1-800-FLOWERS", "（８００）３５６−９３７７", "+٣٣١٢٣٤٥٦٧٨٩", "tel:356-9377;phone-context=+1800","(415) 555-TAXI"} {
		fmt.Println(s, parseNumber(rawNumber{s, "US"}).e164)
	}
}
