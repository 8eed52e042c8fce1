package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/logcopy"
	"github.com/callfold/callfold/internal/settings"
)

// replayEvents are the flags of the command.
type replayEvents struct {
	beside
	withoutErased bool
}

func newReplayEventsCommand(g *globals) *cobra.Command {
	var r replayEvents
	cmd := &cobra.Command{
		Use:   "events --to NEW_PREFIX",
		Short: "Copy the log of events under another prefix, without erased calls",
		Long: `Copy the topic events to the topic of that name under another prefix. With
--without-erased the events of calls that were erased stay behind; only the erasures
themselves go along, so that these calls stay erased whatever comes. The order of each
call's events, keys, headers and times stay, offsets do not: calls is made anew from the
copy.

The topic is made, with as many partitions, if it is not there. One that is there may have
another number of partitions: then each event goes where its key belongs. One that holds
anything else is refused. An empty one is taken, whoever made it: name a prefix that no
other installation has. The copy may be killed and started again: it goes on where it was,
and nothing is copied twice. Run again later, it takes in what has come since. A call that
was erased after its events had been copied is told, and makes the exit code 1: then delete
the copy and make it once more. docs/privacy.md has all the steps.

The user needs the rights DESCRIBE and READ on events, DESCRIBE, READ, WRITE and CREATE on
the new topic, and WRITE on the transactional id that is its name with -copy behind it.`,
		Example: `  callfold replay events --to blue. --without-erased
  callfold replay events --to blue. --without-erased --output json > receipt.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.run(cmd, g) },
	}
	cmd.Flags().BoolVar(&r.withoutErased, "without-erased", false, "leave out the events of calls that were erased")
	r.addFlags(cmd)
	return cmd
}

func (r *replayEvents) run(cmd *cobra.Command, g *globals) error {
	const name = "callfold-replay-events"
	return r.reach(cmd, g, name, func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
		o := logcopy.Options{
			Client: client, Open: writers(s.Kafka, name), From: kafka.TopicName(s.Kafka, kafka.Events), WithoutErased: r.withoutErased,
		}
		var err error
		if o.To, err = r.name(cmd, s.Kafka, kafka.Events, false); err != nil {
			return err
		}
		if _, err := r.make(ctx, client, s.Kafka, kafka.Events); err != nil {
			return err
		}
		progress, done := reportReading(ctx, cmd, o.From)
		o.Progress = progress
		receipt, err := logcopy.Copy(ctx, o)
		done()
		if errors.As(err, new(*logcopy.ForeignError)) {
			return err
		}
		printed := r.print(cmd.OutOrStdout(), receipt)
		return cmp.Or(goesOn(ctx, err), printed, lateProblem(receipt))
	})
}

// lateProblem is the error of a copy that has events of erased calls.
func lateProblem(r logcopy.Receipt) error {
	if len(r.Late) == 0 {
		return nil
	}
	return fmt.Errorf("%s has events of erased calls (%s), copied before the erasure or come there since: delete that topic and copy once more, or under another prefix", r.To, callCount(len(r.Late)))
}

func (r *replayEvents) print(w io.Writer, receipt logcopy.Receipt) error {
	if *r.format == jsonOutput {
		return printJSON(w, receipt)
	}
	again := ""
	if receipt.Resumed {
		again = ", going on with an earlier copy"
	}
	_, err := fmt.Fprintf(w, "%d events copied from %s to %s%s; %d of %s left out\n",
		receipt.Copied, receipt.From, receipt.To, again, receipt.LeftOut, callCount(len(receipt.Calls)))
	return err
}
