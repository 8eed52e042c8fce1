package apache

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

//go:embed log4j2.properties
var log4j []byte

// process is a node that was started. It is done when done is closed.
type process struct {
	node int
	log  string
	pid  int
	os   *os.Process
	done chan struct{}
	err  error // how it ended, once done is closed
}

// ErrDied says that a node ended by itself. Its message has the node's last words.
var ErrDied = errors.New("the Kafka node died")

// start runs a node, appending to its log.
func (o *Options) start(node int) (*process, error) {
	dir := o.nodeDir(node)
	p := &process{node: node, log: filepath.Join(dir, "kafka.log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the log of Kafka node %d: %w", node, err)
	}
	// Not bound to a context: the node lives until it is told to end.
	cmd := o.java(context.Background(), o.Heap, "kafka.Kafka", filepath.Join(dir, "server.properties"))
	cmd.Args = append([]string{cmd.Args[0], "-Dlog4j2.configurationFile=" + filepath.Join(dir, "log4j2.properties")}, cmd.Args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes(o.Detached)
	started := make(chan error, 1)
	go func() {
		defer log.Close()
		p.run(cmd, started)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting Kafka node %d: %w", node, err)
	}
	return p, nil
}

// run starts the command and waits for its end on one thread of the system:
// what Linux does at the death of the parent, it does at that of the thread.
func (p *process) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	if err == nil {
		p.os, p.pid = cmd.Process, cmd.Process.Pid
	}
	started <- err
	if err == nil {
		p.err = cmd.Wait()
		close(p.done)
	}
}

// running says whether the node has not ended.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// end sends the signal and waits for the node's end.
func (p *process) end(ctx context.Context, signal syscall.Signal) error {
	if err := p.os.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending Kafka node %d: %w", p.node, err)
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the end of Kafka node %d: %w", p.node, ctx.Err())
	}
}

// died is the error of a node that ended by itself.
func (p *process) died() error {
	return fmt.Errorf("%w: node %d: %w; the end of %s:\n%s", ErrDied, p.node, p.err, p.log, tail(p.log, 20))
}

// tail is the last lines of a file, as far as they can be had.
func tail(file string, lines int) []byte {
	f, err := os.Open(file)
	if err != nil {
		return []byte(err.Error())
	}
	defer f.Close()
	const most = 16 << 10
	if info, err := f.Stat(); err == nil && info.Size() > most {
		if _, err := f.Seek(-most, io.SeekEnd); err != nil {
			return []byte(err.Error())
		}
	}
	content, err := io.ReadAll(f)
	if err != nil {
		return []byte(err.Error())
	}
	all := bytes.Split(bytes.TrimRight(content, "\n"), []byte("\n"))
	return bytes.Join(all[max(0, len(all)-lines):], []byte("\n"))
}
