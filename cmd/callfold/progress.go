package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/callfold/callfold/internal/partition"
)

const (
	// progressEvery is how often long work is reported, a line at a time.
	progressEvery = 10 * time.Second
	// redrawEvery is how often it is on a terminal, where a line is drawn over the last.
	redrawEvery = 200 * time.Millisecond
)

// reportReading tells on stderr how far the reading of a topic has come, until done
// is called.
func reportReading(ctx context.Context, cmd *cobra.Command, topic string) (progress *partition.Progress, done func()) {
	progress = &partition.Progress{}
	return progress, reportProgress(ctx, cmd, func() (int64, int64, string) {
		return progress.Done.Load(), progress.Total.Load(), "records of " + topic + " read"
	})
}

// reportProgress tells on stderr how far work has come, how fast it is and how long the
// rest will take, until done is called. far gives what is done and what there is in all,
// and of what.
func reportProgress(ctx context.Context, cmd *cobra.Command, far func() (done, total int64, what string)) (done func()) {
	return reportEvery(ctx, cmd.ErrOrStderr(), func(elapsed time.Duration, terminal bool) string {
		done, total, what := far()
		if terminal && total == 0 {
			return "" // it has hardly begun
		}
		return progressBar(done, total, terminal) + progressText(done, total, what, elapsed)
	})
}

// barWidth is how many characters a bar has.
const barWidth = 24

// progressBar draws what share of the work is done.
func progressBar(done, total int64, terminal bool) string {
	if !terminal {
		return ""
	}
	filled := int(min(done, total) * barWidth / total)
	return fmt.Sprintf("[%s%s] %3d%% ", strings.Repeat("#", filled), strings.Repeat(".", barWidth-filled), min(done, total)*100/total)
}

// progressText says how far work has come.
func progressText(done, total int64, what string, elapsed time.Duration) string {
	rate := float64(done) / elapsed.Seconds()
	left := ""
	if done > 0 {
		left = fmt.Sprintf(", about %v left", (time.Duration(float64(total-done)/rate*1e9) * time.Nanosecond).Round(time.Second))
	}
	return fmt.Sprintf("%d of %d %s (%.0f a second)%s", done, total, what, rate, left)
}

// reportEvery writes what text gives now and then, until the function that it returns is
// called: a line every ten seconds, or on a terminal one line that is drawn anew and
// removed in the end.
func reportEvery(ctx context.Context, w io.Writer, text func(elapsed time.Duration, terminal bool) string) (done func()) {
	return reportTo(ctx, w, isTerminal(w) && cmp.Or(os.Getenv("TERM"), "dumb") != "dumb", text)
}

const (
	// eraseLine goes to the beginning of a terminal's line and empties it.
	eraseLine = "\r\x1b[K"
	// withoutWrap is a text that a narrow terminal cuts: one that goes on in the next line
	// could not be drawn over.
	withoutWrap = "\x1b[?7l%s\x1b[?7h"
)

func reportTo(ctx context.Context, w io.Writer, terminal bool, text func(elapsed time.Duration, terminal bool) string) (done func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	every, form := progressEvery, "%s\n"
	if terminal {
		every, form = redrawEvery, eraseLine+withoutWrap
	}
	go func() {
		defer close(ended)
		began := time.Now()
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				if terminal {
					_, _ = io.WriteString(w, eraseLine)
				}
				return
			case <-ticker.C:
				// Nobody is left to tell if this cannot be written.
				_, _ = fmt.Fprintf(w, form, text(time.Since(began), terminal))
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
