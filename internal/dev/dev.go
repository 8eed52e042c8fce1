package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/ingest"
	"github.com/callfold/callfold/internal/aircallsim"
	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/broker"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/internal/traffic"
)

// Token is the webhook token.
const Token = "dev-token"

// Options are the flags of the command.
type Options struct {
	// Data is the directory that keeps everything.
	Data string
	// Listen, Kafka and Salesforce are the addresses, HOST:PORT.
	Listen, Kafka, Salesforce string
	// Traffic is how many generated calls begin in a minute; 0 = none.
	Traffic float64
	// Org are the records that an empty simulator is filled with, in the form
	// of an org file; nil = none.
	Org []byte
	// Settings are the user's; where to find Kafka and Salesforce is replaced.
	Settings settings.Settings
	Logger   *slog.Logger
	// Out is told where everything is, once it works.
	Out io.Writer
}

// Run runs everything until ctx is done, then stops it in order: what sends
// before what receives, the stages before the broker.
func Run(ctx context.Context, o Options) (err error) {
	var closers []func() error
	defer func() {
		for _, closer := range slices.Backward(closers) {
			err = errors.Join(err, closer())
		}
	}()

	// The addresses first: one that is taken is the commonest trouble.
	web, err := observe.Listen(ctx, o.Listen, "--listen")
	if err != nil {
		return err
	}
	closers = append(closers, closeListener(web))
	salesforce, err := observe.Listen(ctx, o.Salesforce, "--salesforce")
	if err != nil {
		return err
	}
	closers = append(closers, closeListener(salesforce))

	locked, err := lock(o.Data)
	if err != nil {
		return err
	}
	closers = append(closers, locked.Close)
	kafkaBroker, err := broker.Start(filepath.Join(o.Data, "kafka"), o.Kafka)
	if err != nil {
		return observe.ListenError(err, o.Kafka, "--kafka")
	}
	closers = append(closers, kafkaBroker.Close)

	// From here on the real addresses count, also where a port was 0.
	o.Listen, o.Salesforce, o.Kafka = web.Addr().String(), salesforce.Addr().String(), kafkaBroker.Addr()

	a := app.New(o.stageSettings(), o.Logger, "ingest", "processor", "sink", "salesforce")
	a.TransactionalSuffix = kafkaBroker.TransactionalSuffix()
	org, err := openOrg(o, a)
	if err != nil {
		return err
	}
	closers = append(closers, org.Close)
	if err := createTopics(ctx, a.Settings.Kafka); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it had begun
		}
		return err
	}
	return run(ctx, o, a, web, salesforce, org)
}

// run runs what is on the listeners. Each group below ends after the one that
// is started later.
func run(ctx context.Context, o Options, a *app.App, web, salesforce net.Listener, org *sfsim.Server) error {
	var all errgroup.Group
	orgCtx, stopOrg := context.WithCancel(context.WithoutCancel(ctx))
	all.Go(func() error {
		return observe.Serve(orgCtx, &http.Server{Handler: org, ReadHeaderTimeout: 5 * time.Second}, salesforce)
	})
	err := runStages(ctx, o, a, web)
	stopOrg()
	return errors.Join(err, all.Wait())
}

// runStages runs the stages, the web server and the traffic.
func runStages(ctx context.Context, o Options, a *app.App, web net.Listener) error {
	receive, err := a.Ingest()
	if err != nil {
		return err
	}
	defer receive.Close()
	process, err := a.Processor()
	if err != nil {
		return err
	}
	sink, err := a.Sink()
	if err != nil {
		return err
	}
	calls := newBoard(a)
	api := o.aircall()
	handler := http.NewServeMux()
	handler.Handle(ingest.Path, receive)
	handler.Handle("/v1/", api)
	handler.Handle("GET /{$}", calls.page(o))
	handler.Handle("/", observe.AdminHandler(a.Health, a.Registry))

	stages, ctx := errgroup.WithContext(ctx)
	stages.Go(func() error { return observe.Serve(ctx, app.WebServer(handler, a.Logger), web) })
	stages.Go(func() error { return receive.Run(ctx) })
	stages.Go(func() error { return process.Run(ctx) })
	stages.Go(func() error { return sink.Run(ctx) })
	stages.Go(func() error { return calls.run(ctx) })
	stages.Go(func() error {
		if !waitUntilReady(ctx, a.Health) {
			return nil
		}
		greet(o, a.Settings.Kafka.TopicPrefix, time.Now())
		return o.sendTraffic(ctx, a, api.Add)
	})
	return stages.Wait()
}

