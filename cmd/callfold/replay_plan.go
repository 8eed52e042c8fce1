package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/outcomes"
	"github.com/callfold/callfold/internal/replay"
	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/settings"
)

// replayPlan are the flags of the command.
type replayPlan struct {
	filter  replayFilter
	rematch bool
	file    string
	dir     string
	timeout time.Duration
	format  *output
}

// replayFilter are the flags that choose calls.
type replayFilter struct {
	from, to            string
	numbers             []int64
	agents, kinds, tags []string
	outcomes            []string
	unmatched           bool
}

// planned is what the command prints as JSON.
type planned struct {
	File string `json:"file"`
	replay.Header
}

func newReplayPlanCommand(g *globals) *cobra.Command {
	var p replayPlan
	cmd := &cobra.Command{
		Use:   "plan [CALL...]",
		Short: "Show what a rebuild of Salesforce would change",
		Long: `Compute the Task wanted of each call from the topic calls and the present settings,
compare it with what Salesforce holds now, and show what a rebuild would change: counts,
the fields that differ most often, what it takes. Every change goes into a file, a line of
JSON for each call with the field's two values and the rule; 'callfold replay apply'
carries it out. Nothing is written to Salesforce.

All calls are looked at, or those that are named by their Aircall ids or chosen by flags;
where several flags are given a call must fit each. Calls stay with the record that they
were logged on (rule M9) unless --rematch is given; calls without one are always matched
anew. A field that people changed in Salesforce is counted as edited: it would be
overwritten, unless tasks.preserve_edits names it.

Above 2,000 calls all Tasks with the external id are read by one bulk query. The file holds
what Tasks hold, and only its owner can read it.

The user needs the rights DESCRIBE and READ on the topics calls and tasks, and in Salesforce
those of the sink.`,
		Example: `  callfold replay plan
  callfold replay plan --from 2026-11-01T00:00:00Z --kind missed --file november.plan
  callfold replay plan 910400155 --rematch --output json`,
		RunE: func(cmd *cobra.Command, args []string) error { return p.run(cmd, g, args) },
	}
	flags := cmd.Flags()
	p.filter.flags(cmd)
	flags.BoolVar(&p.rematch, "rematch", false, "look for the Salesforce record of each call anew")
	flags.StringVar(&p.file, "file", "", "`file` for the plan (default: callfold-TIME.plan in this folder)")
	flags.StringVar(&p.dir, "dir", "", "`folder` for files meanwhile, about as large as calls and tasks (default: the system's)")
	timeoutFlag(cmd, &p.timeout)
	p.format = outputFlag(cmd)
	return cmd
}

func (f *replayFilter) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "calls created at this `time` or later, such as 2026-11-01T00:00:00Z")
	flags.StringVar(&f.to, "to", "", "calls created before this `time`")
	flags.Int64SliceVar(&f.numbers, "number", nil, "calls of the Aircall numbers with these `ids`")
	flags.StringSliceVar(&f.agents, "agent", nil, "calls of Aircall users with these ids or `e-mails`")
	flags.StringSliceVar(&f.kinds, "kind", nil, "calls of these `kinds`, such as missed (rule L3)")
	flags.StringSliceVar(&f.tags, "tag", nil, "calls with one of these `tags`")
	flags.StringSliceVar(&f.outcomes, "outcome", nil, "calls with these `outcomes`, such as rejected")
	flags.BoolVar(&f.unmatched, "unmatched", false, "calls that belong to no Salesforce record")
}

// filter is what the arguments and flags choose.
func (f *replayFilter) filter(args []string) (r replay.Filter, err error) {
	r = replay.Filter{Numbers: f.numbers, Agents: f.agents, Kinds: f.kinds, Tags: f.tags, Unmatched: f.unmatched}
	if r.From, err = timeOf("--from", f.from); err != nil {
		return r, err
	}
	if r.To, err = timeOf("--to", f.to); err != nil {
		return r, err
	}
	if r.Outcomes, err = outcomes.ParseResults(f.outcomes); err != nil {
		return r, fmt.Errorf("--outcome: %w", err)
	}
	for _, arg := range args {
		id, err := callID(arg)
		if err != nil {
			return r, err
		}
		if r.IDs == nil {
			r.IDs = map[int64]bool{}
		}
		r.IDs[id] = true
	}
	return r, r.Check()
}

