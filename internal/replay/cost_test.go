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
		{8000, 8000, "320 requests, 1.7 min"},
		{8100, 8000, "36 requests, 0.1 min"},
		{20_000, 5000, "248 requests, 1.3 min"},
		{20_000, 0, "800 requests, 4.2 min"},
		{40_000, 48_000, "1600 requests, 8.3 min"},
		{1_000_000, 5000, "3384 requests, 16.6 min"},
	} {
		requests, minutes := cost(c.rows, c.lot)
		if got := fmt.Sprintf("%d requests, %.1f min", requests, minutes); got != c.want {
			t.Errorf("%d rows in lots of %d: %s, want %s", c.rows, c.lot, got, c.want)
		}
	}
}

// TestLot: also the member with the fewest partitions gets enough for a job, and those
// that have none are not counted.
func TestLot(t *testing.T) {
	for _, c := range []struct{ bulk, members, partitions, want int }{
		{2500, 2, 12, 5000}, {2500, 12, 12, 30_000}, {2500, 24, 12, 30_000}, {2500, 5, 12, 15_000}, {2500, 8, 12, 30_000}, {2500, 1, 12, 2500},
		{2500, 51, 100, mostOut},
		{2500, 0, 12, 0}, {0, 2, 12, 0}, {2500, 2, 0, 0},
	} {
		if got := Lot(c.bulk, c.members, c.partitions); got != c.want {
			t.Errorf("%d members with %d of %d partitions each take %d, want %d", c.members, c.bulk, c.partitions, got, c.want)
		}
	}
}
