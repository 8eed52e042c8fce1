package projector

import (
	"math"
	"testing"
)

func TestSeconds(t *testing.T) {
	for _, tt := range []struct{ from, to, want int64 }{
		{100, 115, 15},
		{115, 100, 0},                    // clocks that disagree
		{2, 253402300799, math.MaxInt32}, // more than a number field takes
		{1, 1 + math.MaxInt32, math.MaxInt32},
	} {
		if got := seconds(tt.from, tt.to); got != tt.want {
			t.Errorf("from %d to %d are %d seconds, want %d", tt.from, tt.to, got, tt.want)
		}
	}
}
