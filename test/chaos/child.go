package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// child is a process that is killed and started again. Each of its lives is an
// incarnation, numbered from 1.
type child struct {
	name string
	// command makes the next incarnation.
	command func() *exec.Cmd
	// died is told of an incarnation that ended though nobody ended it.
	died func(c *child, err error)
	log  string

	mu          sync.Mutex
	process     *os.Process
	incarnation int
	wanted      bool          // nobody ended it
	done        chan struct{} // closed at the incarnation's end
	err         error         // how it ended
}

func newChild(name, logs string, command func() *exec.Cmd, died func(*child, error)) *child {
	return &child{name: name, command: command, died: died, log: filepath.Join(logs, name+".log")}
}

// start begins the next incarnation; its output is appended to the log.
func (c *child) start() error {
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("opening the log of %s: %w", c.name, err)
	}
	defer log.Close() // the process has its own
	cmd := c.command()
	cmd.Stdout, cmd.Stderr = log, log
	// An interrupt at the terminal is for the harness, which ends its children.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running() {
		return fmt.Errorf("%s is running", c.name)
	}
	c.incarnation++
	_, err = fmt.Fprintf(log, "--- incarnation %d, %s\n", c.incarnation, time.Now().UTC().Format(time.RFC3339Nano))
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("starting %s: %w", c.name, err)
	}
	c.process, c.wanted, c.done = cmd.Process, true, make(chan struct{})
	go c.wait(cmd, c.done)
	return nil
}

func (c *child) wait(cmd *exec.Cmd, done chan struct{}) {
	err := cmd.Wait()
	c.mu.Lock()
	c.err = err
	unexpected := c.wanted
	close(done)
	c.mu.Unlock()
	if unexpected && c.died != nil {
		c.died(c, err)
	}
}

// running needs mu.
func (c *child) running() bool {
	if c.done == nil {
		return false
	}
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// life is the number of the incarnation that runs, 0 for none.
func (c *child) life() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running() {
		return 0
	}
	return c.incarnation
}

// signal sends a signal that does not end the process.
func (c *child) signal(s syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running() {
		return nil
	}
	return c.process.Signal(s)
}

// errTooLong says that a process did not end in order in time, and was killed.
var errTooLong = errors.New("it did not end in time after SIGTERM; its log ends with what its goroutines did")

// giveUp kills a process that does not end, after it said what it is doing: Go
// programs do that on SIGQUIT.
func (c *child) giveUp(process *os.Process, done chan struct{}) error {
	err := process.Signal(syscall.SIGQUIT)
	dumped := time.NewTimer(10 * time.Second)
	defer dumped.Stop()
	select {
	case <-done:
	case <-dumped.C:
		err = process.Kill()
		<-done
	}
	return errors.Join(fmt.Errorf("ending %s: %w", c.name, errTooLong), err)
}

// kill ends the process with SIGKILL and waits. One that does not run is left.
func (c *child) kill() error { return c.end(syscall.SIGKILL, time.Minute) }

// end sends the signal and waits for the end. The error of SIGTERM is the exit
// code's, or errTooLong; that of SIGKILL is nil.
func (c *child) end(s syscall.Signal, within time.Duration) error {
	c.mu.Lock()
	if !c.running() {
		c.mu.Unlock()
		return nil
	}
	c.wanted = false
	process, done := c.process, c.done
	c.mu.Unlock()
	if err := process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending %s: %w", c.name, err)
	}
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		return c.giveUp(process, done)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s != syscall.SIGKILL && c.err != nil {
		return fmt.Errorf("ending %s: %w", c.name, c.err)
	}
	return nil
}