// stageSettings are the user's, with everything that dev decides.
func (o *Options) stageSettings() settings.Settings {
	s := o.Settings
	s.Kafka.Brokers, s.Kafka.Instance, s.Kafka.ReplicationFactor = []string{o.Kafka}, "dev", 1
	s.Kafka.TLS, s.Kafka.SASL = settings.TLS{}, settings.SASL{}
	s.Ingest.Tokens = []settings.Secret{Token}
	// The broker is in this very process; and what waits in the journal of the
	// settings belongs to another one.
	s.Ingest.JournalDir = ""
	s.Processor.StateDir = filepath.Join(o.Data, "processor")
	s.Sink.StateDir = filepath.Join(o.Data, "sink")
	s.Sink.MaxLinger = 0 // the simulator's API requests cost nothing
	s.Salesforce.LoginURL = "http://" + o.Salesforce
	s.Salesforce.Auth = settings.Auth{Flow: "client_credentials", ClientID: "dev", ClientSecret: "dev"}
	return s
}

// openOrg opens the simulator and fills it the first time.
func openOrg(o Options, a *app.App) (*sfsim.Server, error) {
	dir := filepath.Join(o.Data, "salesforce")
	keys, err := jwtKeys(dir)
	if err != nil {
		return nil, err
	}
	org, err := sfsim.New(sfsim.Options{
		Dir: filepath.Join(dir, "org"), JWTKeys: keys, Logger: o.Logger.With("stage", "simulator"), Registerer: a.Registry,
	})
	if err != nil {
		return nil, err
	}
	if err := org.LoadIfEmpty(o.Org); err != nil {
		return nil, errors.Join(fmt.Errorf("filling the simulator (--org): %w", err), org.Close())
	}
	return org, nil
}

func createTopics(ctx context.Context, s settings.Kafka) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...))
	if err != nil {
		return fmt.Errorf("making a Kafka client: %w", err)
	}
	defer cl.Close()
	_, err = kafka.Create(ctx, cl, kafka.Topics(s, true))
	return err
}

// aircall is Aircall's REST API over the generated calls.
func (o *Options) aircall() *aircallsim.Server {
	var api aircallsim.Options
	api.Webhook.URL, api.Webhook.Token = "http://"+o.Listen+ingest.Path, Token
	return aircallsim.New(api)
}

// sendTraffic posts generated calls to the webhook, through the front door; begun
// is told of each.
func (o *Options) sendTraffic(ctx context.Context, a *app.App, begun func(traffic.Call)) error {
	if o.Traffic <= 0 {
		return nil
	}
	now := time.Now()
	return traffic.NewSender(traffic.SenderOptions{
		URL:            "http://" + o.Listen + ingest.Path,
		CallsPerMinute: o.Traffic,
		Compress:       lifeCompression,
		Begun:          begun,
		Generator:      traffic.New(traffic.Options{Seed: uint64(now.UnixNano()), Start: now, Token: Token}),
		Logger:         a.Logger.With("stage", "traffic"),
		Registerer:     a.Registry,
	}).Run(ctx)
}

// lifeCompression makes a generated call's life pass in seconds.
const lifeCompression = 30

// waitUntilReady returns false when ctx is done before.
func waitUntilReady(ctx context.Context, health *observe.Health) bool {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ready := true
		for _, c := range health.Components() {
			ready = ready && c.Ready
		}
		if ready {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

func closeListener(l net.Listener) func() error {
	return func() error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}
