//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/test/bench"
)

// stageRole is the role of the stage's process.
const stageRole = "run-stage"

// Kinds of stages.
const (
	plain      = "processor"
	withTimers = "timers"
)

// stage is a stage's process that is ready.
type stage struct {
	*bench.Process
	took time.Duration // from its start
	cpu  time.Duration // that it took for that
}

func startStage(ctx context.Context, addr, dir, kind, profile string) (stage, error) {
	began := time.Now()
	p, err := bench.Start(stageRole, addr, dir, kind, profile)
	if err != nil {
		return stage{}, err
	}
	line, err := p.Hear(ctx)
	s := stage{Process: p, took: time.Since(began)}
	if err != nil {
		return s, err
	}
	s.cpu, err = time.ParseDuration(line)
	return s, err
}

// engine is a stage of either kind.
type engine interface{ Run(context.Context) error }

// runStage is the stage's process. When it is ready it prints the CPU time that it
// took for that.
func runStage(ctx context.Context, args []string) (err error) {
	addr, dir, kind, profile := args[0], args[1], args[2], args[3]
	health := observe.NewHealth()
	e, err := newEngine(addr, dir, kind, health)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	stop, err := bench.Profile(profile)
	if err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ready(health) {
		select {
		case err := <-ended:
			return errors.Join(errors.New("the stage ended"), err)
		case <-tick.C:
		}
	}
	if err := stop(); err != nil {
		return err
	}
	fmt.Println(bench.CPUTime())
	return <-ended
}

func ready(h *observe.Health) bool {
	c := h.Components()
	return len(c) > 1 && !slices.ContainsFunc(c, func(c observe.Component) bool { return !c.Ready })
}

func newEngine(addr, dir, kind string, health *observe.Health) (engine, error) {
	k := kafkaSettings(addr)
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if kind == plain {
		s := settings.Default()
		s.Kafka, s.Processor.StateDir = k, dir
		return (&app.App{Settings: s, Logger: logger, Registry: observe.Registry(), Health: health}).Processor()
	}
	client, err := kafka.Options(k, "restore", logger, nil)
	if err != nil {
		return nil, err
	}
	return stream.New(stream.Options[schemas.CallRecord]{
		Name: "timers", Group: "timers", Instance: "timers",
		Client: func() []kgo.Opt { return slices.Concat(client, kafka.ProducerOptions()) },
		Input:  events, Changelog: callsT, Rejected: topicPrefix + kafka.Rejected,
		Codec: schemas.Calls, Handler: idle{}, StateDir: dir, Lanes: 2, BatchRecords: 1000,
		// One call in twenty waits, as where Salesforce was away for a while.
		Timer: func(r schemas.CallRecord) (time.Time, bool) {
			return time.Now().Add(time.Hour), r.State.ID%20 == 0
		},
		Timeouts: stream.QuickTimeouts, Grace: time.Second, Now: time.Now,
		Health: func(c string, problem error) {
			if problem != nil {
				health.NotReady(c, problem.Error())
			} else {
				health.Ready(c)
			}
		},
		Logger: logger, Registerer: prometheus.NewRegistry(),
	})
}

// idle is a handler that changes nothing.
type idle struct{}

func (idle) Handle(context.Context, *stream.Batch[schemas.CallRecord]) error { return nil }
