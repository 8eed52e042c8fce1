package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/callfold/callfold/test/ports"
)

// stage is a process of the product.
type stage struct {
	*child
	kind   string // ingest, process or sink
	number int    // among those of its kind, from 0
	admin  string // address of its metrics
	listen string // address of its webhook endpoint; ingest only
	state  string // the directory that is lost when its disk is; not of ingest

	dir      string
	brokers  []string
	replicas int
	login    string // where the sink signs in
	instance string

	paused atomic.Bool // stopped by SIGSTOP
}

// perKind is how many processes there are of each stage.
const perKind = 2

// partitions of the topics.
const partitions = 12

// makeStages makes two processes of each stage; none runs yet.
func (h *harness) makeStages() error {
	for _, kind := range []string{"ingest", "process", "sink"} {
		for number := range perKind {
			if err := h.makeStage(kind, number); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *harness) makeStage(kind string, number int) error {
	s := &stage{kind: kind, number: number, brokers: h.broker.addresses(), replicas: h.broker.replicas()}
	name := fmt.Sprintf("%s-%d", kind, number)
	s.dir = filepath.Join(h.dir, name)
	s.instance = name
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return fmt.Errorf("making a directory for %s: %w", name, err)
	}
	var err error
	if s.admin, err = ports.Free(); err != nil {
		return err
	}
	switch kind {
	case "ingest":
		if s.listen, err = ports.Free(); err != nil {
			return err
		}
	case "sink":
		s.login = h.org.urls[number]
		fallthrough
	default:
		s.state = filepath.Join(s.dir, "state")
	}
	s.child = newChild(name, h.logs, func() *exec.Cmd {
		cmd := exec.Command(h.binary, kind, "--config", s.config())
		cmd.Env = append(os.Environ(), "CALLFOLD_KAFKA_INSTANCE="+s.instance,
			"CALLFOLD_INGEST_TOKENS="+token, "CALLFOLD_SALESFORCE_AUTH_CLIENT_SECRET=dev")
		return cmd
	}, h.stageDied)
	h.stages = append(h.stages, s)
	return s.configure()
}

func (s *stage) config() string { return filepath.Join(s.dir, "callfold.yaml") }

// configure writes the settings file. All that a user would leave at its default is.
func (s *stage) configure() error {
	text := fmt.Sprintf(`kafka: {brokers: ["%s"], partitions: %d, replication_factor: %d}
admin: {listen: %q}
log: {level: info, format: text}
`, strings.Join(s.brokers, `","`), partitions, s.replicas, s.admin)
	switch s.kind {
	case "ingest":
		text += fmt.Sprintf("ingest: {listen: %q, journal_dir: %q}\n", s.listen, filepath.Join(s.dir, "journal"))
	case "process":
		text += fmt.Sprintf("processor: {state_dir: %q}\n", s.state)
	case "sink":
		text += fmt.Sprintf("sink: {state_dir: %q, max_linger: 2s}\nsalesforce: {login_url: %q, auth: {flow: client_credentials, client_id: dev}}\n", s.state, s.login)
	}
	if err := os.WriteFile(s.config(), []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing the settings of %s: %w", s.name, err)
	}
	return nil
}

// wipe deletes what a process that is down kept on its disk, but for the journal.
func (s *stage) wipe() error { return os.RemoveAll(s.state) }

// of are the processes of a stage.
func (h *harness) of(kind string) []*stage {
	var of []*stage
	for _, s := range h.stages {
		if s.kind == kind {
			of = append(of, s)
		}
	}
	return of
}

// buildStages builds the binary that the stages are.
func buildStages(ctx context.Context, root, dir string) (string, error) {
	binary := filepath.Join(dir, "callfold")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/callfold")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building callfold: %w\n%s", err, out)
	}
	return binary, nil
}
