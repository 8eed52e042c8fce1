//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/callfold/callfold/internal/broker"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/internal/traffic"
)

// serveWorld as the first argument makes this program the embedded broker and the
// simulator.
const serveWorld = "serve-world"

// world is the process of broker and simulator.
type world struct {
	broker, org string // addresses
	process     *exec.Cmd
	ask         io.WriteCloser
	answers     *bufio.Reader
}

// startWorld starts a fresh broker and a fresh org.
func startWorld(dir string, latency time.Duration) (*world, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	w := &world{process: exec.Command(self, serveWorld, dir, latency.String())}
	w.process.Stderr = os.Stderr
	// A signal from the terminal is for us: the other process ends when we do.
	w.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if w.ask, err = w.process.StdinPipe(); err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	answers, err := w.process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	w.answers = bufio.NewReader(answers)
	if err := w.process.Start(); err != nil {
		return nil, fmt.Errorf("starting broker and simulator: %w", err)
	}
	line, err := w.answers.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for broker and simulator: %w", err), w.close())
	}
	w.broker, w.org, _ = strings.Cut(strings.TrimSpace(line), " ")
	return w, nil
}

// cpu is the CPU time that the process has taken.
func (w *world) cpu() (time.Duration, error) {
	if _, err := io.WriteString(w.ask, "\n"); err != nil {
		return 0, fmt.Errorf("asking broker and simulator: %w", err)
	}
	line, err := w.answers.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("asking broker and simulator: %w", err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return time.Duration(n), err
}

func (w *world) close() error { return errors.Join(w.ask.Close(), w.process.Wait()) }

// runWorld is the process: it tells its addresses, and then its CPU time for every
// line that it is sent, until its input ends.
func runWorld(args []string) (err error) {
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
