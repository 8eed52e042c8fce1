package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/erasure"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// eraseCommand are the flags of the command.
type eraseCommand struct {
	number, receipt string
	order           command.Order
	yes, dryRun     bool
	timeout         time.Duration
	format          *output
}

func newEraseCommand(g *globals) *cobra.Command {
	var e eraseCommand
	cmd := &cobra.Command{
		Use:   "erase [CALL... | NUMBER]",
		Short: "Erase calls for a privacy request",
		Long: `Erase calls: those that are named by their Aircall ids, or all with an external number,
given by --number, or alone and beginning with +. It cannot be undone. The state of each
call then knows nothing but that it was erased, when, by whom and why, and nothing that
comes before or after brings anything back; the sink scrubs its Task in Salesforce, or
deletes it (tasks.erased).

The number is compared in E.164, as it is when calls are matched; for that all of the topic
calls is read. Calls whose number is not a valid one must be named. To erase a call again
does no harm: its Task is looked at once more.

The count is shown and a question asked; --yes answers it, and is needed where nobody can be
asked. The receipt, with --output json or in the file of --receipt, says when, who, why and
which calls, what is erased by that and what is not yet: the raw events, above all. It has
neither the number, but for its last two digits, nor anything of the calls. --reason and
--who stay in the history of each call: no personal data.

The user needs the rights DESCRIBE and READ on the topics calls and tasks, DESCRIBE and
WRITE on events, DESCRIBE on the processor's group, and IDEMPOTENT_WRITE on the cluster of
a Kafka before 2.8.`,
		Example: `  callfold erase 910400155 910400156 --reason "request 4711" --receipt 4711.json
  callfold erase --number "+44 20 7946 0018" --reason "request 4711" --dry-run
  callfold erase +442079460018 --reason "request 4711" --yes --output json`,
		RunE: func(cmd *cobra.Command, args []string) error { return e.run(cmd, g, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&e.number, "number", "", "all calls with this external `number`")
	flags.StringVar(&e.order.Why, "reason", "", "why, such as the request's number; it stays in the history of each call")
	flags.StringVar(&e.order.Who, "who", "", "who asks (default: the user of this system)")
	flags.StringVar(&e.receipt, "receipt", "", "a new `file` for the receipt")
	flags.BoolVar(&e.yes, "yes", false, "do not ask")
	flags.BoolVar(&e.dryRun, "dry-run", false, "show the calls, send nothing")
	timeoutFlag(cmd, &e.timeout)
	e.format = outputFlag(cmd)
	must(cmd.MarkFlagFilename("receipt", "json"))
	return cmd
}

func (e *eraseCommand) run(cmd *cobra.Command, g *globals, args []string) error {
	if len(args) == 1 && e.number == "" && strings.HasPrefix(strings.TrimSpace(args[0]), "+") {
		e.number, args = args[0], nil
	}
	ids, err := e.named(args)
	if err == nil {
		err = completeOrder(&e.order)
	}
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	if err := askable(cmd, e.yes || e.dryRun, "look at what will be done with --dry-run"); err != nil {
		return err
	}
	return sendCommands(cmd, g, e.timeout, "callfold-erase", e.dryRun, func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
		calls, err := e.find(ctx, cmd, client, s, ids)
		if err != nil {
			return err
		}
		r := erasure.Receipt{Who: e.order.Who, Why: e.order.Why, Calls: calls, DryRun: e.dryRun, Refused: missing(ids, calls)}
		if e.number != "" {
			r.Number = observe.Digits(e.number)
		}
		r.Tell(s.Tasks.Erased)
		for _, refused := range r.Refused {
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "call %d: %s\n", refused.CallID, refused.Why)
		}
		err = e.erase(ctx, cmd, client, kafka.TopicName(s.Kafka, kafka.Events), &r)
		err = cmp.Or(err, e.print(cmd.OutOrStdout(), &r))
		if err == nil && len(r.Refused) > 0 {
			err = fmt.Errorf("%d of %s not erased", len(r.Refused), callCount(len(ids)))
		}
		return err
	})
}

