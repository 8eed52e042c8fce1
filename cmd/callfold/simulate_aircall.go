package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/aircallsim"
	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/internal/traffic"
)

// simulateAircall are the flags of the command.
type simulateAircall struct {
	url, token  string
	rate, speed float64
	calls       int
	seed        uint64
	print       bool
	api         string
	history     time.Duration
	format      *output
}

func newSimulateAircallCommand() *cobra.Command {
	var o simulateAircall
	cmd := &cobra.Command{
		Use:   "aircall",
		Short: "Send generated call traffic as Aircall does, and serve its REST API",
		Long: `Send the webhooks of generated calls, whole life cycles with duplicates, late events
and vanishing fields, as Aircall does: five seconds to answer, and what is not accepted
is tried again, up to 50 times within 12 hours. docs/traffic.md tells about the calls.

It goes on until a signal ends it, or until --calls have been sent in full. At the end
the counts are printed; the exit code is 1 if any request was given up.

With --api its REST API is served there, too, as far as callfold asks it: the same calls
as they are at the moment, users and the webhook, with the API key dev / dev and 60 requests a minute. With
--api and no --url no webhooks are sent: the API has --calls calls (1000) of the time
--history up to now. The API is served until a signal ends it.

With --print nothing is sent: the bodies are printed, one a line, each call's as a
receiver would get them. The same --seed and --calls print the same bytes.`,
		Example: `  callfold simulate aircall --url http://127.0.0.1:8080/webhooks/aircall --token dev-token
  callfold simulate aircall --url http://127.0.0.1:8080/webhooks/aircall --token dev-token --calls 100 --rate 600 --speed 60
  callfold simulate aircall --api 127.0.0.1:8082 --calls 25000 --history 24h
  callfold simulate aircall --print --calls 20 | callfold fold -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return usagef(cmd, "%w", err)
			}
			switch {
			case o.print:
				return o.printBodies(cmd)
			case o.api != "":
				return o.serve(cmd)
			}
			return o.send(cmd, nil)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.url, "url", "", "webhook `URL` to send to")
	flags.StringVar(&o.token, "token", "dev-token", "webhook `token` in the bodies")
	flags.Float64Var(&o.rate, "rate", 6, "`calls` that begin in a minute, on average")
	flags.Float64Var(&o.speed, "speed", 1, "`factor` by which a call's life is faster: 60 sends an hour in a minute")
	flags.IntVar(&o.calls, "calls", 0, "`number` of calls; 0: no end")
	flags.Uint64Var(&o.seed, "seed", 1, "`number` that decides everything left to chance")
	flags.BoolVar(&o.print, "print", false, "print the bodies of --calls instead of sending")
	flags.StringVar(&o.api, "api", "", "`address` on which to serve the REST API")
	flags.DurationVar(&o.history, "history", 24*time.Hour, "over which `time` the calls of --api without --url are spread")
	cmd.MarkFlagsOneRequired("url", "print", "api")
	cmd.MarkFlagsMutuallyExclusive("url", "print")
	cmd.MarkFlagsMutuallyExclusive("api", "print")
	o.format = outputFlag(cmd)
	return cmd
}

// check looks at what a flag's type does not.
func (o *simulateAircall) check() error {
	switch u, err := url.Parse(o.url); {
	case o.calls < 0:
		return fmt.Errorf("--calls is %d; give a number of calls, or 0 for no end", o.calls)
	case o.print && o.calls == 0:
		return errors.New("--print needs --calls: how many calls to print")
	case o.history <= 0:
		return fmt.Errorf("--history is %v; give a time above 0, such as 24h", o.history)
	case o.print, o.url == "" && o.api != "":
		return nil
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("--url must be a whole URL, such as http://127.0.0.1:8080/webhooks/aircall")
	// Written so that a NaN is refused, too.
	case !(o.rate > 0 && o.rate <= 1e6):
		return fmt.Errorf("--rate is %v; give the calls a minute, above 0 and up to a million", o.rate)
	case !(o.speed >= 1 && o.speed <= 1e6):
		return fmt.Errorf("--speed is %v; give a factor from 1 (real time) to a million", o.speed)
	}
	return nil
}

// printBodies prints the bodies of the calls, one a line.
func (o *simulateAircall) printBodies(cmd *cobra.Command) error {
	out := bufio.NewWriter(cmd.OutOrStdout())
	g := traffic.New(traffic.Options{Seed: o.seed, Token: o.token})
	for range o.calls {
		if cmd.Context().Err() != nil {
			return interrupted(cmd.Context(), cmd.Context().Err())
		}
		for _, d := range g.Deliver(g.Call()) {
			_, _ = out.Write(append(d.Body, '\n')) // Flush tells
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("printing the bodies: %w", err)
	}
	return nil
}

// historyCalls are the calls of an API whose webhooks nobody gets.
const historyCalls = 1000

// serve serves the REST API, and beside it sends the calls where that is wanted.
func (o *simulateAircall) serve(cmd *cobra.Command) error {
	listener, err := observe.Listen(cmd.Context(), o.api, "--api")
	if err != nil {
		return err
	}
	defer listener.Close() // for the returns before it is served
	options := aircallsim.Options{}
	options.Webhook.URL, options.Webhook.Token = o.url, o.token
	api := aircallsim.New(options)
	if o.url == "" {
		o.fill(api)
	}
	_, err = fmt.Fprintf(cmd.ErrOrStderr(), `Aircall's REST API at http://%[1]s; Ctrl-C stops it.

  look      curl -u dev:dev http://%[1]s/v1/calls
  backfill  aircall: {api_url: "http://%[1]s", api_id: dev, api_token_file: …}

`, listener.Addr())
	if err != nil {
		return fmt.Errorf("printing where the API is: %w", err)
	}
	group, ctx := errgroup.WithContext(cmd.Context())
	group.Go(func() error {
		return observe.Serve(ctx, &http.Server{Handler: api, ReadHeaderTimeout: 5 * time.Second}, listener)
	})
	if o.url != "" {
		group.Go(func() error { return o.send(cmd, api.Add) })
	}
	return group.Wait()
}

// fill gives the API calls that are spread over the time up to now.
func (o *simulateAircall) fill(api *aircallsim.Server) {
	calls := o.calls
	if calls == 0 {
		calls = historyCalls
	}
	began := time.Now().Add(-o.history)
	gap := o.history / time.Duration(calls)
	for i := range calls {
		// Twenty ids for each millisecond are more than one call needs.
		at := began.Add(time.Duration(i) * gap)
		api.Add(traffic.New(traffic.Options{Seed: o.seed + uint64(i), Start: at, Token: o.token}).Call())
	}
}

// send sends the calls and prints the counts. begun is told of each call; nil: nobody is.
func (o *simulateAircall) send(cmd *cobra.Command, begun func(traffic.Call)) error {
	now := time.Now()
	sender := traffic.NewSender(traffic.SenderOptions{
		URL: o.url, CallsPerMinute: o.rate, Compress: o.speed, Calls: o.calls, Begun: begun,
		Generator: traffic.New(traffic.Options{Seed: o.seed, Start: now, Token: o.token}),
		Logger:    plainLogger(cmd),
	})
	reporting, stop := context.WithCancel(cmd.Context())
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		o.report(reporting, cmd, sender, now)
	}()
	err := sender.Run(cmd.Context())
	stop()
	<-reported
	if err != nil {
		return err
	}
	return o.summary(cmd, sender.Sent())
}

// report tells now and then how far the sending has come.
func (o *simulateAircall) report(ctx context.Context, cmd *cobra.Command, sender *traffic.Sender, began time.Time) {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s := sender.Sent()
		of := ""
		if o.calls > 0 {
			of = fmt.Sprintf(" of %d", o.calls)
		}
		// Nobody is left to tell if this cannot be written.
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%d%s calls begun, %d of %d requests accepted (%.1f a second), %d tries failed\n",
			s.Calls, of, s.Accepted, s.Bodies, float64(s.Accepted)/time.Since(began).Seconds(), s.Retried)
	}
}

// summary prints the counts. The error says what did not arrive.
func (o *simulateAircall) summary(cmd *cobra.Command, s traffic.Stats) error {
	open := s.Bodies - s.Accepted - s.GivenUp
	var err error
	if *o.format == jsonOutput {
		err = printJSON(cmd.OutOrStdout(), struct {
			Calls    int64 `json:"calls"`
			Requests int64 `json:"requests"`
			Accepted int64 `json:"accepted"`
			Retried  int64 `json:"retried"`
			GivenUp  int64 `json:"given_up"`
			Open     int64 `json:"open"`
		}{s.Calls, s.Bodies, s.Accepted, s.Retried, s.GivenUp, open})
	} else {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "calls: %d, requests: %d, accepted: %d, given up: %d, still open: %d, failed tries: %d\n",
			s.Calls, s.Bodies, s.Accepted, s.GivenUp, open, s.Retried)
	}
	switch {
	case err != nil:
		return err
	case s.GivenUp > 0:
		return fmt.Errorf("%d requests were given up; Aircall would have disabled the webhook", s.GivenUp)
	case o.calls > 0:
		return interrupted(cmd.Context(), cmd.Context().Err())
	}
	return nil
}
