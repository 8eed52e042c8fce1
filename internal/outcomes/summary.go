package outcomes

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/callfold/callfold/schemas"
)

// Summary counts calls by outcome, and by code where there is one.
type Summary map[schemas.Result]map[string]int

// Add counts a call.
func (s Summary) Add(c Call) {
	if s[c.Result] == nil {
		s[c.Result] = map[string]int{}
	}
	s[c.Result][c.Code]++
}

func (s Summary) merge(o Summary) {
	for result, codes := range o {
		if s[result] == nil {
			s[result] = map[string]int{}
		}
		for code, n := range codes {
			s[result][code] += n
		}
	}
}

// Total is how many calls were counted.
func (s Summary) Total() int {
	total := 0
	for _, codes := range s {
		total += sum(codes)
	}
	return total
}

// String is such as "rejected 3 (STRING_TOO_LONG 2, MALFORMED_ID 1), created 12":
// what needs a person first, and the most frequent code first.
func (s Summary) String() string {
	// A newer version may know outcomes that this one does not.
	names := slices.SortedFunc(maps.Keys(s), func(a, b schemas.Result) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
	})
	var parts []string
	for _, result := range names {
		codes := s[result]
		part := fmt.Sprintf("%s %d", result, sum(codes))
		if details := byFrequency(codes); len(details) > 0 {
			part += " (" + strings.Join(details, ", ") + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func place(r schemas.Result) int {
	if i := slices.Index(results, r); i >= 0 {
		return i
	}
	return len(results)
}

func sum(codes map[string]int) int {
	n := 0
	for _, count := range codes {
		n += count
	}
	return n
}

func byFrequency(codes map[string]int) []string {
	var parts []string
	for _, code := range slices.SortedFunc(maps.Keys(codes), func(a, b string) int {
		return cmp.Or(cmp.Compare(codes[b], codes[a]), cmp.Compare(a, b))
	}) {
		if code != "" {
			parts = append(parts, fmt.Sprintf("%s %d", code, codes[code]))
		}
	}
	return parts
}
