package app

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/reconcile"
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
	walk   func(context.Context) error // of sink.reconcile; nil = none
}

// Sink makes the stage that writes calls to Salesforce. It sends nothing yet.
func (a *App) Sink() (*Sink, error) {
	s := a.Settings
	client, err := Salesforce(s.Salesforce, a.Registry)
	if err != nil {
		return nil, err
	}
	sink, err := sfsink.New(sfsink.Options{
		Client: client, Settings: s.Settings, DryRun: s.Sink.DryRun, APIReserve: s.Salesforce.APIReserve, MaxLinger: s.Sink.MaxLinger,
		BulkAbove: s.Sink.BulkAbove,
		Logger:    a.Logger.With("stage", "sink"), Registerer: a.Registry,
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
		Linger:       sink.Linger,
		StateDir:     s.Sink.StateDir,
		Lanes:        a.lanes(s.Sink.Lanes, fewestSinkLanes),
		BatchRecords: sinkBatch,
		HotStates:    sinkHotStates,
		Timeouts:     stream.Timeouts(s.Sink.Timeouts),
		Grace:        20 * time.Second,
		Now:          time.Now,
	})
	if err != nil {
		return nil, err
	}
	o.CheckTopics = switched(o.CheckTopics, o.Group, o.Input, s.Kafka.CallsPrefix)
	engine, err := stream.New(o)
	if err != nil {
		return nil, err
	}
	a.Health.Watch("sink", engine.Alive)
	stage := &Sink{app: a, sink: sink, engine: engine}
	if s.Sink.Reconcile != string(reconcile.Off) && !s.Sink.DryRun { // a dry run has written nothing
		stage.walk, err = a.walk(sink, engine)
	}
	return stage, err
}

// sinkBatch is the records of one turn. A call in a burst has several states, of which
// the newest counts, and a turn should fill requests of 1,000 rows, several of them at
// a time while a backlog is written. What a turn holds in memory is bounded by bytes,
// too: 16 MiB of records, that is about 100 MiB with what is made of them.
const sinkBatch = 4000

// BulkRewrites is how many rewrites at once a lane of the sink writes by a bulk job, though
// they are not spread quite evenly; 0 where it never does. Not many more than that takes,
// since live calls wait while a lane hands its job over.
func BulkRewrites(s settings.Sink) int {
	if s.BulkAbove == 0 || s.BulkAbove >= sinkBatch {
		return 0
	}
	return min(sinkBatch, s.BulkAbove*5/4)
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
	group.Go(func() error { s.readiness().run(ctx); return nil })
	if s.walk != nil {
		group.Go(func() error { return s.walk(ctx) })
	}
	return group.Wait()
}

func (s *Sink) readiness() orgReadiness {
	return orgReadiness{
		prepare: s.sink.Prepare,
		trouble: s.sink.Trouble,
		look:    s.sink.Look,
		report:  func(problem error) { s.app.report("salesforce", problem) },
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
