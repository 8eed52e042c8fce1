package outcomes

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callfold/callfold/schemas"
)

// results are all outcomes, in the order in which a person wants to hear of them.
var results = []schemas.Result{
	schemas.Rejected, schemas.Retrying, schemas.Deleted, schemas.Waiting, schemas.Created,
	schemas.Updated, schemas.Unchanged, schemas.Skipped, schemas.Erased,
}

// retriable are the outcomes that a retry changes: a rejected call and a retrying
// one are tried at once, a deleted Task is made anew.
var retriable = []schemas.Result{schemas.Rejected, schemas.Retrying, schemas.Deleted}

// Retriable reports whether a retry makes the sink do anything about the call.
func (v *Verdict) Retriable() bool { return slices.Contains(retriable, v.Result) }

// ParseResults reads names of outcomes. The error names those that there are.
func ParseResults(names []string) ([]schemas.Result, error) {
	return parseNames(names, results, "outcomes")
}

// ParseRetriable reads names of outcomes that a retry does something about.
func ParseRetriable(names []string) ([]schemas.Result, error) {
	return parseNames(names, retriable, "outcomes that can be retried")
}

func parseNames(names []string, known []schemas.Result, what string) ([]schemas.Result, error) {
	parsed := make([]schemas.Result, 0, len(names))
	for _, name := range names {
		r := schemas.Result(strings.ToLower(strings.TrimSpace(name)))
		if !slices.Contains(known, r) {
			list := make([]string, len(known))
			for i, k := range known {
				list[i] = string(k)
			}
			return nil, fmt.Errorf("%q is none of the %s: %s", name, what, strings.Join(list, ", "))
		}
		parsed = append(parsed, r)
	}
	return parsed, nil
}

// Filter says which calls are wanted. Each part that is not empty must hold.
type Filter struct {
	// IDs are ids of calls.
	IDs map[int64]bool
	// Results are outcomes.
	Results []schemas.Result
	// Codes are codes of errors; upper and lower case are the same.
	Codes []string
	// Since is the earliest time of a decision.
	Since time.Time
}

// wants reports whether an outcome is wanted.
func (f *Filter) wants(c Call) bool {
	return (len(f.IDs) == 0 || f.IDs[c.ID]) &&
		(len(f.Results) == 0 || slices.Contains(f.Results, c.Result)) &&
		(len(f.Codes) == 0 || slices.ContainsFunc(f.Codes, func(code string) bool { return strings.EqualFold(code, c.Code) })) &&
		(f.Since.IsZero() || c.DecidedAt >= f.Since.UnixMilli())
}
