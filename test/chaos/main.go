package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The values of -broker, and of -scenario but for those of function scenario.
const (
	embeddedBroker = "embedded"
	apacheBroker   = "apache"
	chaos          = "chaos"
)

func main() {
	if os.Getenv(envBrokerDir) != "" {
		if err := brokerProcess(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code, err := command(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "chaos: %v\n", err)
	}
	os.Exit(code)
}

// command does what the command line says and gives the exit code: 0 for a run
// that proved something and found nothing, 1 for any other, 2 for wrong usage.
func command(args []string) (int, error) {
	o, output, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0, nil
	}
	if err != nil {
		return 2, err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.root, err = checkout(ctx); err != nil {
		return 1, err
	}
	kept := o.dir != ""
	if !kept {
		if o.dir, err = os.MkdirTemp("", "callfold-chaos-"); err != nil {
			return 1, fmt.Errorf("making the work directory: %w", err)
		}
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return 1, err
	}
	fmt.Fprintf(os.Stderr, "%s on %s, seed %d (repeat with -seed %d); work directory %s\n", o.scenario, o.broker, o.seed, o.seed, o.dir)
	r, err := run(ctx, o)
	if err != nil {
		return 1, fmt.Errorf("%w\nlogs are in %s", err, o.dir)
	}
	if err := r.write(os.Stdout, output); err != nil {
		return 1, err
	}
	code := r.exitCode()
	switch {
	case code != 0:
		fmt.Fprintf(os.Stderr, "failed; seed %d; logs and data are in %s\n", o.seed, o.dir)
	case !kept:
		err = os.RemoveAll(o.dir)
	}
	return code, err
}

func parse(args []string) (o options, output string, err error) {
	var verbose bool
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.StringVar(&o.scenario, "scenario", chaos, "chaos; everything: all processes killed at once, again and again; leaderless: two of three brokers down for half a minute")
	flags.StringVar(&o.broker, "broker", embeddedBroker, "embedded or apache (three nodes; needs Java and Maven)")
	flags.Uint64Var(&o.seed, "seed", 0, "what is left to chance; 0 takes a new one")
	flags.DurationVar(&o.duration, "duration", time.Minute, "how long there are load and faults, at the least")
	flags.IntVar(&o.events, "events", 0, "bodies to post, at the least")
	flags.IntVar(&o.kills, "kills", 0, "processes to kill, at the least")
	flags.Float64Var(&o.rate, "rate", 600, "bodies a second at most; 0: no bound")
	flags.IntVar(&o.workers, "workers", 48, "bodies that are posted at a time")
	flags.DurationVar(&o.drain, "drain", 10*time.Minute, "how long to wait at the end until everything has gone through")
	flags.StringVar(&o.dir, "dir", "", "directory for logs and data, kept; by default one that is kept only after a failure")
	flags.StringVar(&output, "output", "text", "text or json")
	flags.BoolVar(&verbose, "v", false, "print the log of events as it is written")
	if err := flags.Parse(args); err != nil {
		return o, "", err
	}
	if verbose {
		o.verbose = os.Stderr
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()>>32 + 1
	}
	switch {
	case flags.NArg() > 0:
		return o, "", fmt.Errorf("%q is no flag", flags.Arg(0))
	case o.broker != embeddedBroker && o.broker != apacheBroker:
		return o, "", fmt.Errorf("-broker is %s or %s, not %q", embeddedBroker, apacheBroker, o.broker)
	case output != "text" && output != "json":
		return o, "", fmt.Errorf("-output is text or json, not %q", output)
	case o.workers < 1 || o.events < 0 || o.kills < 0:
		return o, "", errors.New("-workers must be 1 or more, -events and -kills not below 0")
	}
	if o.scenario != chaos {
		nodes := 1
		if o.broker == apacheBroker {
			nodes = clusterNodes
		}
		_, err = scenario(o.scenario, nodes)
	}
	return o, output, err
}

// checkout is the directory of the module that this program is part of.
func checkout(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("looking for the checkout: %w", err)
	}
	file := strings.TrimSpace(string(out))
	if filepath.Base(file) != "go.mod" {
		return "", errors.New("run this within the checkout: it builds what it kills")
	}
	return filepath.Dir(file), nil
}
