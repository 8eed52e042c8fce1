package traffic

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// person is an external party. A person with a name is a contact in Aircall.
type person struct {
	digits      string // raw_digits as Aircall sends them
	country     string // two letters; empty where the number has no region
	first, last string
	company     string
}

// known are the people and companies that call again and again. Most are in the
// sample org too, with their numbers as somebody typed them there.
var known = []person{
	{"+33 2 61 91 10 01", "FR", "Marie", "Lefèvre", "Atelier Lefèvre"},
	{"+33 1 99 00 10 02", "FR", "Julien", "Garnier", "Garnier & Fils"},
	{"+33 3 53 01 10 03", "FR", "", "", ""},
	{"+33 1 99 00 10 04", "FR", "Boulangerie", "Arnaud", "Boulangerie Arnaud"},
	{"+33 5 36 49 10 05", "FR", "Élodie", "Roussel", ""},
	{"+1 212-555-0106", "US", "Tom", "Becker", "Becker Freight"},
	{"+1 415-555-0107", "US", "Priya", "Raman", ""},
	{"+1 303-555-0108", "US", "", "", ""},
	{"+1 646-555-0109", "US", "Acme", "Rockets", "Acme Rockets Inc."},
	{"+44 117 496 0110", "GB", "Nigel", "Thornton", "Thornton Boats"},
	{"+44 161 496 0111", "GB", "Aisha", "Khan", ""},
	{"+44 20 7946 0112", "GB", "", "", ""},
	{"+44 131 496 0113", "GB", "Rhys", "Evans", "Evans Slate"},
	{"+49 171 3920014", "DE", "Sabine", "Krüger", ""},
	{"+49 30 23125115", "DE", "Max", "Hoffmann", "Hoffmann Druck"},
	{"+49 69 90009116", "DE", "", "", ""},
	{"+61 491 570 156", "AU", "Olivia", "Ward", ""},
	{"+46 70 174 06 18", "SE", "Astrid", "Lund", "Lund Form"},
	{"+44 20 7946 0123", "GB", "Grace", "Holloway", "Holloway & Sons"}, // Contact, Lead and Account share it
	{"+1 212-555-0124", "US", "Peter", "Nash", ""},                     // a converted Lead
	{"+49 171 3920025", "DE", "Anna", "Schulz", ""},                    // two Contacts
	{"+1 312-555-0126", "US", "Dolores", "Vega", "Vega Produce"},       // not in Salesforce
	{"+883 510 000 000 127", "", "Field", "Station", ""},               // a number without a region
}

// unusual people have names that are not plain Latin text.
var unusual = []person{
	{"+33 4 65 71 10 20", "FR", "ליאור", "כהן", ""},
	{"+44 121 496 0121", "GB", "نور", "الهدى", "شركة النور للتجارة"},
	{"+33 1 99 00 10 22", "FR", "Coco 🦜", "Martin 👩‍🚀", "Studio 🦜"},
}

// strangers are number ranges of first-time callers, with # for any digit. The
// last two are not valid numbers: such things do call.
var strangers = []person{
	{digits: "+33 1 99 00 ## ##", country: "FR"},
	{digits: "+33 4 65 71 ## ##", country: "FR"},
	{digits: "+44 20 7946 0###", country: "GB"},
	{digits: "+44 151 496 0###", country: "GB"},
	{digits: "+1 617-555-01##", country: "US"},
	{digits: "+1 512-555-01##", country: "US"},
	{digits: "+49 171 39200##", country: "DE"},
	{digits: "+49 40 66969###", country: "DE"},
	{digits: "+46 8 465 004 ##", country: "SE"},
	{digits: "+44 7700 900###", country: "GB"},
	{digits: "+33 39 ##", country: "FR"},
}

// withheld is the party of a call whose number was not sent.
var withheld = person{digits: "anonymous"}

// drawPerson picks the other party of a call: seven times in ten one who is known.
func drawPerson(rng *rand.Rand) person {
	switch n := rng.IntN(100); {
	case n < 67:
		return pick(rng, known)
	case n < 70:
		return pick(rng, unusual)
	}
	p := pick(rng, strangers)
	p.digits = strings.Map(func(r rune) rune {
		if r == '#' {
			return '0' + rune(rng.IntN(10))
		}
		return r
	}, p.digits)
	return p
}

// contact returns the Aircall contact of a person, nil for one without a name.
func (p person) contact() *contact {
	if p.last == "" {
		return nil
	}
	id := int64(88000000)
	for _, r := range p.digits {
		id = (id*31 + int64(r)) % 900000000
	}
	c := &contact{
		ID: id, DirectLink: fmt.Sprintf("https://api.aircall.io/v1/contacts/%d", id),
		FirstName: p.first, LastName: p.last, IsShared: true,
		Emails:       []address{{ID: id + 1, Label: "Work", Value: fmt.Sprintf("contact%d@customer.example", id)}},
		PhoneNumbers: []address{{ID: id + 2, Label: "Work", Value: "+" + digitsOnly(p.digits)}},
	}
	if p.company != "" {
		c.CompanyName = &p.company
	}
	return c
}

func digitsOnly(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// pick draws one element.
func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }
