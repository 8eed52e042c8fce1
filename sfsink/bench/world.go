//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/broker"
	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/test/bench"
)

// worldRole is the role of the embedded broker and the simulator.
const worldRole = "serve-world"

// world is the process of broker and simulator.
type world struct {
	*bench.Process
	broker, org string // addresses
}

// inWorld does something with a fresh broker and a fresh org.
func inWorld(ctx context.Context, o options, do func(w *world, dir string) error) (err error) {
	dir, err := os.MkdirTemp(o.dir, "callfold-bench-")
	if err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	process, err := bench.Start(worldRole, dir, o.latency.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, process.End(syscall.SIGTERM)) }()
	w := &world{Process: process}
	addrs, err := process.Hear(ctx)
	if err != nil {
		return fmt.Errorf("waiting for broker and simulator: %w", err)
	}
	w.broker, w.org, _ = strings.Cut(addrs, " ")
	return do(w, dir)
}

// client is one of the org. Its metrics go to a registry, if there is one.
func (w *world) client(registry prometheus.Registerer) (*salesforce.Client, error) {
	return salesforce.New(salesforce.Options{
		LoginURL: w.org, APIVersion: "64.0", Registerer: registry,
		Flow: salesforce.ClientCredentials{ClientID: "dev", ClientSecret: "dev"},
	})
}

// runWorld is the process: it tells its addresses.
func runWorld(ctx context.Context, args []string) (err error) {
	latency, err := time.ParseDuration(args[1])
	if err != nil {
		return fmt.Errorf("reading the time of a collection: %w", err)
	}
	b, err := broker.Start(filepath.Join(args[0], "broker"), "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	org, err := sfsim.New(sfsim.Options{Latency: latency})
	if err != nil {
		return err
	}
	if err := org.Load(traffic.SampleOrg()); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{Handler: org, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		err = errors.Join(err, server.Close())
		if end := <-served; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
	}()
	fmt.Println(b.Addr(), "http://"+listener.Addr().String())
	<-ctx.Done()
	return nil
}
