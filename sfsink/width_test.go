package sfsink

import (
	"testing"
	"time"
)

func TestWidthAdapts(t *testing.T) {
	w := newWidth()
	for _, step := range []struct {
		rows int // -1 for no answer
		took time.Duration
		want int
	}{
		{5, 100 * time.Millisecond, 200}, // says nothing of full ones
		{200, 6 * time.Second, 200},      // two would take 12 s
		{200, 2 * time.Second, 400},
		{400, 4 * time.Second, 600},
		{100, time.Second, 600},
		{600, 6 * time.Second, 800},
		{800, 7 * time.Second, 1000},
		{1000, 9 * time.Second, 1000},
		{1000, 11 * time.Second, 400},
		{400, 12 * time.Second, 200},
		{200, 25 * time.Second, 200},
		{200, time.Second, 400},
		{-1, 0, 200},
	} {
		if step.rows < 0 {
			w.lost()
		} else {
			w.answered(step.rows, step.took)
		}
		if got := w.rows(); got != step.want {
			t.Fatalf("%d rows after %+v", got, step)
		}
	}
}
