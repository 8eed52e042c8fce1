package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/verify"
)

// verifyCommand are the flags of the command.
type verifyCommand struct {
	from, to string
	dir      string
	prefix   string
	repair   bool
	yes      bool
	timeout  time.Duration
	format   *output
}

// verified is what the command prints as JSON.
type verified struct {
	Events      int64               `json:"events"`
	Unfoldable  int64               `json:"unfoldable"` // they are in the topic rejected
	Calls       int64               `json:"calls"`
	Missing     int64               `json:"missing"`
	Extra       int64               `json:"extra"`
	Different   int64               `json:"different"`
	Differences []verify.Difference `json:"differences"` // the first 100
	Unknown     []int64             `json:"unknown"`     // of the calls that were named
	Cut         []int32             `json:"cut_partitions"`
	Hidden      []int32             `json:"hidden_partitions"`
	Repaired    int64               `json:"repaired"`
}

func newVerifyCommand(g *globals) *cobra.Command {
	var v verifyCommand
	cmd := &cobra.Command{
		Use:   "verify [CALL...]",
		Short: "Fold all events again and compare with the topic calls",
		Long: `Fold all events again and compare the result with the topic calls, byte for byte: all
calls, those that are named by their Aircall ids, or those with an event that was received
in a range of time. It tells which calls are missing, which nothing in events makes, and
which differ: the first field that does, and the events. Nothing of the calls' contents is
shown. Exit code 1 on any difference, and where the log has no event of a call that is named.

The processor may go on meanwhile: of each partition that part of events is folded for
which calls accounts. All cores are used; what is folded lies in files in --dir, which
takes about as much room as the topic calls.

With --calls-prefix the topic calls under another prefix is compared, such as one that
'callfold replay state' has made; it is right as far as it accounts for events.

With --repair the right states are written to calls, after a question that --yes answers.
No processor may run then, nor can one begin meanwhile: Kafka refuses the writes of whoever
is not alone in the group. The sink takes the states as it takes any other.

The user needs the rights DESCRIBE and READ on the topics events and calls and on the
processor's group; with --repair also WRITE on calls, and WRITE on the transactional id
that is the group's name with -verify behind it.`,
		Example: `  callfold verify
  callfold verify 910400155
  callfold verify --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z --output json
  callfold verify --repair
  callfold verify --calls-prefix blue.`,
		RunE: func(cmd *cobra.Command, args []string) error { return v.run(cmd, g, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&v.from, "from", "", "only calls with an event received at this `time` or later (RFC 3339)")
	flags.StringVar(&v.to, "to", "", "only calls with an event received before this `time` (RFC 3339)")
	flags.StringVar(&v.dir, "dir", "", "an existing `directory` for the files (default: that of the system)")
	flags.StringVar(&v.prefix, "calls-prefix", "", "compare the topic calls of this `prefix` instead of the one of the settings")
	flags.BoolVar(&v.repair, "repair", false, "write the right states to the topic calls")
	flags.BoolVar(&v.yes, "yes", false, "do not ask before the repair")
	timeoutFlag(cmd, &v.timeout)
	v.format = outputFlag(cmd)
	return cmd
}

// options is what the arguments and flags ask for.
func (v *verifyCommand) options(cmd *cobra.Command, args []string) (verify.Options, error) {
	var o verify.Options
	for _, arg := range args {
		id, err := callID(arg)
		if err != nil {
			return o, usagef(cmd, "%w", err)
		}
		o.IDs = append(o.IDs, id)
	}
	for _, bound := range []struct {
		flag, value string
		to          *time.Time
	}{{"--from", v.from, &o.From}, {"--to", v.to, &o.To}} {
		if bound.value == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, bound.value)
		if err != nil {
			return o, usagef(cmd, "%s %q is no time such as 2026-11-01T00:00:00Z", bound.flag, bound.value)
		}
		*bound.to = at
	}
	switch {
	case !o.From.IsZero() && !o.To.IsZero() && !o.From.Before(o.To):
		return o, usagef(cmd, "--from is not before --to")
	case v.repair && v.prefix != "":
		return o, usagef(cmd, "--repair is for the topic of the settings; another one is mended by callfold replay state")
	}
	return o, askable(cmd, v.yes || !v.repair, "look at what is wrong without --repair")
}

func (v *verifyCommand) run(cmd *cobra.Command, g *globals, args []string) error {
	o, err := v.options(cmd, args)
	if err != nil {
		return err
	}
	if o.Dir, err = os.MkdirTemp(v.dir, "callfold-verify-"); err != nil {
		return fmt.Errorf("making a directory for the files: %w", err)
	}
	defer func() { _ = os.RemoveAll(o.Dir) }() // it is a temporary one
	return reachKafka(cmd, g, v.timeout, "callfold-verify", nil, func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
		o.Client, o.Progress = client, &verify.Progress{}
		o.Events, o.Calls = kafka.TopicName(s.Kafka, kafka.Events), kafka.TopicName(s.Kafka, kafka.Calls)
		o.Group = kafka.GroupName(s.Kafka, kafka.ProcessorGroup)
		if v.prefix != "" { // no group stands for how far it should be
			o.Calls, o.Group = kafka.TopicName(kafka.Under(s.Kafka, v.prefix), kafka.Calls), ""
		}
		done := reportProgress(ctx, cmd, func() (int64, int64, string) {
			return o.Progress.Done.Load(), o.Progress.Total.Load(), "records read"
		})
		found, err := verify.Run(ctx, o)
		done()
		if err != nil {
			return err
		}
		defer func() { _ = found.Close() }() // its files are removed
		repaired, err := v.mend(ctx, cmd, s, found)
		return cmp.Or(err, v.print(cmd.OutOrStdout(), &found.Report, repaired), v.verdict(&found.Report, repaired))
	})
}

