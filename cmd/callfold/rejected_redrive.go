package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/rejects"
	"github.com/callfold/callfold/internal/settings"
)

// rejectedRedrive are the flags of the command.
type rejectedRedrive struct {
	reason      []string
	body        string
	yes, dryRun bool
	timeout     time.Duration
	format      *output
}

// redriven is what the command prints as JSON.
type redriven struct {
	Records []rejects.Place `json:"records"` // those that go into events again
	Sent    int             `json:"sent"`    // of which Kafka has acknowledged so many
	DryRun  bool            `json:"dry_run"`
	Refused []unredriven    `json:"refused"` // those that were chosen and would come back
}

// unredriven is a record that was chosen, and why it is not sent.
type unredriven struct {
	Record rejects.Place `json:"record"`
	Why    string        `json:"why"`
}

func newRejectedRedriveCommand(g *globals) *cobra.Command {
	var r rejectedRedrive
	cmd := &cobra.Command{
		Use:   "redrive [PARTITION:OFFSET...]",
		Short: "Put mended records into the topic events again",
		Long: `Put records of the topic rejected into the topic events again: those that are named by
partition and offset, or all with a reason. The body goes there as it was kept, or, of one
record, as --body has it, under its call's id, received now, with the source that it had
and a header redriven that names the record. So the processor folds it as any other event.

Each is judged first as the webhook's endpoint and the fold judge it. What would come back
is refused with the reason, and so is what cannot be an event: records of other topics,
bodies of which only the beginning was kept, and commands, which are to be given again.
The rest is done, and the exit code is then 1.

The number is shown and a question asked; --yes answers it, and is needed where nobody can
be asked. To redrive a record twice does no harm: folding an event again changes nothing.
The record stays in rejected until its 30 days are over.

The user needs the rights DESCRIBE and READ on the topic rejected, DESCRIBE and WRITE on
events, DESCRIBE on the processor's group, and IDEMPOTENT_WRITE on the cluster of a Kafka
before 2.8.`,
		Example: `  callfold rejected redrive 3:17 5:2
  callfold rejected redrive 3:17 --body mended.json
  callfold rejected redrive --reason future_time --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd, g, args) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&r.reason, "reason", nil, "all with these `reasons`, separated by commas")
	flags.StringVar(&r.body, "body", "", "a `file` with the corrected body, for one record")
	flags.BoolVar(&r.yes, "yes", false, "do not ask")
	flags.BoolVar(&r.dryRun, "dry-run", false, "show what would be sent, send nothing")
	timeoutFlag(cmd, &r.timeout)
	r.format = outputFlag(cmd)
	must(cmd.MarkFlagFilename("body", "json"))
	return cmd
}

func (r *rejectedRedrive) run(cmd *cobra.Command, g *globals, args []string) error {
	places, filter, err := r.chosen(args)
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	if err := askable(cmd, r.yes || r.dryRun, "look at what will be done with --dry-run"); err != nil {
		return err
	}
	var corrected []byte
	if r.body != "" {
		if corrected, err = os.ReadFile(r.body); err != nil {
			return usagef(cmd, "--body: %w", err)
		}
		if size := len(corrected); len(bytes.TrimSpace(corrected)) == 0 && size > 0 {
			return usagef(cmd, "--body: %s has %d bytes, all of them blanks", r.body, size)
		}
		if corrected = bytes.TrimSpace(corrected); len(corrected) == 0 {
			return usagef(cmd, "--body: %s is empty", r.body)
		}
	}
	return sendCommands(cmd, g, r.timeout, "callfold-rejected-redrive", r.dryRun, func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
		topic := rejectedTopic(s)
		if len(places) == 0 {
			listing, err := readRejected(ctx, cmd, client, topic, filter)
			if err != nil {
				return err
			}
			for _, record := range slices.Backward(listing.Records) { // in the order in which they came
				places = append(places, record.Place)
			}
		}
		found, err := partition.Lookup(ctx, client, topic)
		if err != nil {
			return err
		}
		d := driver{client: client, found: found, topic: topic, events: kafka.TopicName(s.Kafka, kafka.Events), corrected: corrected}
		return r.redrive(ctx, cmd, d, places)
	})
}

// chosen is what the arguments and flags choose.
func (r *rejectedRedrive) chosen(args []string) (places []rejects.Place, filter rejects.Filter, err error) {
	switch {
	case len(args) == 0 && len(r.reason) == 0:
		return nil, filter, errors.New("say which records: name them as PARTITION:OFFSET, or give --reason")
	case len(args) > 0 && len(r.reason) > 0:
		return nil, filter, errors.New("name records, or choose them by --reason, not both")
	case r.body != "" && len(args) != 1:
		return nil, filter, errors.New("--body is for one record: name it as PARTITION:OFFSET")
	}
	if filter.Reasons, err = rejects.ParseReasons(r.reason); err != nil {
		return nil, filter, fmt.Errorf("--reason: %w", err)
	}
	for _, arg := range args {
		place, err := rejects.ParsePlace(arg)
		if err != nil {
			return nil, filter, err
		}
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places, filter, nil
}

// redrive judges the records, asks, and sends those that are accepted.
func (r *rejectedRedrive) redrive(ctx context.Context, cmd *cobra.Command, d driver, places []rejects.Place) error {
	done := redriven{DryRun: r.dryRun}
	for _, at := range places {
		if _, why, err := d.record(ctx, at); err != nil {
			return err
		} else if why != nil {
			done.Refused = append(done.Refused, unredriven{at, why.Error()})
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "record %v: %v\n", at, why)
		} else {
			done.Records = append(done.Records, at)
		}
	}
	var err error
	if n := len(done.Records); n > 0 && !r.dryRun {
		if err = confirm(ctx, cmd, r.yes, fmt.Sprintf("Put %s into %s again?", recordCount(n), d.events)); err == nil {
			done.Sent, err = d.send(ctx, done.Records)
		}
	}
	err = cmp.Or(err, r.print(cmd, done))
	if err == nil && len(done.Refused) > 0 {
		err = fmt.Errorf("%d of %s cannot be redriven", len(done.Refused), recordCount(len(places)))
	}
	return err
}

func (r *rejectedRedrive) print(cmd *cobra.Command, done redriven) error {
	if *r.format == jsonOutput {
		return printJSON(cmd.OutOrStdout(), done)
	}
	text := fmt.Sprintf("%d of %d records sent", done.Sent, len(done.Records))
	switch {
	case len(done.Records) == 0:
		text = "no records to redrive"
	case done.DryRun:
		text = fmt.Sprintf("%s would go into events again: %v; nothing was sent (--dry-run)", recordCount(len(done.Records)), done.Records)
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), text)
	return err
}

// driver sends records.
type driver struct {
	client        *kgo.Client
	found         *partition.Topics
	topic, events string
	corrected     []byte
}

// record is what a record becomes in events, or why it is refused.
func (d driver) record(ctx context.Context, at rejects.Place) (r *kgo.Record, refusal, err error) {
	rejected, err := rejects.Get(ctx, d.found, d.topic, at)
	if errors.Is(err, rejects.ErrGone) {
		return nil, rejects.ErrGone, nil
	}
	if err != nil {
		return nil, nil, err
	}
	r, refusal = rejected.Redrive(d.events, d.corrected, time.Now())
	return r, refusal, nil
}

// together is how many records are held and sent at once.
const together = 50

// send sends records that were accepted a moment ago.
func (d driver) send(ctx context.Context, places []rejects.Place) (sent int, err error) {
	for some := range slices.Chunk(places, together) {
		if ctx.Err() != nil {
			return sent, ctx.Err()
		}
		records := make([]*kgo.Record, 0, len(some))
		for _, at := range some {
			r, refusal, err := d.record(ctx, at)
			if err = errors.Join(refusal, err); err != nil {
				return sent, fmt.Errorf("record %v: %w", at, err)
			}
			records = append(records, r)
		}
		n, err := command.Publish(ctx, d.client, records)
		if sent += n; err != nil {
			return sent, err
		}
	}
	return sent, nil
}
