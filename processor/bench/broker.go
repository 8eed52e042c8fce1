//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/callfold/callfold/internal/broker"
)

// serveBroker as the first argument makes this program the embedded broker.
const serveBroker = "serve-broker"

// cluster is what the stage runs against.
type cluster struct {
	name    string
	brokers []string

	// The embedded broker's process, if it is that.
	process *exec.Cmd
	ask     io.WriteCloser
	answers *bufio.Reader
}

// connect starts the embedded broker, unless others are given.
func connect(o options, dir string) (*cluster, error) {
	if o.brokers != "" {
		return &cluster{name: "brokers " + o.brokers, brokers: strings.Split(o.brokers, ",")}, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	c := &cluster{name: "the embedded broker in a process of its own"}
	c.process = exec.Command(self, serveBroker, filepath.Join(dir, "broker"), o.brokerProfile)
	c.process.Stderr = os.Stderr
	// A signal from the terminal is for us: the broker ends when we do.
	c.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.ask, err = c.process.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	answers, err := c.process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	c.answers = bufio.NewReader(answers)
	if err := c.process.Start(); err != nil {
		return nil, fmt.Errorf("starting the broker: %w", err)
	}
	addr, err := c.answers.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for the broker: %w", err), c.close())
	}
	c.brokers = []string{strings.TrimSpace(addr)}
	return c, nil
}

// cpu is the CPU time that the broker has taken; 0 where it cannot be known.
func (c *cluster) cpu() (time.Duration, error) {
	if c.process == nil {
		return 0, nil
	}
	if _, err := io.WriteString(c.ask, "\n"); err != nil {
		return 0, fmt.Errorf("asking the broker: %w", err)
	}
	line, err := c.answers.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("asking the broker: %w", err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return time.Duration(n), err
}

func (c *cluster) close() error {
	if c.process == nil {
		return nil
	}
	return errors.Join(c.ask.Close(), c.process.Wait())
}

// runBroker is the broker's process. It tells its address, and then its CPU time
// for every line that it is sent, until its input ends.
func runBroker(args []string) (err error) {
	b, err := broker.Start(args[0], "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if profile := args[1]; profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return fmt.Errorf("making the profile: %w", err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return fmt.Errorf("starting the profile: %w", err)
		}
		defer func() { pprof.StopCPUProfile(); err = errors.Join(err, f.Close()) }()
	}
	fmt.Println(b.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		used, err := cpuTime()
		if err != nil {
			return err
		}
		fmt.Println(used.Nanoseconds())
	}
	return nil
}

// cpuTime is the CPU time that this process has taken.
func cpuTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("reading the CPU time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
