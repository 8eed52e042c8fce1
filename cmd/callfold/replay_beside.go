package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/logcopy"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/rebuild"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/standin"
)

// beside are the flags of a command that makes a topic anew under another prefix, beside
// the one that the settings name.
type beside struct {
	to      string
	timeout time.Duration
	format  *output
}

func (b *beside) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&b.to, "to", "", "`prefix` of the topic to make")
	must(cmd.MarkFlagRequired("to"))
	timeoutFlag(cmd, &b.timeout)
	b.format = outputFlag(cmd)
}

// name is the full name of the topic to make. With live it may be the one that the
// settings name.
func (b *beside) name(cmd *cobra.Command, k settings.Kafka, topic string, live bool) (string, error) {
	name := kafka.TopicName(kafka.Under(k, b.to), topic)
	if name == kafka.TopicName(k, topic) && !live {
		return "", usagef(cmd, "--to %q is the prefix of the topic that the settings name, %s; name another one", b.to, name)
	}
	return name, nil
}

// reach connects, once the prefix is a good one.
func (b *beside) reach(cmd *cobra.Command, g *globals, name string, work func(context.Context, *kgo.Client, settings.Settings) error) error {
	if b.to == "" {
		return usagef(cmd, "--to is empty: the settings could not name that topic")
	}
	if wrong, mend := settings.PrefixProblem(b.to); wrong != "" {
		return usagef(cmd, "--to %q %s: %s", b.to, wrong, mend)
	}
	return reachKafka(cmd, g, b.timeout, name, nil, work)
}

// make makes the topic, if it is not there, with as many partitions as the log has. made is
// false where it was there before; it may be true beside an error.
func (b *beside) make(ctx context.Context, client *kgo.Client, k settings.Kafka, topic string) (made bool, err error) {
	log := kafka.TopicName(k, kafka.Events)
	found, err := partition.Lookup(ctx, client, log)
	if err != nil {
		return false, err
	}
	target := kafka.Under(k, b.to)
	if target.Partitions, err = found.Count(log); err != nil {
		return false, err
	}
	created, err := kafka.Create(ctx, client, kafka.StageTopics(target, topic))
	return len(created) > 0 && created[0].New, err
}

// goesOn adds to an error in the midst of the work that nothing is lost.
func goesOn(ctx context.Context, err error) error {
	refused := errors.As(err, new(*logcopy.ForeignError)) || errors.As(err, new(*rebuild.ForeignError)) || errors.As(err, new(*rebuild.InUseError)) ||
		errors.As(err, new(*rebuild.PartialError)) || errors.As(err, new(*standin.BusyError))
	if err == nil || ctx.Err() != nil || refused {
		return err
	}
	return fmt.Errorf("%w\nThe same command goes on from there", err)
}
