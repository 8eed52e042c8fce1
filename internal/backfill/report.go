package backfill

import (
	"slices"
	"time"
)

// Report says what a backfill did, and what it found of how complete the log was
// before it.
type Report struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// DryRun says that nothing was published.
	DryRun bool `json:"dry_run"`
	// Read counts the calls that Aircall has in the range.
	Read int64 `json:"read"`
	// Published counts those that went into the log, Unchanged those that were read
	// before and are the same, Erased those that were erased and so stayed away from it.
	Published int64 `json:"published"`
	Unchanged int64 `json:"unchanged"`
	Erased    int64 `json:"erased"`
	// Missing are the ids of the calls that Aircall has and the log lacked.
	Missing []int64 `json:"missing"`
	// Closed are those of which the log knew no end, and Aircall does.
	Closed []int64 `json:"closed"`
	// Open are those of which Aircall knows no end although they began hours ago.
	Open []int64 `json:"open"`
	// Short are the parts of the range of which Aircall gave fewer calls than it
	// says it has, or as many as it gives at the most.
	Short []Short `json:"short"`
	// Hidden are the partitions of calls in which an open transaction hides what the
	// log knows: their calls may look missing.
	Hidden []int32 `json:"hidden_partitions"`
}

// Short is a part of the range that could not be read in full.
type Short struct {
	// From and To are UNIX seconds.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	// Total is how many calls Aircall says there are, Got how many it gave.
	Total int `json:"total"`
	Got   int `json:"got"`
}

// add takes over what was found in a part of the range.
func (r *Report) add(part *Report) {
	r.Read += part.Read
	r.Published += part.Published
	r.Unchanged += part.Unchanged
	r.Erased += part.Erased
	r.Missing = append(r.Missing, part.Missing...)
	r.Closed = append(r.Closed, part.Closed...)
	r.Open = append(r.Open, part.Open...)
	r.Short = append(r.Short, part.Short...)
}

// finish orders the ids. One may have come twice, where a killed backfill went on.
func (r *Report) finish() {
	for _, ids := range []*[]int64{&r.Missing, &r.Closed, &r.Open} {
		slices.Sort(*ids)
		*ids = slices.Compact(*ids)
	}
}
