package bodies

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/callfold/callfold/schemas"
)

// Calls are the records of the calls whose bodies were folded. The result does
// not depend on the order of the bodies, nor on how often each came. Use the
// zero Calls for a start.
type Calls struct{ records map[int64]schemas.CallRecord }

// Fold folds one body, of whichever call it is. The error says why it is no
// call event; its chain holds a [*schemas.Rejection]. How far a time lies in
// the future is not judged: that takes the moment of reception, which a file
// does not tell.
func (c *Calls) Fold(body []byte) error {
	e, err := schemas.ParseEvent(body)
	if err != nil && e.Name != "" {
		return fmt.Errorf("event %s: %w", strconv.Quote(e.Name), err)
	}
	if err != nil {
		return err
	}
	if c.records == nil {
		c.records = map[int64]schemas.CallRecord{}
	}
	c.records[e.CallID] = schemas.Fold(c.records[e.CallID], e, 0)
	return nil
}

// Sorted are the records by call id. Their traces know the events; the offsets
// are all 0.
func (c *Calls) Sorted() []schemas.CallRecord {
	return slices.SortedFunc(maps.Values(c.records), func(a, b schemas.CallRecord) int {
		return cmp.Compare(a.State.ID, b.State.ID)
	})
}
