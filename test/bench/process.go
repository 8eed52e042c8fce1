//go:build unix

package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is this program in another role.
type Process struct {
	cmd  *exec.Cmd
	ask  io.Writer
	said chan string // the lines that it prints; closed when it ends
}

// Start runs this program once more, with its role as the first argument.
func Start(args ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	p := &Process{cmd: exec.Command(self, args...), said: make(chan string, 16)}
	p.cmd.Stderr = os.Stderr
	// A signal from the terminal is for us: the other process ends when we do.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.ask, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", args[0], err)
	}
	go func() {
		defer close(p.said)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.said <- lines.Text()
		}
	}()
	return p, nil
}

// Hear waits for the next line.
func (p *Process) Hear(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	select {
	case line, ok := <-p.said:
		if !ok {
			return "", errors.Join(errors.New("the process ended"), p.cmd.Wait())
		}
		return line, nil
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), p.End(syscall.SIGKILL))
	}
}

// CPU is the CPU time that the process has taken.
func (p *Process) CPU(ctx context.Context) (time.Duration, error) {
	if _, err := io.WriteString(p.ask, "\n"); err != nil {
		return 0, fmt.Errorf("asking %s: %w", p.cmd.Args[1], err)
	}
	line, err := p.Hear(ctx)
	if err != nil {
		return 0, fmt.Errorf("asking %s: %w", p.cmd.Args[1], err)
	}
	n, err := strconv.ParseInt(line, 10, 64)
	return time.Duration(n), err
}

// End ends the process. One that was killed need not end in order.
func (p *Process) End(s syscall.Signal) error {
	switch err := p.cmd.Process.Signal(s); {
	case errors.Is(err, os.ErrProcessDone):
		return nil // and Hear has told how
	case err != nil:
		return err
	}
	for range p.said { // nobody listens any more
	}
	if err := p.cmd.Wait(); err != nil && s != syscall.SIGKILL {
		return fmt.Errorf("ending %s: %w", p.cmd.Args[1], err)
	}
	return nil
}

// Memory is what the kernel counts for the process, in bytes: now, and at the most.
// It asks as Linux answers.
func (p *Process) Memory() (now, peak int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		kb, _ := strconv.ParseInt(strings.Fields(value + " 0")[0], 10, 64)
		switch name {
		case "VmRSS":
			now = kb << 10
		case "VmHWM":
			peak = kb << 10
		}
	}
	return now, peak, nil
}
