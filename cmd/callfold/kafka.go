package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
)

// timeoutFlag adds --timeout to a command that asks Kafka something, for withKafka.
func timeoutFlag(cmd *cobra.Command, timeout *time.Duration) {
	cmd.Flags().DurationVar(timeout, "timeout", 30*time.Second, "how long to try to reach Kafka")
}

// withKafka connects to the cluster of the settings and does the work there
// within the timeout.
func withKafka(cmd *cobra.Command, g *globals, timeout time.Duration, name string, work func(context.Context, *kgo.Client, settings.Settings) error) error {
	deadline := time.Now().Add(timeout)
	return reachKafka(cmd, g, timeout, name, nil, func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		return work(ctx, client, s)
	})
}

// reachKafka is withKafka for work of which nobody knows how long it takes: the
// timeout is that of connecting. The client has the options more, too.
func reachKafka(cmd *cobra.Command, g *globals, timeout time.Duration, name string, more []kgo.Opt, work func(context.Context, *kgo.Client, settings.Settings) error) error {
	if timeout <= 0 {
		return usagef(cmd, "--timeout must be more than 0, such as 30s")
	}
	s, err := g.load(settings.ForKafka)
	if err != nil {
		return err
	}
	// The client's own warnings repeat what the errors say.
	opts, err := kafka.Options(s.Kafka, name, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
	defer cancel()
	if err := kafka.WaitReachable(ctx, client, s.Kafka, plainLogger(cmd)); err != nil {
		return interrupted(cmd.Context(), err)
	}
	return interrupted(cmd.Context(), work(cmd.Context(), client, s))
}

// writeEvents is reachKafka for work that writes to the log, with the options more besides
// those of all producers. While the processor reads another log it is refused, but for a dry
// run: nobody would handle what is written.
func writeEvents(cmd *cobra.Command, g *globals, timeout time.Duration, name string, more []kgo.Opt, dryRun bool, work func(context.Context, *kgo.Client, settings.Settings) error) error {
	return reachKafka(cmd, g, timeout, name, append(kafka.ProducerOptions(), more...), func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
		if !dryRun {
			if err := refuseUnread(ctx, client, s.Kafka); err != nil {
				return err
			}
		}
		return work(ctx, client, s)
	})
}

// refuseUnread is an error where the processor reads another log than that of the settings.
func refuseUnread(ctx context.Context, client *kgo.Client, k settings.Kafka) error {
	log, group := kafka.TopicName(k, kafka.Events), kafka.GroupName(k, kafka.ProcessorGroup)
	elsewhere, err := kafka.ReadElsewhere(ctx, kadm.NewClient(client), group, log)
	switch {
	case errors.Is(err, kerr.GroupAuthorizationFailed): // it cannot be known
		return nil
	case err != nil:
		return err
	case elsewhere != "":
		return fmt.Errorf("the settings name the log %s, and the processor (group %s) reads %s: nobody would handle what is written; set kafka.events_prefix as the stages have it", log, group, elsewhere)
	}
	return nil
}

// plainLogger logs to stderr for a person who waits: without the time.
func plainLogger(cmd *cobra.Command) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// writers makes clients that write, of a name, with the options that are given besides
// those of all producers.
func writers(k settings.Kafka, name string) func(...kgo.Opt) (*kgo.Client, error) {
	return func(more ...kgo.Opt) (*kgo.Client, error) {
		opts, err := kafka.Options(k, name, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			return nil, err
		}
		return kgo.NewClient(slices.Concat(opts, kafka.ProducerOptions(), more)...)
	}
}
