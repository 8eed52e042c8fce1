package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// options are those of the command line.
type options struct {
	scenario string
	broker   string // embedded or apache
	seed     uint64
	duration time.Duration // of load and faults, at the least
	events   int           // at the least; 0 = as many as come in duration
	kills    int           // at the least
	rate     float64       // events a second at most, 0 = as many as go
	workers  int           // posting at a time
	drain    time.Duration // bound of the wait for the end
	dir      string        // for everything that a run writes
	root     string        // of the checkout
	verbose  io.Writer     // takes the log of events too; nil = nobody
}

// harness is one run.
type harness struct {
	options
	logs, binary string
	report       *report
	diary        *diary

	proxies  *proxies
	broker   brokers
	org      *org
	stages   []*stage
	counters *counters
	ledger   *ledger
	poster   *poster

	wire       sync.Mutex // held by who changes the network
	nodes      sync.Mutex // held while a broker is down or on its way up
	generation int        // of the instance names, see killEverything

	mending    errgroup.Group // what mends itself later
	mendingCtx context.Context
	mendNow    context.CancelFunc
}

// run does everything from the first process to the verdict, and ends what it
// started. An error is one of the harness itself.
func run(ctx context.Context, o options) (r *report, err error) {
	h := &harness{
		options: o, logs: filepath.Join(o.dir, "logs"), counters: newCounters(),
		report: &report{Scenario: o.scenario, Broker: o.broker, Seed: o.seed, Demanded: o.scenario == chaos, Done: map[string]int{}},
	}
	if err := os.MkdirAll(h.logs, 0o755); err != nil {
		return nil, fmt.Errorf("making the work directory: %w", err)
	}
	if h.diary, err = createDiary(filepath.Join(o.dir, "events.log"), o.verbose); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.start(ctx); err != nil {
		return nil, err
	}
	scraping, stopScraping := context.WithCancel(ctx)
	var scraper errgroup.Group
	scraper.Go(func() error { h.counters.run(scraping, h.stages); return nil })
	defer func() { stopScraping(); _ = scraper.Wait() }()

	if err := h.load(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := h.drained(ctx); err != nil {
		h.report.complain(err.Error())
	}
	h.report.Drained = seconds(time.Since(began))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return h.report, h.judge(ctx)
}

// start starts all processes.
func (h *harness) start(ctx context.Context) error {
	if err := h.build(ctx); err != nil {
		return err
	}
	var err error
	if h.broker, err = h.startBroker(ctx); err != nil {
		return err
	}
	if err := createTopics(ctx, h.broker.addresses(), h.broker.replicas()); err != nil {
		return err
	}
	if h.org, err = startOrg(ctx, filepath.Join(h.dir, "salesforce"), perKind, h.seed); err != nil {
		return err
	}
	if err := h.makeStages(); err != nil {
		return err
	}
	for _, s := range h.stages {
		if err := s.start(); err != nil {
			return err
		}
	}
	if h.ledger, err = createLedger(h.ledgerFile()); err != nil {
		return err
	}
	var urls []string
	for _, s := range h.of("ingest") {
		urls = append(urls, "http://"+s.listen+"/webhooks/aircall")
	}
	h.poster = newPoster(newBodies(h.seed), h.ledger, urls, h.rate)
	return nil
}

func (h *harness) ledgerFile() string { return filepath.Join(h.dir, "ledger") }

func (h *harness) build(ctx context.Context) error {
	var group errgroup.Group
	var err error
	group.Go(func() error {
		var err error
		h.binary, err = buildStages(ctx, h.root, h.dir)
		return err
	})
	var proxy string
	group.Go(func() error {
		var err error
		proxy, err = buildProxy(ctx, h.root, h.dir)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	h.proxies, err = startProxies(ctx, proxy, h.logs, h.seed, h.childDied)
	return err
}

func (h *harness) startBroker(ctx context.Context) (brokers, error) {
	if h.options.broker == apacheBroker {
		return startCluster(ctx, h.dir, h.proxies)
	}
	return startEmbedded(ctx, h.dir, h.logs, h.proxies, h.childDied)
}

// stageDied notes that a stage ended by itself, which it should not, and starts
// it again, as whoever runs it would.
func (h *harness) stageDied(c *child, err error) {
	h.childDied(c, err)
	if err := c.start(); err != nil {
		h.complain(err)
	}
}

func (h *harness) childDied(c *child, err error) {
	h.complain(fmt.Errorf("%s ended by itself: %w; see %s", c.name, cause(err), c.log))
}

func cause(err error) error {
	if err == nil {
		return errors.New("exit code 0")
	}
	return err
}

func (h *harness) complain(err error) {
	h.diary.say("WRONG: %v", err)
	h.report.complain(err.Error())
}

// load posts bodies and makes trouble until both are done, and then heals.
func (h *harness) load(ctx context.Context) error {
	h.mendingCtx, h.mendNow = context.WithCancel(ctx)
	defer h.mendNow()
	began := time.Now()
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return h.poster.run(gctx, h.workers) })
	group.Go(func() error {
		defer h.poster.stop()
		return h.makeTrouble(gctx, began)
	})
	err := group.Wait()
	h.report.Seconds = seconds(time.Since(began))
	h.mendNow()
	h.org.recover()
	err = errors.Join(err, h.mending.Wait())
	if err == nil {
		h.diary.say("everything is healed")
		err = h.proxies.heal(ctx)
	}
	return err
}

// makeTrouble does the schedule's steps.
func (h *harness) makeTrouble(ctx context.Context, began time.Time) error {
	if h.scenario != chaos {
		steps, err := scenario(h.scenario, h.broker.nodes())
		if err != nil {
			return err
		}
		for _, s := range steps {
			if err := h.do(ctx, s); err != nil {
				return err
			}
		}
		sleep(ctx, scrapeEvery)
		return nil
	}
	sleep(ctx, 3*time.Second) // let the stages come up
	s := newSchedule(h.seed, h.broker.nodes(), h.broker.survivesKill())
	for {
		next, first := s.next()
		if first && s.round > 1 {
			h.diary.say("round %d: %d bodies, %d kills", s.round, h.ledger.count(), h.report.done("kills"))
		}
		if ctx.Err() != nil || s.round > 1 && time.Since(began) > h.duration && h.enough() {
			return nil
		}
		if err := h.do(ctx, next); err != nil {
			return fmt.Errorf("doing %v: %w", next, err)
		}
	}
}

// enough tells whether there were as many events and kills as wanted.
func (h *harness) enough() bool {
	return h.ledger.count() >= h.events && h.report.done("kills") >= h.kills
}

// close ends all processes.
func (h *harness) close() error {
	var errs []error
	var all errgroup.Group
	for _, s := range h.stages {
		all.Go(s.kill)
	}
	errs = append(errs, all.Wait())
	if h.broker != nil {
		errs = append(errs, h.broker.close())
	}
	if h.proxies != nil {
		errs = append(errs, h.proxies.server.kill())
	}
	if h.org != nil {
		errs = append(errs, h.org.close())
	}
	if h.ledger != nil {
		errs = append(errs, h.ledger.close())
	}
	return errors.Join(append(errs, h.diary.close())...)
}
