package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/replay"
	"github.com/callfold/callfold/internal/settings"
)

// The command is config test; a file of that name would be one of tests.

// configTest are the flags of the command.
type configTest struct {
	against string
	base    string
	values  bool
	dir     string
	timeout time.Duration
	format  *output
}

// tested is what the command prints as JSON.
type tested struct {
	From time.Time `json:"from"` // calls created in Aircall since then
	Base string    `json:"base"` // the settings compared with; empty: what was written
	replay.Trial
}

func newConfigTestCommand(g *globals) *cobra.Command {
	var c configTest
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Try new settings on recorded calls",
		Long: `Try the settings of --config on recorded calls: which Tasks would change, before anybody
switches. They are compared with what was last written of each call, as the topic tasks
remembers it, or with what other settings want of the same calls (--base). Nothing is
written, and what Salesforce holds is not looked at; 'callfold replay plan' does that.

Counted are the calls that would have a Task and have none, those that would have none
(Tasks that exist stay as they are, rule L3), those whose Task would hold other values, and
the fields, with up to three calls each. The values are about people, and are shown only
with --show-values. What was written is remembered by hashes: the former values are known
with --base only.

Calls stay with the record that they were logged on (M9); for calls without one, and with
other rules for numbers or kinds, Salesforce is asked.

The user needs the rights DESCRIBE and READ on the topics calls and tasks, and in Salesforce
those of the sink.`,
		Example: `  callfold config test --config new.yaml
  callfold config test --config new.yaml --base callfold.yaml --against 7d --show-values
  callfold config test --config new.yaml --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd, g) },
	}
	flags := cmd.Flags()
	flags.StringVar(&c.against, "against", "30d", "calls created in this `time` up to now, such as 7d, 36h or LAST_30_DAYS")
	flags.StringVar(&c.base, "base", "", "settings `file` to compare with (default: what was written)")
	must(cmd.MarkFlagFilename("base", "yaml", "yml"))
	flags.BoolVar(&c.values, "show-values", false, "show the values of the examples")
	flags.StringVar(&c.dir, "dir", "", "`folder` for files meanwhile, about as large as calls and tasks (default: the system's)")
	timeoutFlag(cmd, &c.timeout)
	c.format = outputFlag(cmd)
	return cmd
}

// span reads a length of time: in days as 30d or, as Salesforce writes it,
// LAST_30_DAYS, or in smaller units as 36h.
func span(text string) (time.Duration, error) {
	days, ok := strings.CutSuffix(text, "d")
	if !ok {
		if last, found := strings.CutPrefix(text, "LAST_"); found {
			days, ok = strings.CutSuffix(last, "_DAYS")
		}
	}
	d, err := time.ParseDuration(text)
	if ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("--against %q is no time such as 30d, 36h or LAST_30_DAYS", text)
	}
	return d, nil
}

func (c *configTest) run(cmd *cobra.Command, g *globals) error {
	back, err := span(c.against)
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	s, err := g.load(settings.ForSink)
	if err != nil {
		return err
	}
	base := s
	if c.base != "" {
		if base, err = settings.LoadAndCheck(c.base, os.Environ(), settings.Offline); err != nil {
			return err
		}
		base.Salesforce = s.Salesforce // the rules are what is compared
	}
	return reachKafka(cmd, g, c.timeout, "callfold-config-test", nil, func(ctx context.Context, client *kgo.Client, _ settings.Settings) error {
		plans, remove, err := newPlanner(ctx, s, client, c.dir)
		if err != nil {
			return err
		}
		defer remove()
		o := replay.TrialOptions{Options: plans.options}
		o.Progress = &replay.Progress{}
		if c.base != "" {
			if o.Base, _, err = app.Preview(base); err != nil {
				return err
			}
		}
		done := tested{From: time.Now().Add(-back).UTC(), Base: c.base}
		o.Filter.From = done.From
		stop := reportPlanning(ctx, cmd, o.Progress)
		done.Trial, err = replay.Try(ctx, o)
		stop()
		if err != nil {
			return err
		}
		if !c.values {
			done.withoutValues()
		}
		if *c.format == jsonOutput {
			return errors.Join(printJSON(cmd.OutOrStdout(), done), hiddenProblem(done.Hidden))
		}
		return errors.Join(printTested(cmd.OutOrStdout(), &done), hiddenProblem(done.Hidden))
	})
}

// withoutValues takes what is about people out of the examples.
func (t *tested) withoutValues() {
	for _, field := range t.Fields {
		for i := range field.Examples {
			field.Examples[i].Before, field.Examples[i].Wanted = nil, nil
		}
	}
}

func printTested(w io.Writer, t *tested) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var errs []error
	line := func(format string, args ...any) {
		_, err := fmt.Fprintf(out, format+"\n", args...)
		errs = append(errs, err)
	}
	line("%d\tcalls since %s, compared with %s", t.Calls, t.From.Format("2006-01-02 15:04Z"), cmp.Or(t.Base, "what was written"))
	line("%d\twould have a Task, and have none now%s", t.More.Calls, classText(t.More))
	line("%d\twould have none: their Tasks stay as they are (L3)%s", t.Fewer.Calls, classText(t.Fewer))
	line("%d\twould have a Task with other values", t.Changed)
	line("%d\tunchanged", t.Unchanged)
	line("%d\thave no Task, now as then", t.Without)
	if t.Untold > 0 {
		line("%d\tcannot be compared: nothing was written of them yet, or it is not known what", t.Untold)
	}
	if len(t.Fields) > 0 {
		line("\nTASKS\tFIELD\tEXAMPLES")
	}
	names := slices.SortedFunc(maps.Keys(t.Fields), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.Fields[b].Calls, t.Fields[a].Calls), cmp.Compare(a, b))
	})
	for _, name := range names {
		field := t.Fields[name]
		line("%d\t%s\t%s", field.Calls, name, strings.Join(callsOf(field.Examples), ", "))
		for _, e := range field.Examples {
			switch {
			case e.Before != nil:
				line("\t\t%d: %s, was %s", e.CallID, quotedValue(e.Wanted), quotedValue(e.Before))
			case e.Wanted != nil:
				line("\t\t%d: %s", e.CallID, quotedValue(e.Wanted))
			}
		}
	}
	errs = append(errs, out.Flush())
	text := "\nNew calls follow the settings at once, these when something comes of them."
	switch rebuilt := t.More.Calls + t.Changed; {
	case rebuilt > 0:
		text += fmt.Sprintf("\nTo rebuild them now (callfold replay plan) takes about %d API requests and %s.", t.Requests, about(t.Minutes))
	case t.Fewer.Calls == 0:
		text = "\nThe settings change nothing for these calls."
	}
	_, err := fmt.Fprintln(w, text)
	return errors.Join(append(errs, err)...)
}

// quotedValue shows a value in one line.
func quotedValue(v any) string {
	if v == nil {
		return "empty"
	}
	return fmt.Sprintf("%q", fmt.Sprint(v))
}

// classText names the rules and the first calls.
func classText(c *replay.Class) string {
	if c.Calls == 0 {
		return ""
	}
	return fmt.Sprintf(" (by %s; such as %s)", strings.Join(slices.Sorted(maps.Keys(c.Rules)), ", "), strings.Join(callsOf(c.Examples), ", "))
}

func callsOf(examples []replay.Example) (ids []string) {
	for _, e := range examples {
		ids = append(ids, strconv.FormatInt(e.CallID, 10))
	}
	return ids
}
