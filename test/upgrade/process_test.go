//go:build upgrade

package upgrade

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// process is a `callfold process` of one of the versions.
type process struct {
	w    *world
	cmd  *exec.Cmd
	read chan struct{} // closed at the end of its log

	mu    sync.Mutex
	log   bytes.Buffer
	admin string
}

// start runs the program with that name in the group, and that state directory.
func (w *world) start(program, instance, stateDir string) *process {
	w.Helper()
	p := &process{w: w, cmd: exec.Command(program, "process"), read: make(chan struct{})}
	p.cmd.Env = append(os.Environ(),
		"CALLFOLD_KAFKA_BROKERS="+strings.Join(w.brokers, ","), "CALLFOLD_KAFKA_INSTANCE="+instance,
		"CALLFOLD_PROCESSOR_STATE_DIR="+stateDir, "CALLFOLD_PROCESSOR_LANES=1", "CALLFOLD_ADMIN_LISTEN=127.0.0.1:0")
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		w.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		p.stop()
		if w.Failed() {
			w.Logf("the log of %s:\n%s", instance, p.said())
		}
	})
	go p.follow(stderr)
	return p
}

// follow keeps what the process logs, and finds the address of its health in it.
func (p *process) follow(stderr io.Reader) {
	defer close(p.read)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		var line struct{ Msg, Address string }
		_ = json.Unmarshal(lines.Bytes(), &line) // a line that is no JSON has no address
		p.mu.Lock()
		p.log.Write(append(lines.Bytes(), '\n'))
		if line.Msg == "serving health and metrics" {
			p.admin = line.Address
		}
		p.mu.Unlock()
	}
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// readiness is the answer of /readyz, empty while there is none.
func (p *process) readiness() (ready bool, body string) {
	p.mu.Lock()
	admin := p.admin
	p.mu.Unlock()
	if admin == "" {
		return false, ""
	}
	resp, err := http.Get("http://" + admin + "/readyz")
	if err != nil {
		return false, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK, string(text)
}

func (p *process) untilReady() {
	p.w.Helper()
	p.w.until("the process is ready", func() bool { ready, _ := p.readiness(); return ready })
}

// untilPaused waits until the process says, in readiness and in its log, that
// it waits for the end of an upgrade.
func (p *process) untilPaused() {
	p.w.Helper()
	const says = "written by a newer version of callfold: finish the upgrade, then this reader goes on"
	p.w.until("readiness says that an upgrade is half done", func() bool {
		ready, body := p.readiness()
		return !ready && strings.Contains(body, says)
	})
	p.w.until("the log says that an upgrade is half done", func() bool { return strings.Contains(p.said(), says) })
}

// stop ends the process in order; one that has ended it leaves alone.
func (p *process) stop() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself, which Wait tells
	<-p.read
	if err := p.cmd.Wait(); err != nil {
		p.w.Errorf("the process ended with %v", err)
	}
}
