package main

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"
)

// TestProgressLines: where nobody looks at a terminal, a line every ten seconds.
func TestProgressLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stderr bytes.Buffer
		cmd := &cobra.Command{}
		cmd.SetErr(&stderr)
		done := reportProgress(t.Context(), cmd, func() (int64, int64, string) { return 250, 1000, "records read" })
		time.Sleep(25 * time.Second) // virtual
		done()
		want := "250 of 1000 records read (25 a second), about 30s left\n250 of 1000 records read (12 a second), about 1m0s left\n"
		if got := stderr.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestProgressBar: on a terminal one line is drawn over and over, and removed.
func TestProgressBar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stderr bytes.Buffer
		done := reportTo(t.Context(), &stderr, true, func(elapsed time.Duration, terminal bool) string {
			return progressBar(1, 4, terminal) + progressText(1, 4, "records read", elapsed)
		})
		time.Sleep(500 * time.Millisecond) // virtual
		done()
		const line = "\r\x1b[K\x1b[?7l[######..................]  25% 1 of 4 records read "
		want := line + "(5 a second), about 1s left\x1b[?7h" + line + "(2 a second), about 1s left\x1b[?7h\r\x1b[K"
		if got := stderr.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
