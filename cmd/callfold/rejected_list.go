package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/rejects"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/schemas"
)

// rejectedList are the flags of the command.
type rejectedList struct {
	reason, source []string
	since          time.Duration
	timeout        time.Duration
	format         *output
}

// listedReject is a record as the command prints it as JSON.
type listedReject struct {
	Record     rejects.Place        `json:"record"`
	RejectedAt time.Time            `json:"rejected_at"`
	Reason     schemas.RejectReason `json:"reason"`
	Detail     string               `json:"detail,omitzero"`
	Origin     schemas.Origin       `json:"origin"`
	Event      string               `json:"event,omitzero"`
	CallID     int64                `json:"call_id,omitzero"`
	BodySize   int64                `json:"body_size"`
	Truncated  bool                 `json:"truncated,omitzero"`
}

func newRejectedListCommand(g *globals) *cobra.Command {
	var l rejectedList
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what could not be used, and why",
		Long: `List the records of the topic rejected, the newest first: the name by which the other
commands know one (partition and offset), when and why it was rejected, where it came from,
and its call where that could be read. The summary counts them by reason. Times are UTC.
Bodies are never listed; 'callfold rejected show' has one. They are kept for 30 days.

It only reads: the user needs the rights DESCRIBE and READ on the topic rejected.`,
		Example: `  callfold rejected list
  callfold rejected list --reason no_time,future_time --since 24h
  callfold rejected list --source webhook --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return l.run(cmd, g) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&l.reason, "reason", nil, "only with these `reasons`, separated by commas")
	flags.StringSliceVar(&l.source, "source", nil, "only from these `sources`: webhook, backfill, command")
	flags.DurationVar(&l.since, "since", 0, "only what was rejected in this `time` up to now, such as 24h")
	timeoutFlag(cmd, &l.timeout)
	l.format = outputFlag(cmd)
	return cmd
}

func (l *rejectedList) run(cmd *cobra.Command, g *globals) error {
	var filter rejects.Filter
	var err error
	if filter.Reasons, err = rejects.ParseReasons(l.reason); err != nil {
		return usagef(cmd, "--reason: %w", err)
	}
	if filter.Sources, err = rejects.ParseSources(l.source); err != nil {
		return usagef(cmd, "--source: %w", err)
	}
	if l.since < 0 {
		return usagef(cmd, "--since is %v; give a time above 0, such as 24h", l.since)
	}
	if l.since > 0 {
		filter.Since = time.Now().Add(-l.since)
	}
	return reachKafka(cmd, g, l.timeout, "callfold-rejected-list", nil, func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
		listing, err := readRejected(ctx, cmd, client, rejectedTopic(s), filter)
		if err != nil {
			return err
		}
		if *l.format == jsonOutput {
			return printRejectLines(cmd.OutOrStdout(), listing.Records)
		}
		return printRejects(cmd.OutOrStdout(), listing.Records)
	})
}

// printRejectLines writes the records as JSON, one a line.
func printRejectLines(w io.Writer, records []rejects.Record) error {
	out := bufio.NewWriter(w)
	for _, r := range records {
		line := listedReject{r.Place, r.RejectedAt.UTC(), r.Reason, r.Detail, r.Origin, r.Event, r.CallID, r.BodySize, r.Truncated}
		if err := json.MarshalWrite(out, line); err != nil {
			return fmt.Errorf("printing JSON: %w", err)
		}
		_ = out.WriteByte('\n') // Flush tells
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	return nil
}

// printRejects writes records for a person at a terminal, and the counts.
func printRejects(w io.Writer, records []rejects.Record) error {
	if len(records) == 0 {
		_, err := fmt.Fprintln(w, "nothing was rejected")
		return err
	}
	var out bytes.Buffer
	table := textTable{tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)}
	table.row("RECORD", "REJECTED (UTC)", "REASON", "FROM", "CALL", "EVENT", "BYTES", "DETAIL")
	counts := map[schemas.RejectReason]int{}
	for _, r := range records {
		counts[r.Reason]++
		table.row(r.Place.String(), clock(r.RejectedAt), string(r.Reason), origin(r.Origin), cmp.Or(number(r.CallID), "-"),
			cmp.Or(printable(r.Event), "-"), strconv.FormatInt(r.BodySize, 10), printable(r.Detail))
	}
	table.end()
	out.WriteString(summary(counts) + "\n")
	_, err := out.WriteTo(w)
	return err
}

// origin is where a record came from: its source, or the place in a topic at which it
// was refused.
func origin(o schemas.Origin) string {
	from := cmp.Or(printable(o.Source), "unknown")
	if o.Topic != "" {
		from += fmt.Sprintf(" (%s %d:%d)", o.Topic, o.Partition, o.Offset)
	}
	return from
}

// summary counts by reason, the most frequent first.
func summary(counts map[schemas.RejectReason]int) string {
	var parts []string
	for _, reason := range slices.SortedFunc(maps.Keys(counts), func(a, b schemas.RejectReason) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	}) {
		parts = append(parts, fmt.Sprintf("%s %d", reason, counts[reason]))
	}
	return strings.Join(parts, ", ")
}