// timeOf reads the value of a flag, the zero time where it is empty.
func timeOf(flag, value string) (at time.Time, err error) {
	if value == "" {
		return at, nil
	}
	if at, err = time.Parse(time.RFC3339, value); err != nil {
		return at, fmt.Errorf("%s %q is no time such as 2026-11-01T00:00:00Z", flag, value)
	}
	return at, nil
}

// planner is what plans are made with.
type planner struct {
	settings settings.Settings
	client   *salesforce.Client
	options  replay.Options
}

// newPlanner makes one for the settings. Its files are in a folder of its own in dir,
// which remove removes.
func newPlanner(ctx context.Context, s settings.Settings, client *kgo.Client, dir string) (p *planner, remove func(), err error) {
	sink, org, err := app.Preview(s)
	if err != nil {
		return nil, nil, err
	}
	folder, err := os.MkdirTemp(dir, "callfold-plan-")
	if err != nil {
		return nil, nil, fmt.Errorf("making a folder for the files: %w", err)
	}
	p = &planner{settings: s, client: org, options: replay.Options{
		Kafka: client, Calls: kafka.TopicName(s.Kafka, kafka.Calls), Tasks: kafka.TopicName(s.Kafka, kafka.Tasks),
		Sink: sink, Org: org, Dir: folder, Lot: bulkLot(ctx, s, client),
	}}
	return p, func() { _ = os.RemoveAll(folder) }, nil // it is a temporary one
}

// bulkLot is how many rewrites at once the lanes of the sink, as many as there are now,
// write by bulk jobs. Whoever may not ask that gets an estimate without any.
func bulkLot(ctx context.Context, s settings.Settings, client *kgo.Client) int {
	members, _, err := kafka.Members(ctx, kadm.NewClient(client), kafka.GroupName(s.Kafka, kafka.SinkGroup))
	if err != nil {
		return 0
	}
	return replay.Lot(app.BulkRewrites(s.Sink), members, s.Kafka.Partitions)
}

// make plans, and tells on stderr how far it is.
func (p *planner) make(ctx context.Context, cmd *cobra.Command, each func(replay.Row) error) (replay.Summary, error) {
	o := p.options
	o.Progress = &replay.Progress{}
	defer reportPlanning(ctx, cmd, o.Progress)()
	return replay.Make(ctx, o, each)
}

// reportPlanning tells on stderr how far a reading is, until done is called.
func reportPlanning(ctx context.Context, cmd *cobra.Command, p *replay.Progress) (done func()) {
	return reportProgress(ctx, cmd, func() (int64, int64, string) {
		if chosen := p.Chosen.Load(); chosen > 0 {
			return p.Planned.Load(), chosen, "calls compared"
		}
		return p.Done.Load(), p.Total.Load(), "records read"
	})
}

// header says what a plan is of.
func (p *planner) header(ctx context.Context, now time.Time) (h replay.Header, err error) {
	user, err := p.client.UserID(ctx)
	if err != nil {
		return h, fmt.Errorf("signing in to Salesforce: %w", err)
	}
	rules := sha256.Sum256(fmt.Appendf(nil, "%+v", p.settings.Settings))
	return replay.Header{
		MadeAt: now.UTC(), Calls: p.options.Calls, Org: p.settings.Salesforce.LoginURL + " as " + user, Settings: hex.EncodeToString(rules[:]),
		Filter: p.options.Filter, Rematch: p.options.Rematch,
	}, nil
}

