package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/history"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
)

func newCallShowCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show the events, the state and the Task of a call",
		Long: `Show what Kafka holds of a call: the state that its events were folded into, what
the sink made of it, and the events themselves, the newest 32 in their own order.
ID is Aircall's call id. Times are UTC. Phone numbers are shown in full.

With sink.dry_run the outcome is that of the dry run. It only reads: the user needs
the rights DESCRIBE and READ on the topics events, calls and tasks.`,
		Example: `  callfold call show 910400155
  callfold call show 910400155 --config callfold.yaml --output json
  CALLFOLD_KAFKA_BROKERS=localhost:9092 callfold call show 910400155 --timeout 5s`,
		Args: oneCallID,
	}
	format := outputFlag(cmd)
	var timeout time.Duration
	timeoutFlag(cmd, &timeout)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, _ := callID(args[0]) // oneCallID has looked at it
		var call history.Call
		err := withKafka(cmd, g, timeout, "callfold-call-show", func(ctx context.Context, client *kgo.Client, s settings.Settings) (err error) {
			call, err = history.Read(ctx, client, historyTopics(s), id)
			switch {
			case errors.Is(err, history.ErrUnknown):
				return fmt.Errorf("call %d: %w; either Aircall never sent an event of it, or the processor has not come to it yet", id, err)
			case errors.Is(err, context.DeadlineExceeded):
				return fmt.Errorf("call %d: Kafka did not answer in full within --timeout %v: %w", id, timeout, err)
			}
			return err
		})
		if err != nil {
			return err
		}
		if *format == jsonOutput {
			return printJSON(cmd.OutOrStdout(), call)
		}
		return printCall(cmd.OutOrStdout(), call)
	}
	return cmd
}

func historyTopics(s settings.Settings) history.Topics {
	tasks := kafka.Tasks
	if s.Sink.DryRun {
		tasks = kafka.TasksDryRun
	}
	return history.Topics{
		Events: kafka.TopicName(s.Kafka, kafka.Events),
		Calls:  kafka.TopicName(s.Kafka, kafka.Calls),
		Tasks:  kafka.TopicName(s.Kafka, tasks),
	}
}

// oneCallID is the check of the arguments of a command about one call.
func oneCallID(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("name one call by its Aircall id, such as 910400155")
	}
	if _, err := callID(args[0]); err != nil {
		return err
	}
	return nil
}

func callID(arg string) (int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return 0, fmt.Errorf("%q is no call id: that is a whole number above 0, such as 910400155", arg)
	}
	return id, nil
}
