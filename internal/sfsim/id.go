package sfsim

import "strings"

// base62 are the characters of record Ids in their order.
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// suffixAlphabet encodes five bits of an Id's suffix.
const suffixAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

// instance is the part of the Ids that we give out which names the pod. Its mix
// of cases makes the suffix matter.
const instance = "Fd0"

// newID returns the 18-character Id of the n-th record that we create.
func newID(prefix string, n uint64) string {
	var digits [9]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = base62[n%62]
		n /= 62
	}
	id15 := prefix + instance + string(digits[:])
	return id15 + idSuffix(id15)
}

// idSuffix computes the three characters that make the case-sensitive
// 15-character Id safe to compare without case ("ID Field Type", Object
// Reference): per five characters one bit for each upper-case letter.
func idSuffix(id15 string) string {
	var suffix [3]byte
	for chunk := range 3 {
		bits := 0
		for i := range 5 {
			if c := id15[chunk*5+i]; c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		suffix[chunk] = suffixAlphabet[bits]
	}
	return string(suffix[:])
}

// canonicalID returns the 18-character form of an Id of 15 or 18 characters, and
// whether it is well formed. A wrong suffix is refused.
func canonicalID(s string) (string, bool) {
	if len(s) != 15 && len(s) != 18 {
		return "", false
	}
	for i := range len(s) {
		if strings.IndexByte(base62, s[i]) < 0 {
			return "", false
		}
	}
	suffix := idSuffix(s[:15])
	if len(s) == 18 && s[15:] != suffix {
		return "", false
	}
	return s[:15] + suffix, true
}

// correctedID is canonicalID for Ids that people make up in org files: a suffix
// that does not fit is replaced by the right one.
func correctedID(s string) (string, bool) {
	if len(s) == 18 {
		s = s[:15]
	}
	return canonicalID(s)
}
