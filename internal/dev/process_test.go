package dev

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/traffic"
)

// patience bounds a whole test, which takes half a minute at the most when all is well,
// and more than eight minutes were seen on a busy machine under the race detector.
const patience = 25 * time.Minute

// TestMain lets this test binary run as a process of its own, which can be
// killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("DEV_TEST_DATA"); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

func child(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := Run(ctx, Options{
		Data: dir, Listen: "127.0.0.1:0", Kafka: "127.0.0.1:0", Salesforce: "127.0.0.1:0", Org: traffic.SampleOrg(),
		Settings: settings.Default(), Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), Out: os.Stdout,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// process is a `callfold dev` in a process of its own.
type process struct {
	t   *testing.T
	dir string

	mu                         sync.Mutex
	cmd                        *exec.Cmd
	webhook, kafka, salesforce string // addresses, empty while it does not run
}

func newProcess(t *testing.T) *process {
	p := &process{t: t, dir: t.TempDir()}
	t.Cleanup(func() {
		if p.cmd != nil {
			_ = p.end(syscall.SIGKILL)
		}
	})
	return p
}

// start returns once the process says that it works.
func (p *process) start() {
	p.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "DEV_TEST_DATA="+p.dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	found := map[string]string{}
	where := regexp.MustCompile(`^  (webhook|Kafka|Salesforce) +(?:http://)?([0-9.]+:[0-9]+)`)
	lines := bufio.NewScanner(out)
	for len(found) < 3 && lines.Scan() {
		if m := where.FindStringSubmatch(lines.Text()); m != nil {
			found[m[1]] = m[2]
		}
	}
	if len(found) < 3 {
		p.t.Fatalf("the process ended before it worked: %v", cmd.Wait())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd, p.webhook, p.kafka, p.salesforce = cmd, found["webhook"], found["Kafka"], found["Salesforce"]
}

// end sends a signal and waits.
func (p *process) end(sig syscall.Signal) error {
	p.mu.Lock()
	cmd := p.cmd
	p.webhook = ""
	p.mu.Unlock()
	if err := cmd.Process.Signal(sig); err != nil {
		return err
	}
	return cmd.Wait()
}

func (p *process) addresses() (webhook, kafka, salesforce string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.webhook, p.kafka, p.salesforce
}

// post sends a body again and again until it is accepted, as Aircall does.
func (p *process) post(ctx context.Context, body []byte) error {
	for {
		if addr, _, _ := p.addresses(); addr != "" {
			resp, err := http.Post("http://"+addr+"/webhooks/aircall", "application/json", bytes.NewReader(body))
			if err == nil {
				answer, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					if !bytes.Contains(answer, []byte(`"accepted"`)) {
						return fmt.Errorf("a generated body was answered with %s", answer)
					}
					return nil
				}
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