func (p *replayPlan) run(cmd *cobra.Command, g *globals, args []string) error {
	filter, err := p.filter.filter(args)
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	s, err := g.load(settings.ForSink)
	if err != nil {
		return err
	}
	return reachKafka(cmd, g, p.timeout, "callfold-replay-plan", nil, func(ctx context.Context, client *kgo.Client, _ settings.Settings) (err error) {
		plans, remove, err := newPlanner(ctx, s, client, p.dir)
		if err != nil {
			return err
		}
		defer remove()
		plans.options.Filter, plans.options.Rematch = filter, p.rematch
		now := time.Now()
		path := cmp.Or(p.file, now.UTC().Format("callfold-20060102T150405Z.plan"))
		header, err := plans.header(ctx, now)
		if err != nil {
			return err
		}
		file, err := replay.NewWriter(path)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		if header.Summary, err = plans.make(ctx, cmd, file.Add); err != nil {
			return err
		}
		if err := file.Finish(&header); err != nil {
			return err
		}
		if *p.format == jsonOutput {
			return errors.Join(printJSON(cmd.OutOrStdout(), planned{path, header}), unknownProblem(filter, header.Summary.Calls))
		}
		return errors.Join(printPlan(cmd.OutOrStdout(), path, header.Summary), unknownProblem(filter, header.Summary.Calls))
	})
}

// mostFields is how many fields the text names.
const mostFields = 12

func printPlan(w io.Writer, path string, s replay.Summary) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var errs []error
	line := func(n int64, what string) {
		_, err := fmt.Fprintf(out, "%d\t%s\n", n, what)
		errs = append(errs, err)
	}
	line(s.Calls, "calls looked at")
	line(s.Create, "Tasks to create")
	line(s.Recreate, "Tasks that are gone, to create anew")
	line(s.Update, "Tasks to update")
	line(s.Unchanged, "unchanged")
	for _, rest := range []struct {
		n    int64
		what string
	}{
		{s.Edited, "of the updates overwrite what people changed"},
		{s.Kept, "keep what people changed (tasks.preserve_edits)"},
		{s.Waiting, "wait: not yet time to log (L2)"},
		{s.Skipped, "skipped by a rule (L3, L4, L7)"},
		{s.Erased, "erased"},
		{s.Moving, "are being written by live traffic, and were left out"},
		{s.Duplicated, "with several Tasks each, left as they are: merge them"},
	} {
		if rest.n > 0 {
			line(rest.n, rest.what)
		}
	}
	if len(s.Fields) > 0 {
		_, err := fmt.Fprintf(out, "\nUPDATES\tFIELD\n")
		errs = append(errs, err)
	}
	names := slices.SortedFunc(maps.Keys(s.Fields), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.Fields[b], s.Fields[a]), cmp.Compare(a, b))
	})
	for _, name := range names[:min(mostFields, len(names))] {
		line(s.Fields[name], name)
	}
	errs = append(errs, out.Flush())
	text := "\nNothing is to be done."
	if s.Changes() > 0 {
		text = fmt.Sprintf("\nApplying takes about %d API requests and %s.\nThe plan is in %s; carry it out with: callfold replay apply %s --reason …", s.Requests, about(s.Minutes), path, path)
	}
	_, err := fmt.Fprintln(w, text)
	return errors.Join(append(errs, err, hiddenProblem(s.Hidden))...)
}

// about is a number of minutes in words.
func about(minutes float64) string {
	if minutes < 1 {
		return "a minute"
	}
	return (time.Duration(minutes) * time.Minute).String()
}

// unknownProblem is the error of calls that were named and not found.
func unknownProblem(f replay.Filter, found int64) error {
	missing := int64(len(f.IDs)) - found
	if missing <= 0 {
		return nil
	}
	return fmt.Errorf("%d of the %s named: no state is known, or the flags do not choose it; see callfold call show", missing, callCount(len(f.IDs)))
}

// hiddenProblem is the error of a plan that could not see everything.
func hiddenProblem(partitions []int32) error {
	if len(partitions) == 0 {
		return nil
	}
	return fmt.Errorf("a transaction that stays open hides what was committed behind it in these partitions: %v; nothing is planned for that", partitions)
}
