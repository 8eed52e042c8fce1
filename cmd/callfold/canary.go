package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/canary"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
)

// canaryCommand are the flags of the command.
type canaryCommand struct {
	url            string
	call           int64
	every, timeout time.Duration
	format         *output
}

func newCanaryCommand(g *globals) *cobra.Command {
	var c canaryCommand
	cmd := &cobra.Command{
		Use:   "canary",
		Short: "Try the whole way of a call, into Salesforce",
		Long: `Send a synthetic call to the webhook endpoint, as Aircall does, and wait until its Task
in Salesforce is written. It prints how long that took, or what is wrong and where the call
has come to (exit code 1).

Each run updates one and the same Task, of the call ` + fmt.Sprint(int64(canary.FirstID)) + `: an answered call
from Anonymous to the number "callfold canary" on 1 January 2020. Nobody is called,
nothing is matched, created or given to anybody. Two canaries at work at once, such as
one for each of two endpoints, need a call each (--call).

With --every it goes on until a signal ends it. Health and metrics are then on
admin.listen.

The token is the first of ingest.tokens and ingest.tokens_file. The user needs the rights
DESCRIBE and READ on the topics calls and tasks.`,
		Example: `  callfold canary --url https://calls.example.com/webhooks/aircall
  callfold canary --url http://127.0.0.1:8080/webhooks/aircall --output json
  callfold canary --url https://calls.example.com/webhooks/aircall --every 5m --config callfold.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.check(cmd); err != nil {
				return err
			}
			if c.every > 0 {
				return c.goOn(cmd, g)
			}
			return c.once(cmd, g)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.url, "url", "", "`URL` of the webhook endpoint, as Aircall has it")
	flags.Int64Var(&c.call, "call", canary.FirstID, fmt.Sprintf("`id` of the canary's call, from %d to %d", int64(canary.FirstID), int64(canary.LastID)))
	flags.DurationVar(&c.every, "every", 0, "go on, and send a call each `time`, such as 5m")
	flags.DurationVar(&c.timeout, "timeout", 2*time.Minute, "how long the Task may take; also to reach Kafka")
	c.format = outputFlag(cmd)
	must(cmd.MarkFlagRequired("url"))
	cmd.MarkFlagsMutuallyExclusive("every", "output")
	return cmd
}

// check looks at what a flag's type does not.
func (c *canaryCommand) check(cmd *cobra.Command) error {
	at, err := url.Parse(c.url)
	switch {
	case err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https":
		return usagef(cmd, "--url is no address such as https://calls.example.com/webhooks/aircall")
	case cmd.Flags().Changed("every") && c.every < 10*time.Second:
		return usagef(cmd, "--every is %v; give 10 seconds or more, such as 5m", c.every)
	case c.timeout <= 0:
		return usagef(cmd, "--timeout must be more than 0, such as 2m")
	}
	if _, err := canary.New(canary.Options{CallID: c.call}); err != nil {
		return usagef(cmd, "--call %w", err)
	}
	return nil
}

// options are those that the settings and the flags give.
func (c *canaryCommand) options(s settings.Settings, client *kgo.Client) canary.Options {
	topics := historyTopics(s)
	return canary.Options{
		URL: c.url, Token: s.Ingest.Tokens[0].Reveal(), CallID: c.call, Timeout: c.timeout,
		Client: client, Calls: topics.Calls, Tasks: topics.Tasks, DryRun: s.Sink.DryRun, Now: time.Now,
	}
}

// once sends one call and reports.
func (c *canaryCommand) once(cmd *cobra.Command, g *globals) error {
	if _, err := g.load(settings.ForKafka | settings.ForIngest); err != nil {
		return err
	}
	return reachKafka(cmd, g, c.timeout, "callfold-canary", nil, func(ctx context.Context, client *kgo.Client, s settings.Settings) error {
		sender, err := canary.New(c.options(s, client))
		if err != nil {
			return err
		}
		report, err := sender.Once(ctx)
		if err != nil {
			return err
		}
		if err := c.print(cmd.OutOrStdout(), &report); err != nil {
			return err
		}
		if !report.OK() {
			return errors.New("the canary's call did not come through: " + report.Problem)
		}
		return nil
	})
}

// goOn sends call after call, beside the server of health and metrics.
func (c *canaryCommand) goOn(cmd *cobra.Command, g *globals) error {
	const component = "canary"
	a, err := newApp(g, cmd, settings.ForKafka|settings.ForIngest, component)
	if err != nil {
		return err
	}
	opts, err := kafka.Options(a.Settings.Kafka, "callfold-canary", a.Logger, a.Registry)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	o := c.options(a.Settings, client)
	o.Logger, o.Registerer = a.Logger, a.Registry
	sender, err := canary.New(o)
	if err != nil {
		return err
	}
	a.Health.Watch(component, sender.Alive)
	return runStage(cmd.Context(), a, stageFunc(func(ctx context.Context) error {
		return sender.Every(ctx, c.every, func(r canary.Report) {
			if r.OK() {
				a.Health.Ready(component)
			} else {
				a.Health.NotReady(component, r.Problem)
			}
		})
	}))
}

func (c *canaryCommand) print(w io.Writer, r *canary.Report) error {
	if *c.format == jsonOutput {
		return printJSON(w, r)
	}
	var text strings.Builder
	if r.Accepted > 0 {
		fmt.Fprintf(&text, "accepted  after %.2f s\n", r.Accepted)
	}
	if r.Folded > 0 {
		fmt.Fprintf(&text, "folded    after %.2f s\n", r.Folded)
	}
	switch r.Result {
	case canary.Written:
		fmt.Fprintf(&text, "written   after %.2f s, Task %s\n", r.Seconds, r.TaskID)
	case canary.Unwritten:
		fmt.Fprintf(&text, "decided   after %.2f s: %s\n", r.Seconds, r.Problem)
	}
	if r.OK() {
		fmt.Fprintf(&text, "ok\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}
