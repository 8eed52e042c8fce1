package sfsink

import (
	"slices"
	"strings"

	"github.com/callfold/callfold/internal/salesforce"
)

// pack divides rows into requests. Rows of one account share a request where
// they can; those with more than fit take several, which the locks keep apart.
func pack(rows []*row) [][]*row {
	byAccount := map[string][]*row{}
	var groups [][]*row
	var order []string
	for _, r := range rows {
		if r.account == "" {
			groups = append(groups, []*row{r})
			continue
		}
		if byAccount[r.account] == nil {
			order = append(order, r.account)
		}
		byAccount[r.account] = append(byAccount[r.account], r)
	}
	for _, a := range order {
		groups = append(groups, slices.Collect(slices.Chunk(byAccount[a], salesforce.MaxRows))...)
	}
	// The large ones first, so that the small ones fill what they leave.
	slices.SortStableFunc(groups, func(a, b []*row) int { return len(b) - len(a) })
	var requests [][]*row
	first := 0 // requests before it are full
	for _, g := range groups {
		i := first
		for i < len(requests) && len(requests[i])+len(g) > salesforce.MaxRows {
			i++
		}
		if i == len(requests) {
			requests = append(requests, nil)
		}
		requests[i] = append(requests[i], g...)
		for first < len(requests) && len(requests[first]) == salesforce.MaxRows {
			first++
		}
	}
	return requests
}

// together is how many of the first collections may go in one request that has so
// many rows at most: one at the least. A collection that holds what a composite
// would take for a reference goes alone.
func together(collections [][]*row, most int) int {
	rows := 0
	for n, some := range collections {
		rows += len(some)
		switch {
		case n == 0 && refers(some):
			return 1
		case n > 0 && (n == salesforce.MaxCollections || rows > most || refers(some)):
			return n
		}
	}
	return len(collections)
}

// refers tells whether a value of the rows holds @{, which Salesforce replaces in
// composite requests: people may write anything into a note.
func refers(rows []*row) bool {
	return slices.ContainsFunc(rows, func(r *row) bool {
		for _, v := range r.fields {
			if s, ok := v.(string); ok && strings.Contains(s, "@{") {
				return true
			}
		}
		return false
	})
}
