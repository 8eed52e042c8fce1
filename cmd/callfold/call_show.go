package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
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
the sink made of it, now and before, and the events themselves, the newest 32 in
their own order, with what each changed in the state. With --at N the state is the
one after the N-th event. ID is Aircall's call id. Times are UTC. Phone numbers are
shown in full. 'callfold explain' tells why the call's Task is as it is.

With sink.dry_run the outcome is that of the dry run. It only reads: the user needs
the rights DESCRIBE and READ on the topics events, calls and tasks.`,
		Example: `  callfold call show 910400155
  callfold call show 910400155 --at 2
  callfold call show 910400155 --config callfold.yaml --output json
  CALLFOLD_KAFKA_BROKERS=localhost:9092 callfold call show 910400155 --timeout 5s`,
		Args: oneCallID,
	}
	format := outputFlag(cmd)
	var timeout time.Duration
	timeoutFlag(cmd, &timeout)
	var at int
	cmd.Flags().IntVar(&at, "at", 0, "show the state after the event of this `number`, as the list of events counts them; 0 is the newest state")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		call, _, err := readCall(cmd, g, timeout, args[0])
		if err == nil && at != 0 {
			call, err = call.After(at)
		}
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

// readCall reads what Kafka holds of the call with this id, and gives the settings, too.
func readCall(cmd *cobra.Command, g *globals, timeout time.Duration, arg string) (call history.Call, s settings.Settings, err error) {
	id, err := callID(arg)
	if err != nil {
		return call, s, err
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	err = withKafka(cmd, g, timeout, name, func(ctx context.Context, client *kgo.Client, effective settings.Settings) (err error) {
		s = effective
		call, err = history.Read(ctx, client, historyTopics(s), id)
		switch {
		case errors.Is(err, history.ErrUnknown):
			return fmt.Errorf("call %d: %w; either Aircall never sent an event of it, or the processor has not come to it yet", id, err)
		case errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("call %d: Kafka did not answer in full within --timeout %v: %w", id, timeout, err)
		}
		return err
	})
	return call, s, err
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
	// Whatever it is, it is not repeated: a phone number is to be nowhere. One may have a
	// plus or a zero in front, which ParseInt would take.
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || arg[0] < '1' || arg[0] > '9' {
		return 0, errors.New("that is no call id: it is a whole number above 0 without a sign or a zero in front, such as 910400155")
	}
	return id, nil
}
