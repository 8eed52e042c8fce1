package replay

import (
	"fmt"
	"testing"
)

// TestCost: the estimate follows how an apply sends: in lots for bulk jobs as long as
// there are enough rows, and the rest in small ones.
func TestCost(t *testing.T) {
	for _, c := range []struct {
		rows, lot int64
		want      string
	}{
		{0, 8000, "0 requests, 0.0 min"},
		{1, 8000, "1 requests, 0.0 min"},
		{4800, 0, "192 requests, 1.0 min"},
		{7999, 8000, "320 requests, 1.7 min"},
		{8000, 8000, "16 requests, 0.1 min"},
		{20_000, 8000, "192 requests, 1.1 min"},
		{20_000, 0, "800 requests, 4.2 min"},
		{40_000, 48_000, "1600 requests, 8.3 min"},
		{1_000_000, 8000, "2000 requests, 15.6 min"},
	} {
		requests, minutes := cost(c.rows, c.lot)
		if got := fmt.Sprintf("%d requests, %.1f min", requests, minutes); got != c.want {
			t.Errorf("%d rows in lots of %d: %s, want %s", c.rows, c.lot, got, c.want)
		}
	}
}
