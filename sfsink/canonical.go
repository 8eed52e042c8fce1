package sfsink

import (
	"strings"
	"time"
)

// same tells whether a field that was read holds the value wanted.
func same(wanted, held any) bool {
	if wanted == false && held == nil {
		return true
	}
	return canonical(wanted) == canonical(held)
}

// canonical is a value in one form, whether it is to be written or was read:
// Salesforce trims texts, keeps no empty ones, gives every number as a decimal,
// and a date or a time of day in a field of a longer type with what it lacked.
func canonical(v any) any {
	switch v := v.(type) {
	case string:
		s := plain(v)
		switch len(s) {
		case 0:
			return nil
		case len(dateTime):
			if t, err := time.Parse(dateTime, s); err == nil && t.UTC().Truncate(24*time.Hour).Equal(t) {
				return t.UTC().Format(time.DateOnly)
			}
		case len(timeOfDay):
			if t, err := time.Parse(timeOfDay, s); err == nil && t.Truncate(time.Minute).Equal(t) {
				return t.Format("15:04")
			}
		}
		return s
	case float64:
		if whole := int64(v); float64(whole) == v {
			return whole
		}
	}
	return v
}

// How Salesforce writes the fields of these types.
const (
	dateTime  = "2006-01-02T15:04:05.000-0700"
	timeOfDay = "15:04:05.000Z"
)

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// plain is a text without the differences that the user interface and the API
// make.
func plain(s string) string {
	if strings.Contains(s, "\r") {
		s = lineEnds.Replace(s)
	}
	return strings.TrimSpace(s)
}

// unsigned is a text that was read with the media link of its first line as
// [projector.Field] has it in Compare: without the signature (F11).
func unsigned(held any) any {
	s, ok := held.(string)
	if !ok {
		return held
	}
	first, rest, more := strings.Cut(plain(s), "\n")
	before, link, ok := strings.Cut(first, "://")
	if !ok {
		return held
	}
	link, _, _ = strings.Cut(link, "?")
	s = before + "://" + link
	if more {
		s += "\n" + rest
	}
	return s
}
