package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/outcomes"
	"github.com/callfold/callfold/internal/partition"
)

func newOutcomesCommand(g *globals) *cobra.Command {
	return newGroup("outcomes", "List calls by outcome, and try rejected ones again",
		`  callfold outcomes list --outcome rejected,retrying --config callfold.yaml
  callfold outcomes retry --outcome rejected --reason "the field is longer now" --config callfold.yaml`,
		newOutcomesListCommand(g), newOutcomesRetryCommand(g))
}

// readOutcomes reads the outcomes of a topic and tells on stderr how far it is,
// and what it could not see.
func readOutcomes(ctx context.Context, cmd *cobra.Command, client *kgo.Client, topic string, filter outcomes.Filter, limit int) (outcomes.Listing, error) {
	progress, done := reportReading(ctx, cmd, topic)
	listing, err := outcomes.Read(ctx, client, topic, filter, limit, progress)
	done()
	if err == nil && len(listing.Hidden) > 0 {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "a transaction that stays open hides the newest outcomes in these partitions of %s: %v\n", topic, listing.Hidden)
	}
	return listing, err
}

// reportReading tells on stderr how far the reading of a topic has come, until done
// is called.
func reportReading(ctx context.Context, cmd *cobra.Command, topic string) (progress *partition.Progress, done func()) {
	progress = &partition.Progress{}
	return progress, reportEvery(ctx, progressEvery, func(elapsed time.Duration) {
		reportProgress(cmd.ErrOrStderr(), progress.Done.Load(), progress.Total.Load(), "records of "+topic+" read", elapsed)
	})
}

// reportProgress says how far work has come, how fast it is, and how long the rest
// will take.
func reportProgress(w io.Writer, done, total int64, what string, elapsed time.Duration) {
	rate := float64(done) / elapsed.Seconds()
	left := ""
	if done > 0 {
		left = fmt.Sprintf(", about %v left", (time.Duration(float64(total-done)/rate*1e9) * time.Nanosecond).Round(time.Second))
	}
	// Nobody is left to tell if this cannot be written.
	_, _ = fmt.Fprintf(w, "%d of %d %s (%.0f a second)%s\n", done, total, what, rate, left)
}

// reportEvery calls report now and then, until the function that it returns is called.
func reportEvery(ctx context.Context, every time.Duration, report func(elapsed time.Duration)) (done func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		began := time.Now()
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				report(time.Since(began))
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
