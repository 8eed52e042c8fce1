package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/rebuild"
	"github.com/callfold/callfold/internal/settings"
)

// replayState are the flags of the command.
type replayState struct {
	beside
	dir      string
	switches bool
}

func newReplayStateCommand(g *globals) *cobra.Command {
	var r replayState
	cmd := &cobra.Command{
		Use:   "state --to NEW_PREFIX",
		Short: "Make the topic calls anew under another prefix, beside the live one",
		Long: `Fold all events again and write the states to the topic calls under another prefix, while
the stages work with the present one. It is in no group and reads only. Events are folded
as far as the processor's group has come. The topic is made, with as many partitions, if
it is not there; one that is there and was not made by this command is refused, also when
it is empty, but an empty one that kafka.calls_prefix names already is taken by --switch.
The command may be killed and started again; run again later it writes what has changed
since. Two builds of one log up to the same offsets hold the same bytes; the hash is
printed.

When 'callfold verify --calls-prefix NEW_PREFIX' finds nothing wrong, stop the processor
and the sink and run the command with --switch: it catches up, and hands over to both
stages where they go on. Then set kafka.calls_prefix to the new prefix and start them.
docs/rebuilding.md has all the steps. What is folded lies in files in --dir, which takes
about as much room as the topic calls.

The user needs the rights DESCRIBE and READ on events and on the processor's and the
sink's groups, DESCRIBE, READ, WRITE and CREATE on the new topic, and WRITE on the
transactional ids that are its name with -rebuild-0, -rebuild-1, … behind it; with
--switch also DESCRIBE, READ and WRITE on tasks, and WRITE on the transactional ids that
are the names of the two groups with -switch behind them.`,
		Example: `  callfold replay state --to blue.
  callfold replay state --to blue. --output json > build.json
  callfold replay state --to blue. --switch`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.run(cmd, g) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&r.switches, "switch", false, "catch up and hand over to the stages, which are stopped")
	flags.StringVar(&r.dir, "dir", "", "an existing `directory` for the files (default: that of the system)")
	r.addFlags(cmd)
	return cmd
}

func (r *replayState) run(cmd *cobra.Command, g *globals) error {
	const name = "callfold-replay-state"
	dir, err := os.MkdirTemp(r.dir, name+"-")
	if err != nil {
		return fmt.Errorf("making a directory for the files: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is a temporary one
	return r.reach(cmd, g, name, func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
		o := rebuild.Options{
			Client: client, Dir: dir, Progress: &rebuild.Progress{},
			Events: kafka.TopicName(s.Kafka, kafka.Events), Open: writers(s.Kafka, name), Own: r.to == s.Kafka.CallsPrefix,
			Processor: kafka.GroupName(s.Kafka, kafka.ProcessorGroup), Sink: kafka.GroupName(s.Kafka, kafka.SinkGroup),
		}
		var err error
		if o.Calls, err = r.name(cmd, s.Kafka, kafka.Calls, r.switches); err != nil {
			return err
		}
		made, err := r.make(ctx, client, s.Kafka, kafka.Calls)
		if err == nil && made {
			err = rebuild.Claim(ctx, o)
		}
		switch {
		case err != nil && made:
			return fmt.Errorf("%w\nDelete the topic %s before the next try: it was made, and may lack the records by which it is known", err, o.Calls)
		case err != nil:
			return err
		}
		done := reportProgress(ctx, cmd, func() (int64, int64, string) {
			what := fmt.Sprintf("records read, %d states written", o.Progress.Written.Load())
			return o.Progress.Done.Load(), o.Progress.Total.Load(), what
		})
		report, err := r.work(ctx, o, kafka.TopicName(s.Kafka, kafka.Tasks))
		done()
		if err != nil {
			return goesOn(ctx, err)
		}
		return r.print(cmd.OutOrStdout(), o, report)
	})
}

func (r *replayState) work(ctx context.Context, o rebuild.Options, tasks string) (rebuild.Switched, error) {
	if r.switches {
		return rebuild.Switch(ctx, o, tasks)
	}
	report, err := rebuild.Build(ctx, o)
	return rebuild.Switched{Report: report}, err
}

func (r *replayState) print(w io.Writer, o rebuild.Options, report rebuild.Switched) error {
	if *r.format == jsonOutput {
		if r.switches {
			return printJSON(w, report)
		}
		return printJSON(w, report.Report)
	}
	next := "Compare it: callfold verify --calls-prefix " + r.to
	if r.switches {
		next = fmt.Sprintf("Switched: %d calls have a state that the sink will look at.\nSet kafka.calls_prefix to %s and start the stages", report.Pending, r.to)
	}
	_, err := fmt.Fprintf(w, "%d events of %s folded from %s, %d others; in %s %d states written, %d removed\nhash %s\n",
		report.Events, callCount(int(report.Calls)), o.Events, report.Unfoldable, o.Calls, report.Written, report.Removed, report.Hash)
	_, hint := fmt.Fprintln(w, next)
	return cmp.Or(err, hint)
}
