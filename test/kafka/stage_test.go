package kafka

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/callfold/callfold/test/ports"
)

// stage is a process of the binary.
type stage struct {
	w       *world
	name    string
	admin   string // address of health and metrics
	log     string // file
	process *exec.Cmd
	done    chan struct{}
	err     error
}

// start runs callfold with a stage's name. The world's end kills it, and shows
// the end of its log when the test failed.
func (w *world) start(name, instance string, more ...string) *stage {
	w.Helper()
	s := &stage{w: w, name: name + "-" + instance, admin: freeAddress(w), process: exec.Command(binary, name)}
	s.process.Env = w.environment(append([]string{
		"CALLFOLD_KAFKA_INSTANCE=" + instance,
		"CALLFOLD_ADMIN_LISTEN=" + s.admin,
		"CALLFOLD_PROCESSOR_STATE_DIR=" + w.stateDir(instance),
		"CALLFOLD_SINK_STATE_DIR=" + filepath.Join(w.dir, "sink-"+instance),
	}, more...)...)
	s.launch()
	return s
}

// launch starts the stage's process, which is done when done is closed.
func (s *stage) launch() {
	w := s.w
	w.Helper()
	s.log, s.done = filepath.Join(w.dir, s.name+".log"), make(chan struct{})
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	check(w.T, err)
	s.process.Stderr = log
	check(w.T, s.process.Start())
	go func() {
		s.err = s.process.Wait()
		log.Close()
		close(s.done)
	}()
	w.Cleanup(func() {
		s.kill()
		if w.Failed() || os.Getenv("LOGS") != "" {
			w.Logf("the end of the log of %s:\n%s", s.name, s.lastLines(30))
		}
	})
}

// processor is start for the stage that these tests are mostly about.
func (w *world) processor(instance string, more ...string) *stage {
	w.Helper()
	return w.start("process", instance, more...)
}

// kill is SIGKILL.
func (s *stage) kill() {
	if err := s.process.Process.Kill(); err == nil || errors.Is(err, os.ErrProcessDone) {
		<-s.done
	}
}

// stop is SIGTERM; the process must then end by itself, without an error.
func (s *stage) stop() {
	s.w.Helper()
	check(s.w.T, s.process.Process.Signal(syscall.SIGTERM))
	select {
	case <-s.done:
	case <-time.After(patience):
		s.w.Fatalf("%s did not end after SIGTERM", s.name)
	}
	if s.err != nil {
		s.w.Errorf("%s ended after SIGTERM with %v", s.name, s.err)
	}
}

// ready waits until the stage says so.
func (s *stage) ready() {
	s.w.Helper()
	s.w.eventually(s.name+" is ready", func(ctx context.Context) error {
		select {
		case <-s.done:
			s.w.Fatalf("%s ended: %v", s.name, s.err)
		default:
		}
		body, status, err := s.get(ctx, "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d: %s", status, body)
		}
		return err
	})
}

func (s *stage) get(ctx context.Context, path string) ([]byte, int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+path, nil)
	if err != nil {
		return nil, 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	return body.Bytes(), resp.StatusCode, err
}

// metric adds up the samples whose name is given and whose labels have all that
// is asked for, such as `result="unknown"`.
func (s *stage) metric(name string, labels ...string) float64 {
	s.w.Helper()
	body, _, err := s.get(s.w.Context(), "/metrics")
	check(s.w.T, err)
	sum := 0.0
	lines := bufio.NewScanner(bytes.NewReader(body))
samples:
	for lines.Scan() {
		sample, value, _ := strings.Cut(lines.Text(), " ")
		found, has, _ := strings.Cut(sample, "{")
		if found != name {
			continue
		}
		for _, label := range labels {
			if !strings.Contains(has, label) {
				continue samples
			}
		}
		n, err := strconv.ParseFloat(value, 64)
		check(s.w.T, err)
		sum += n
	}
	return sum
}

// logged says whether the stage's log has the text.
func (s *stage) logged(text string) bool {
	s.w.Helper()
	content, err := os.ReadFile(s.log)
	check(s.w.T, err)
	return bytes.Contains(content, []byte(text))
}

func (s *stage) lastLines(n int) string {
	content, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// command runs a command of the binary to its end.
func (w *world) command(env []string, args ...string) (output string, code int) {
	w.Helper()
	cmd := exec.CommandContext(w.patiently(), binary, args...)
	cmd.Env = w.environment(env...)
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		w.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// freeAddress is one that nobody listens on.
func freeAddress(w *world) string {
	w.Helper()
	address, err := ports.Free()
	check(w.T, err)
	return address
}
