package app

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

// Sink is the stage that writes calls to Salesforce.
type Sink struct {
	app    *App
	sink   *sfsink.Sink
	engine *stream.Engine[schemas.Outcome]
}

// Sink makes the stage that writes calls to Salesforce. It sends nothing yet.
func (a *App) Sink() (*Sink, error) {
	s := a.Settings
	client, err := Salesforce(s.Salesforce, a.Registry)
	if err != nil {
		return nil, err
	}
	sink, err := sfsink.New(sfsink.Options{
		Client: client, Settings: s.Settings, DryRun: s.Sink.DryRun, APIReserve: s.Salesforce.APIReserve,
		Logger: a.Logger.With("stage", "sink"), Registerer: a.Registry,
	})
	if err != nil {
		return nil, err
	}
	// A dry run has a group and outcomes of its own, so that it never makes
	// the real one believe that something was written.
	group, outcomes := kafka.SinkGroup, kafka.Tasks
	if s.Sink.DryRun {
		group, outcomes = kafka.SinkDryRunGroup, kafka.TasksDryRun
	}
	o, err := engineOptions(a, "sink", []string{kafka.Calls, outcomes}, stream.Options[schemas.Outcome]{
		Group:        a.group(group),
		Input:        a.topic(kafka.Calls),
		Changelog:    a.topic(outcomes),
		Codec:        schemas.Outcomes,
		Timer:        sfsink.Timer,
		Handler:      sink,
		StateDir:     s.Sink.StateDir,
		Lanes:        a.lanes(s.Sink.Lanes, fewestSinkLanes),
		BatchRecords: 1000,
		HotStates:    sinkHotStates,
		Timeouts:     stream.Timeouts(s.Sink.Timeouts),
		Grace:        20 * time.Second,
		Now:          time.Now,
	})
	if err != nil {
		return nil, err
	}
	engine, err := stream.New(o)
	if err != nil {
		return nil, err
	}
	return &Sink{app: a, sink: sink, engine: engine}, nil
}

// sinkHotStates is the decoded outcomes that are kept in memory, over all lanes;
// fewer than of the processor, as a call is written a few times only.
const sinkHotStates = 20_000

// fewestSinkLanes is two so that one can wait for Salesforce while the other
// reads.
const fewestSinkLanes = 2

// Run writes until ctx is done. What a person has to mend in Salesforce (a
// refused sign-in, a missing field) is said in the log and in readiness, and
// does not end the stage: it goes on by itself once it is mended.
func (s *Sink) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.engine.Run(ctx) })
	group.Go(func() error { s.prepare(ctx); return nil })
	return group.Wait()
}

// prepare looks every half minute whether Salesforce can be written to, until
// it can; later troubles show up as batches that are put off.
func (s *Sink) prepare(ctx context.Context) {
	const component, again = "salesforce", 30 * time.Second
	for {
		err := s.sink.Prepare(ctx)
		s.app.report(component, err)
		if err == nil || ctx.Err() != nil {
			return
		}
		s.app.Logger.Error("Salesforce cannot be written to; looking again in half a minute", "cause", err)
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return
		}
	}
}

// Salesforce makes the client of the org. It sends nothing yet. The registerer may be nil.
func Salesforce(s settings.Salesforce, registerer prometheus.Registerer) (*salesforce.Client, error) {
	flow, err := signIn(s.Auth)
	if err != nil {
		return nil, err
	}
	return salesforce.New(salesforce.Options{
		LoginURL: s.LoginURL, APIVersion: s.APIVersion, Flow: flow, Registerer: registerer,
	})
}

func signIn(s settings.Auth) (salesforce.Flow, error) {
	if s.Flow == "client_credentials" {
		return salesforce.ClientCredentials{ClientID: s.ClientID, ClientSecret: s.ClientSecret.Reveal()}, nil
	}
	key, err := salesforce.ParseKey([]byte(s.PrivateKey.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("reading salesforce.auth.private_key_file: %w", err)
	}
	return salesforce.JWT{ClientID: s.ClientID, Username: s.Username, Key: key}, nil
}
