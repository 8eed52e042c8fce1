package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/rejects"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/schemas"
)

// shownReject is a record as the command prints it as JSON.
type shownReject struct {
	Record     rejects.Place          `json:"record"`
	RejectedAt time.Time              `json:"rejected_at"`
	Rejected   schemas.RejectedRecord `json:"rejected"`
	// Refusal is why it cannot be redriven as it is, empty where it can.
	Refusal string `json:"redrive_refusal,omitzero"`
}

func newRejectedShowCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show PARTITION:OFFSET",
		Short: "Show one of the records that could not be used, with its body",
		Long: `Show a record of the topic rejected, by its partition and offset there: why it was
rejected, where it came from, whether it can be redriven as it is, and its body as it was
kept, without its token. The body may hold names, numbers and notes.

It only reads: the user needs the rights DESCRIBE and READ on the topic rejected.`,
		Example: `  callfold rejected show 3:17
  callfold rejected show 3:17 --output json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name one record as PARTITION:OFFSET, such as 3:17")
			}
			_, err := rejects.ParsePlace(args[0])
			return err
		},
	}
	format := outputFlag(cmd)
	var timeout time.Duration
	timeoutFlag(cmd, &timeout)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		at, _ := rejects.ParsePlace(args[0]) // Args has looked at it
		return withKafka(cmd, g, timeout, "callfold-rejected-show", func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
			topic := rejectedTopic(s)
			found, err := partition.Lookup(ctx, client, topic)
			if err != nil {
				return err
			}
			r, err := rejects.Get(ctx, found, topic, at)
			if err != nil {
				return err
			}
			shown := shownReject{Record: r.Place, RejectedAt: r.RejectedAt.UTC(), Rejected: r.RejectedRecord}
			if _, err := r.Redrive(kafka.TopicName(s.Kafka, kafka.Events), nil, time.Now()); err != nil {
				shown.Refusal = err.Error()
			}
			if *format == jsonOutput {
				return printJSON(cmd.OutOrStdout(), shown)
			}
			return printReject(cmd.OutOrStdout(), r, shown.Refusal)
		})
	}
	return cmd
}

// printReject writes a record for a person at a terminal, its body last.
func printReject(w io.Writer, r rejects.Record, refusal string) error {
	var out bytes.Buffer
	table := textTable{tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)}
	table.row("record", r.Place.String())
	table.row("rejected", clock(r.RejectedAt))
	table.known("received", unixMilli(r.ReceivedAt))
	table.row("reason", string(r.Reason))
	table.known("detail", printable(r.Detail))
	table.row("from", origin(r.Origin))
	table.known("event", printable(r.Event))
	table.known("call", number(r.CallID))
	body, whole := r.Kept()
	size := fmt.Sprintf("%d bytes", r.BodySize)
	if !whole {
		size += fmt.Sprintf(", of which the first %d were kept", len(body))
	}
	table.row("body", size)
	if refusal == "" {
		refusal = "possible"
	}
	table.row("redrive", refusal)
	table.end()
	text := printable(r.Body)
	if r.BodyBase64 != nil {
		text = "in base64: " + base64.StdEncoding.EncodeToString(body)
	}
	out.WriteString(text + "\n")
	_, err := out.WriteTo(w)
	return err
}
