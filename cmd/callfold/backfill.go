package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/aircall"
	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/backfill"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
)

// backfillCommand are the flags of the command.
type backfillCommand struct {
	from, to      string
	every, window time.Duration
	dryRun        bool
	timeout       time.Duration
	format        *output

	begin, end time.Time // from and to
}

func newBackfillCommand(g *globals) *cobra.Command {
	var b backfillCommand
	cmd := &cobra.Command{
		Use:   "backfill",
		Short: "Fetch calls from Aircall's REST API into the log",
		Long: `Fetch the calls that began in a range of time from Aircall's REST API into the topic
events: calls that webhooks never told of, ends that never came, late tags and notes. What is known
is never erased, and a call that was read before and did not change is not published again,
so it can be done at any time, and again. At the end it tells how complete the log was: which calls
Aircall has and the log lacked, and of which it knew no end. With --dry-run it only tells.

It keeps to Aircall's limit of requests and leaves a share of it to others
(aircall.api_reserve). A backfill that was stopped goes on where it was when it is given
the same --from again. Aircall keeps about six months of calls.

With --every it goes on until a signal ends it: each round reads the calls of the last
--window again, and those since the last round. Health and metrics are then on admin.listen.

The processor must have folded what is in events, or calls look missing that are not. The
user needs the rights DESCRIBE and READ on the topic calls, DESCRIBE and WRITE on events,
DESCRIBE on the processor's group, and IDEMPOTENT_WRITE on the cluster of a Kafka before
2.8. Exit code 1 if any part could
not be read in full.`,
		Example: `  callfold backfill --from 2026-11-01T00:00:00Z --dry-run
  callfold backfill --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z --output json
  callfold backfill --every 24h --window 72h --config callfold.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := b.check(cmd); err != nil {
				return err
			}
			if b.every > 0 {
				return b.goOn(cmd, g)
			}
			return b.once(cmd, g)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&b.from, "from", "", "calls that began at this `time` or later (RFC 3339); with --every, in the first round")
	flags.StringVar(&b.to, "to", "", "calls that began before this `time` (RFC 3339); default: 15 minutes ago")
	flags.DurationVar(&b.every, "every", 0, "go on, and begin a round each `time`, such as 24h")
	flags.DurationVar(&b.window, "window", 48*time.Hour, "how far back each round of --every reads")
	flags.BoolVar(&b.dryRun, "dry-run", false, "read and report, publish nothing")
	timeoutFlag(cmd, &b.timeout)
	b.format = outputFlag(cmd)
	cmd.MarkFlagsOneRequired("from", "every")
	for _, flag := range []string{"to", "dry-run", "output"} {
		cmd.MarkFlagsMutuallyExclusive("every", flag)
	}
	return cmd
}

// check looks at what a flag's type does not.
func (b *backfillCommand) check(cmd *cobra.Command) error {
	now := time.Now().Truncate(time.Second)
	b.end = now.Add(-backfill.Settle)
	for _, bound := range []struct {
		flag, value string
		to          *time.Time
	}{{"--from", b.from, &b.begin}, {"--to", b.to, &b.end}} {
		if bound.value == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, bound.value)
		if err != nil {
			return usagef(cmd, "%s %q is no time such as 2026-11-01T00:00:00Z", bound.flag, bound.value)
		}
		*bound.to = at.Truncate(time.Second)
	}
	switch {
	case b.from != "" && !b.begin.Before(b.end):
		return usagef(cmd, "--from is not before --to, which is %s", b.end.UTC().Format(time.RFC3339))
	case b.end.After(now):
		return usagef(cmd, "--to is in the future")
	case cmd.Flags().Changed("every") && b.every < time.Minute:
		return usagef(cmd, "--every is %v; give a minute or more, such as 24h", b.every)
	case cmd.Flags().Changed("window") && b.every == 0:
		return usagef(cmd, "--window is for --every; say by --from and --to what to read once")
	case b.every > 0 && b.window < b.every:
		return usagef(cmd, "--window is %v, less than --every: give a time in which late tags and notes may come", b.window)
	}
	return nil
}

// once reads the range and reports.
func (b *backfillCommand) once(cmd *cobra.Command, g *globals) error {
	return withAircall(cmd, g, b.timeout, "callfold-backfill", b.dryRun, func(ctx context.Context, o backfill.Options) error {
		o.DryRun = b.dryRun
		fill := backfill.New(o)
		done := reportEvery(ctx, cmd.ErrOrStderr(), func(elapsed time.Duration, _ bool) string {
			read, until := fill.Progress()
			return fmt.Sprintf("%d calls read (%.0f a minute), all up to %s of %s", read, float64(read)/elapsed.Minutes(), until.Format(time.RFC3339), b.end.UTC().Format(time.RFC3339))
		})
		report, err := fill.Once(ctx, b.begin, b.end)
		done()
		if err != nil {
			if ctx.Err() != nil || b.dryRun || report.Read == 0 {
				return err
			}
			return fmt.Errorf("%w\nWhat was read is in the log; the same command goes on from there", err)
		}
		if err := b.print(cmd.OutOrStdout(), &report); err != nil {
			return err
		}
		if len(report.Short) > 0 {
			return errors.New("not all calls came that Aircall says it has; another try may bring them")
		}
		return nil
	})
}

// withAircall connects to Kafka, as by writeEvents, and makes the options of a backfill.
func withAircall(cmd *cobra.Command, g *globals, timeout time.Duration, name string, dryRun bool, work func(context.Context, backfill.Options) error) error {
	if _, err := g.load(settings.ForKafka | settings.ForAircallKey); err != nil {
		return err
	}
	return writeEvents(cmd, g, timeout, name, backfill.ProducerOptions(), dryRun, func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
		o, err := backfillOptions(s, client, plainLogger(cmd), nil)
		if err != nil {
			return err
		}
		if err = work(ctx, o); aircall.Unauthorized(err) {
			err = fmt.Errorf("%w\nMake an API key in Aircall's dashboard (Integrations & API > API keys), and set aircall.api_id and aircall.api_token_file", err)
		}
		return err
	})
}

func backfillOptions(s settings.Settings, client *kgo.Client, logger *slog.Logger, metrics prometheus.Registerer) (backfill.Options, error) {
	api, err := app.Aircall(s.Aircall, metrics)
	return backfill.Options{
		Aircall: api, Client: client, Dir: s.Aircall.StateDir, Logger: logger, Now: time.Now, Registerer: metrics,
		Events: kafka.TopicName(s.Kafka, kafka.Events), Calls: kafka.TopicName(s.Kafka, kafka.Calls),
	}, err
}

// goOn reads round after round, beside the server of health and metrics.
func (b *backfillCommand) goOn(cmd *cobra.Command, g *globals) error {
	const component = "backfill"
	a, err := newApp(g, cmd, settings.ForKafka|settings.ForAircallKey, component)
	if err != nil {
		return err
	}
	opts, err := kafka.Options(a.Settings.Kafka, "callfold-backfill", a.Logger, a.Registry)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(slices.Concat(opts, kafka.ProducerOptions(), backfill.ProducerOptions())...)
	if err != nil {
		return err
	}
	defer client.Close()
	o, err := backfillOptions(a.Settings, client, a.Logger, a.Registry)
	if err != nil {
		return err
	}
	fill := backfill.New(o)
	a.Health.Watch(component, fill.Alive)
	readers := a.LogReaders(component)
	return runStage(cmd.Context(), a, stageFunc(func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { readers.Watch(ctx, client); return nil })
		group.Go(func() error {
			return fill.Every(ctx, b.every, b.window, b.begin, func(problem error) {
				if problem != nil {
					a.Health.NotReady(component, problem.Error())
				} else {
					a.Health.Ready(component)
				}
			})
		})
		return group.Wait()
	}))
}

// stageFunc is a stage that is a function.
type stageFunc func(context.Context) error

// Run runs it.
func (f stageFunc) Run(ctx context.Context) error { return f(ctx) }

func (b *backfillCommand) print(w io.Writer, r *backfill.Report) error {
	if *b.format == jsonOutput {
		return printJSON(w, r)
	}
	published := fmt.Sprintf("%d published", r.Published)
	if r.DryRun {
		published = fmt.Sprintf("%d would be published", r.Published)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s read, that began from %s to %s: %s, %d unchanged", callCount(int(r.Read)), r.From.Format(time.RFC3339), r.To.Format(time.RFC3339), published, r.Unchanged)
	if r.Erased > 0 {
		fmt.Fprintf(&text, ", %d erased and left out", r.Erased)
	}
	text.WriteByte('\n')
	for _, line := range []struct {
		what string
		ids  []int64
	}{
		{"the log lacked", r.Missing},
		{"the log knew no end of", r.Closed},
		{"Aircall knows no end of", r.Open},
	} {
		fmt.Fprintf(&text, "%-24s %s%s\n", line.what, callCount(len(line.ids)), someIDs(line.ids))
	}
	for _, s := range r.Short {
		fmt.Fprintf(&text, "%d of %d calls came of those from %s to %s\n", s.Got, s.Total, time.Unix(s.From, 0).UTC().Format(time.RFC3339), time.Unix(s.To, 0).UTC().Format(time.RFC3339))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// someIDs shows a few of the ids; JSON has all.
func someIDs(ids []int64) string {
	const most = 5
	text := ""
	for i, id := range ids {
		if i == most {
			return text + ", … (--output json has all)"
		}
		text += map[bool]string{true: ": ", false: ", "}[i == 0] + fmt.Sprint(id)
	}
	return text
}
