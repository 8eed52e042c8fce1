//go:build unix

package main

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/callfold/callfold/test/bench"
)

// cluster is what the stage runs against.
type cluster struct {
	name    string
	brokers []string
	process *bench.Process // the embedded broker's, if it is that
}

// connect starts the embedded broker, unless others are given.
func connect(ctx context.Context, o options, dir string) (*cluster, error) {
	if o.brokers != "" {
		return &cluster{name: "brokers " + o.brokers, brokers: strings.Split(o.brokers, ",")}, nil
	}
	process, addr, err := bench.StartBroker(ctx, filepath.Join(dir, "broker"), o.brokerProfile)
	if err != nil {
		return nil, err
	}
	return &cluster{name: "the embedded broker in a process of its own", brokers: []string{addr}, process: process}, nil
}

// cpu is the CPU time that the broker has taken; 0 where it cannot be known.
func (c *cluster) cpu(ctx context.Context) (time.Duration, error) {
	if c.process == nil {
		return 0, nil
	}
	return c.process.CPU(ctx)
}

func (c *cluster) close() error {
	if c.process == nil {
		return nil
	}
	return c.process.End(syscall.SIGTERM)
}