// named are the calls that the arguments name.
func (e *eraseCommand) named(args []string) (ids []int64, err error) {
	switch {
	case len(args) == 0 && e.number == "":
		return nil, errors.New("say which calls: name them by their Aircall ids, or give --number")
	case len(args) > 0 && e.number != "":
		return nil, errors.New("name calls, or choose them by --number, not both")
	}
	for _, arg := range args {
		id, err := callID(arg)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// find looks for the calls in Kafka.
func (e *eraseCommand) find(ctx context.Context, cmd *cobra.Command, client *kgo.Client, s settings.Settings, ids []int64) (calls []erasure.Call, err error) {
	topics := historyTopics(s)
	var has func(schemas.CallRecord) bool
	if e.number != "" {
		rules, err := projector.New(s.Settings)
		if err != nil {
			return nil, err
		}
		number := rules.E164(e.number)
		if number == "" {
			return nil, usagef(cmd, "--number: that is not a valid number; write it with its country code, such as \"+44 20 7946 0018\". Calls with an invalid number must be named by their ids")
		}
		has = func(c schemas.CallRecord) bool { return rules.Number(c) == number }
	}
	progress, done := reportReading(ctx, cmd, topics.Calls)
	if has != nil {
		calls, err = erasure.ByNumber(ctx, client, topics.Calls, has, progress)
	} else {
		calls, err = erasure.ByID(ctx, client, topics.Calls, ids, progress)
	}
	done()
	if err != nil {
		return nil, err
	}
	progress, done = reportReading(ctx, cmd, topics.Tasks)
	defer done()
	return calls, erasure.Locate(ctx, client, topics.Tasks, calls, progress)
}

// missing are the named calls that were not found. A command for one would erase the
// call that gets that id one day.
func missing(ids []int64, found []erasure.Call) (refused []erasure.Refusal) {
	for _, id := range ids {
		if !slices.ContainsFunc(found, func(c erasure.Call) bool { return c.ID == id }) {
			refused = append(refused, erasure.Refusal{CallID: id, Why: "no state of it is known: either there is no such call, or the processor has not come to it yet"})
		}
	}
	return refused
}

// erase asks, sends the commands and writes the receipt.
func (e *eraseCommand) erase(ctx context.Context, cmd *cobra.Command, client *kgo.Client, topic string, r *erasure.Receipt) (err error) {
	r.At = time.Now().UTC().Truncate(time.Second)
	if e.dryRun {
		return nil
	}
	if len(r.Calls) > 0 {
		of := ""
		if r.Number != "" {
			of = " of the number " + r.Number
		}
		if err := confirm(ctx, cmd, e.yes, fmt.Sprintf("Erase %s%s? It cannot be undone.", callCount(len(r.Calls)), of)); err != nil {
			return err
		}
	}
	if e.receipt != "" {
		// Before anything is erased: without the receipt nothing would tell of it.
		file, err := os.OpenFile(e.receipt, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("making the receipt, before anything is erased: %w", err)
		}
		defer func() {
			err = cmp.Or(err, printJSON(file, r), file.Close())
		}()
	}
	commands := make([]command.Command, len(r.Calls))
	for i, c := range r.Calls {
		commands[i] = c.Erase()
	}
	r.Sent, err = command.Send(ctx, client, topic, commands, e.order, time.Now)
	return err
}

func (e *eraseCommand) print(w io.Writer, r *erasure.Receipt) error {
	if *e.format == jsonOutput {
		return printJSON(w, r)
	}
	var out bytes.Buffer
	if len(r.Calls) > 0 {
		table := textTable{tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)}
		table.row("CALL", "TASK", "MADE FOR ITS NUMBER", "ERASED BEFORE (UTC)")
		for _, c := range r.Calls {
			made, before := "-", "-"
			if c.Created != nil {
				made = c.Created.Object + " " + c.Created.ID
			}
			if !c.ErasedBefore.IsZero() {
				before = clock(c.ErasedBefore)
			}
			table.row(fmt.Sprint(c.ID), cmp.Or(c.TaskID, "-"), made, before)
		}
		table.end()
	}
	switch {
	case len(r.Calls) == 0:
		out.WriteString("no calls to erase\n")
	case r.DryRun:
		fmt.Fprintf(&out, "%s would be erased; nothing was sent (--dry-run)\n", callCount(len(r.Calls)))
	default:
		fmt.Fprintf(&out, "%d of %d commands sent\n", r.Sent, len(r.Calls))
	}
	if r.Sent > 0 {
		out.WriteString("\nnot erased by that:\n")
		for _, left := range r.Remaining {
			out.WriteString(wrapped("- " + left))
		}
	}
	_, err := out.WriteTo(w)
	return err
}
