package rejects

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callfold/callfold/schemas"
)

// reasons and sources are all there are.
var (
	reasons = []schemas.RejectReason{
		schemas.NotJSON, schemas.NotACall, schemas.NoID, schemas.BadID, schemas.RepeatedKeys, schemas.NoTime,
		schemas.FutureTime, schemas.TooLarge, schemas.KeyMismatch,
	}
	sources = []schemas.Source{schemas.Webhook, schemas.Backfill, schemas.Operator}
)

// ParseReasons reads names of reasons.
func ParseReasons(names []string) ([]schemas.RejectReason, error) {
	return parseNames(names, reasons, "reasons")
}

// ParseSources reads names of sources.
func ParseSources(names []string) ([]schemas.Source, error) {
	return parseNames(names, sources, "sources")
}

func parseNames[T ~string](names []string, known []T, what string) ([]T, error) {
	parsed := make([]T, 0, len(names))
	for _, name := range names {
		v := T(strings.ToLower(strings.TrimSpace(name)))
		if !slices.Contains(known, v) {
			list := make([]string, len(known))
			for i, k := range known {
				list[i] = string(k)
			}
			return nil, fmt.Errorf("%q is none of the %s: %s", name, what, strings.Join(list, ", "))
		}
		parsed = append(parsed, v)
	}
	return parsed, nil
}

// Filter says which records are wanted. Each part that is not empty must hold.
type Filter struct {
	Reasons []schemas.RejectReason
	Sources []schemas.Source
	// Since is the earliest time at which a record was rejected.
	Since time.Time
}

func (f *Filter) wants(r Record) bool {
	return (len(f.Reasons) == 0 || slices.Contains(f.Reasons, r.Reason)) &&
		(len(f.Sources) == 0 || slices.Contains(f.Sources, schemas.Source(r.Origin.Source))) &&
		!r.RejectedAt.Before(f.Since)
}