// mend asks, and writes the right states.
func (v *verifyCommand) mend(ctx context.Context, cmd *cobra.Command, s settings.Settings, found *verify.Verification) (repaired int64, err error) {
	wrong := found.Report.Wrong()
	if !v.repair || wrong == 0 {
		return 0, nil
	}
	question := fmt.Sprintf("Write the right states of %s (%d missing, %d extra, %d different)?", callCount(int(wrong)), found.Report.Missing, found.Report.Extra, found.Report.Different)
	if err := confirm(ctx, cmd, v.yes, question); err != nil {
		return 0, err
	}
	return found.Repair(ctx, writers(s.Kafka, "callfold-verify"))
}

// verdict is the error of a verification that found something.
func (v *verifyCommand) verdict(r *verify.Report, repaired int64) error {
	var unknown error
	if len(r.Unknown) > 0 {
		unknown = fmt.Errorf("the log has no event of these calls, as far as the processor has come, and in the time that is asked about: %v", r.Unknown)
	}
	switch {
	case len(r.Cut) > 0:
		return fmt.Errorf("the oldest records of these partitions of events are gone: %v; calls that began in them look extra or different", r.Cut)
	case len(r.Hidden) > 0:
		return fmt.Errorf("a transaction that stays open hides what was committed behind it in these partitions: %v; nothing is known of that", r.Hidden)
	case r.Wrong() > repaired && v.prefix != "":
		return errors.Join(fmt.Errorf("%s not as the events make them; callfold replay state --to %s writes the right states", callCount(int(r.Wrong())), v.prefix), unknown)
	case r.Wrong() > repaired:
		return errors.Join(fmt.Errorf("%s not as the events make them; --repair writes the right states", callCount(int(r.Wrong()-repaired))), unknown)
	}
	return unknown
}

func (v *verifyCommand) print(w io.Writer, r *verify.Report, repaired int64) error {
	if *v.format == jsonOutput {
		return printJSON(w, verified{r.Events, r.Unfoldable, r.Calls, r.Missing, r.Extra, r.Different, r.Differences, r.Unknown, r.Cut, r.Hidden, repaired})
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var errs []error
	line := func(format string, args ...any) {
		_, err := fmt.Fprintf(out, format+"\n", args...)
		errs = append(errs, err)
	}
	if len(r.Differences) > 0 {
		line("CALL\tIS\tFIELD\tEVENTS")
	}
	for _, d := range r.Differences {
		line("%d\t%s\t%s\t%s", d.CallID, d.Kind, cmp.Or(d.Field, "-"), eventList(d.Events))
	}
	errs = append(errs, out.Flush())
	if shown := int64(len(r.Differences)); shown < r.Wrong() {
		line("and %d more", r.Wrong()-shown)
	}
	line("%d events of %s folded, %d others; missing %d, extra %d, different %d", r.Events, callCount(int(r.Calls)), r.Unfoldable, r.Missing, r.Extra, r.Different)
	if v.repair {
		line("%d repaired", repaired)
	}
	return errors.Join(append(errs, out.Flush())...)
}

// eventList names the events of a call with their offsets, shortly.
func eventList(events []verify.Event) string {
	const most = 6
	text := ""
	for i, e := range events {
		if i == most {
			return text + fmt.Sprintf(" and %d more", len(events)-most)
		}
		if i > 0 {
			text += " "
		}
		text += fmt.Sprintf("%s@%d", e.Name, e.Offset)
	}
	return text
}
