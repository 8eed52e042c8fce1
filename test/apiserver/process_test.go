package apiserver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// process is a part of the cluster. It dies with the test, however that ends.
type process struct {
	name, log string
	os        *os.Process
	done      chan struct{}
	err       error // how it ended, once done is closed
}

// start runs a program, with its log in dir.
func start(dir, path string, args ...string) (*process, error) {
	p := &process{name: strings.SplitN(filepath.Base(path), "-d", 2)[0], done: make(chan struct{})}
	p.log = filepath.Join(dir, p.name+".log")
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = dir, log, log, attributes()
	started := make(chan error, 1)
	go func() {
		// What Linux does at the death of the parent, it does at that of the thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close()
		err := cmd.Start()
		p.os = cmd.Process
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	return p, nil
}

// died tells that the process ended by itself, with its last words.
func (p *process) died() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	content, err := os.ReadFile(p.log)
	if err != nil {
		content = []byte(err.Error())
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return fmt.Errorf("%s ended: %w; the end of its log:\n%s", p.name, p.err, strings.Join(lines[max(0, len(lines)-20):], "\n"))
}

// kill ends the process; its data are thrown away anyhow.
func (p *process) kill() {
	_ = p.os.Kill() // it may have ended
	<-p.done
}
