package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/outcomes"
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
