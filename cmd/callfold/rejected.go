package main

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/rejects"
	"github.com/callfold/callfold/internal/settings"
)

func newRejectedCommand(g *globals) *cobra.Command {
	return newGroup("rejected", "List, show and mend what could not be used",
		`  callfold rejected list --config callfold.yaml
  callfold rejected show 3:17 --config callfold.yaml
  callfold rejected redrive 3:17 --body mended.json --config callfold.yaml`,
		newRejectedListCommand(g), newRejectedShowCommand(g), newRejectedRedriveCommand(g))
}

func rejectedTopic(s settings.Settings) string { return kafka.TopicName(s.Kafka, kafka.Rejected) }

// readRejected reads the topic and tells on stderr how far it is, and what it could
// not see.
func readRejected(ctx context.Context, cmd *cobra.Command, client *kgo.Client, topic string, filter rejects.Filter) (rejects.Listing, error) {
	progress, done := reportReading(ctx, cmd, topic)
	listing, err := rejects.Read(ctx, client, topic, filter, progress)
	done()
	if err != nil {
		return listing, err
	}
	if len(listing.Hidden) > 0 {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "a transaction that stays open hides the newest records in these partitions of %s: %v\n", topic, listing.Hidden)
	}
	if len(listing.Foreign) > 0 {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "these records of %s are none of callfold's: %v\n", topic, listing.Foreign)
	}
	return listing, nil
}

// printable is a text that somebody outside chose, without what a terminal obeys.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
