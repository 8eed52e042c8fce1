package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/backfill"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
)

// callStuck are the flags of the command.
type callStuck struct {
	olderThan time.Duration
	close     bool
	timeout   time.Duration
	format    *output
}

func newCallStuckCommand(g *globals) *cobra.Command {
	var c callStuck
	cmd := &cobra.Command{
		Use:   "stuck",
		Short: "List calls that never ended, and close them",
		Long: `List the calls that began some hours ago and of which no end is known: Aircall lost
it, or its webhook. Their Tasks have no duration, and unanswered ones have none at all.

With --close each is fetched from Aircall's REST API, and if it has ended there, goes
into the topic events as by 'callfold backfill'. Those that Aircall does not know, or
knows no end of either, are reported and make the exit code 1.

The user needs the rights DESCRIBE and READ on the topic calls; with --close also
DESCRIBE and WRITE on events, and DESCRIBE on the processor's group.`,
		Example: `  callfold call stuck
  callfold call stuck --older-than 24h --output json
  callfold call stuck --close --config callfold.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd, g) },
	}
	flags := cmd.Flags()
	flags.DurationVar(&c.olderThan, "older-than", 6*time.Hour, "only calls that began this `time` ago or earlier")
	flags.BoolVar(&c.close, "close", false, "fetch each from Aircall, and close it")
	timeoutFlag(cmd, &c.timeout)
	c.format = outputFlag(cmd)
	return cmd
}

func (c *callStuck) run(cmd *cobra.Command, g *globals) error {
	if c.olderThan <= 0 {
		return usagef(cmd, "--older-than is %v; give a time above 0, such as 6h", c.olderThan)
	}
	if !c.close {
		return reachKafka(cmd, g, c.timeout, "callfold-call-stuck", nil, func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
			stuck, err := c.find(ctx, cmd, client, kafka.TopicName(s.Kafka, kafka.Calls))
			if err != nil {
				return err
			}
			return c.print(cmd.OutOrStdout(), stuck)
		})
	}
	return withAircall(cmd, g, c.timeout, "callfold-call-stuck", false, func(ctx context.Context, o backfill.Options) error {
		stuck, err := c.find(ctx, cmd, o.Client, o.Calls)
		if err != nil {
			return err
		}
		err = backfill.New(o).Close(ctx, stuck)
		err = cmp.Or(err, c.print(cmd.OutOrStdout(), stuck))
		left := 0
		for _, s := range stuck {
			if s.Result != backfill.Closed {
				left++
			}
		}
		if err == nil && left > 0 {
			err = fmt.Errorf("%d of %s could not be closed", left, callCount(len(stuck)))
		}
		return err
	})
}

func (c *callStuck) find(ctx context.Context, cmd *cobra.Command, client *kgo.Client, topic string) ([]backfill.Stuck, error) {
	stuck, hidden, err := backfill.FindStuck(ctx, client, topic, time.Now().Add(-c.olderThan))
	if err == nil && len(hidden) > 0 {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "a transaction that stays open hides the newest states in these partitions of %s: %v\n", topic, hidden)
	}
	return stuck, err
}

func (c *callStuck) print(w io.Writer, stuck []backfill.Stuck) error {
	if *c.format == jsonOutput {
		return printJSON(w, stuck)
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var errs []error
	line := func(format string, args ...any) {
		_, err := fmt.Fprintf(out, format+"\n", args...)
		errs = append(errs, err)
	}
	if len(stuck) > 0 {
		line("CALL\tSINCE\tSTATUS\tNEWEST EVENT\tRESULT")
	}
	for _, s := range stuck {
		line("%d\t%s\t%s\t%s at %s\t%s", s.ID, s.Since.Format(time.RFC3339), cmp.Or(s.Status, "-"), cmp.Or(s.Event, "-"), s.EventAt.Format(time.RFC3339), closings[s.Result])
	}
	errs = append(errs, out.Flush())
	line("%s without an end", callCount(len(stuck)))
	return errors.Join(append(errs, out.Flush())...)
}

// closings say what came of closing a call.
var closings = map[backfill.Closing]string{
	"":               "-",
	backfill.Closed:  "closed",
	backfill.Open:    "Aircall knows no end of it either",
	backfill.Unknown: "Aircall does not know it",
}
