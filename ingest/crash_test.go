package ingest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/ingest/journal"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/partition"
)

// TestMain lets this test binary run as a stage in a process of its own, which
// can be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("INGEST_TEST_JOURNAL"); dir != "" {
		if err := child(dir, os.Getenv("INGEST_TEST_BROKER")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// child serves webhooks until it is killed. It says where, and what it found in
// its journal; /left tells how much is in there.
func child(dir, broker string) error {
	j, err := journal.Open(journal.Options{Dir: dir, MaxBytes: 4 << 20, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		return err
	}
	found := j.Stats().Events
	client, err := kgo.NewClient(append(append(kafka.ProducerOptions(), ProducerOptions()...), kgo.SeedBrokers(broker),
		kgo.Dialer(func(ctx context.Context, network, _ string) (net.Conn, error) { // whatever the broker says of its address
			return new(net.Dialer).DialContext(ctx, network, broker)
		}))...)
	if err != nil {
		return err
	}
	s, err := New(Options{
		Producer: client, EventsTopic: "events", RejectedTopic: "rejected", Tokens: []string{"secret"},
		Probe: ProbeTopics(client, "events", "rejected"), Journal: j, AckTimeout: time.Second,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(Path, s)
	mux.HandleFunc("/left", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, j.Stats().Events, " ", j.Damaged()) })
	fmt.Println(listener.Addr(), found)
	go func() { _ = s.Run(context.Background()) }()
	return http.Serve(listener, mux)
}

// stage is such a process. Its address is empty while it does not run.
type stage struct {
	t           *testing.T
	dir, broker string
	cmd         *exec.Cmd
	addr        atomic.Value
	found       int // events in the journal at its starts, in all
}

func (p *stage) start() {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), "INGEST_TEST_JOURNAL="+p.dir, "INGEST_TEST_BROKER="+p.broker)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.t.Fatalf("the process ended before it worked: %v, %v", err, p.cmd.Wait())
	}
	addr, found, _ := strings.Cut(strings.TrimSpace(line), " ")
	n, err := strconv.Atoi(found)
	if err != nil {
		p.t.Fatal(err)
	}
	p.found += n
	p.addr.Store(addr)
}

func (p *stage) kill() {
	p.addr.Store("")
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
}

// post reports whether a body was answered with 200.
func (p *stage) post(client *http.Client, body string) bool {
	addr, _ := p.addr.Load().(string)
	if addr == "" {
		time.Sleep(5 * time.Millisecond) // polling
		return false
	}
	resp, err := client.Post("http://"+addr+Path, "application/json", strings.NewReader(body))
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return err == nil && resp.StatusCode == 200 && strings.Contains(string(answer), "accepted")
}

// wire carries connections to the broker, and can be cut.
type wire struct {
	net.Listener
	to  string
	mu  sync.Mutex
	cut bool
	all []net.Conn
}

func newWire(t *testing.T, to string) *wire {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: listener, to: to}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			w.join(near)
		}
	}()
	t.Cleanup(func() { w.set(true); listener.Close() })
	return w
}

func (w *wire) join(near net.Conn) {
	far, err := net.Dial("tcp", w.to)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil || w.cut {
		near.Close()
		if err == nil {
			far.Close()
		}
		return
	}
	w.all = append(w.all, near, far)
	for a, b := range map[net.Conn]net.Conn{near: far, far: near} {
		go func() {
			_, _ = io.Copy(a, b)
			a.Close()
		}()
	}
}

func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for _, conn := range w.all {
			conn.Close()
		}
		w.all = nil
	}
}

// TestKilledWhileTheBrokerComesAndGoes posts events, takes the broker away and
// gives it back, and kills the stage, all at random. What was answered with 200
// is in the topic at the end.
func TestKilledWhileTheBrokerComesAndGoes(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("CRASH_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("seed %d; set CRASH_SEED to repeat", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "events", "rejected"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	w := newWire(t, cluster.ListenAddrs()[0])
	p := &stage{t: t, dir: t.TempDir(), broker: w.Addr().String()}
	p.start()
	defer func() { p.kill() }()

	ctx, stop := context.WithCancel(t.Context())
	var ledger sync.Map
	var ids, answered atomic.Int64
	var posting sync.WaitGroup
	for range 6 {
		posting.Go(func() {
			client := &http.Client{Timeout: 5 * time.Second}
			for ctx.Err() == nil {
				id := ids.Add(1)
				body := strings.TrimSuffix(event(int(id)), "}") + `,"filler":"` + strings.Repeat("x", int(id*37%3000)) + `"}`
				if p.post(client, body) {
					ledger.Store(strconv.FormatInt(id, 10), true)
					answered.Add(1)
				}
			}
		})
	}
	// In each state of things more bodies are answered than can be in flight, unless the
	// journal is full.
	answers := func() {
		before := answered.Load()
		for full := time.Now().Add(20 * time.Second); answered.Load() < before+10 && time.Now().Before(full); {
			time.Sleep(5 * time.Millisecond) // polling
		}
	}
	kills, outages, away := 0, 0, false
	for range 24 {
		time.Sleep(time.Duration(50+random.IntN(400)) * time.Millisecond) // polling, of nothing but chance
		answers()
		if random.IntN(2) == 0 {
			away = !away
			w.set(away)
			if away {
				outages++
			}
			continue
		}
		p.kill()
		kills++
		p.start()
	}
	w.set(true) // so that the last kill leaves something in the journal
	answers()
	stop()
	posting.Wait()
	p.kill()
	w.set(false)
	p.start()
	waitEmpty(t, p)

	seen := map[string]int{}
	total := 0
	readAll(t, cluster, func(key string) { seen[key]++; total++ })
	lost := 0
	ledger.Range(func(id, _ any) bool {
		if seen[id.(string)] == 0 {
			lost++
		}
		return true
	})
	t.Logf("%d kills, %d outages, %d bodies answered with 200, %d found in the journal at starts, %d records in the topic, %d of them twice, %d lost",
		kills, outages, answered.Load(), p.found, total, total-len(seen), lost)
	if lost > 0 {
		t.Errorf("%d events were answered with 200 and are lost", lost)
	}
	if kills == 0 || outages == 0 || p.found == 0 || answered.Load() < 100 {
		t.Error("too little happened to prove anything")
	}
}

// waitEmpty waits until the process has published its journal.
func waitEmpty(t *testing.T, p *stage) {
	t.Helper()
	left := ""
	for deadline := time.Now().Add(30 * time.Second); left != "0 0"; {
		if time.Now().After(deadline) {
			t.Fatalf("left in the journal, and damaged: %s", left)
		}
		resp, err := http.Get("http://" + p.addr.Load().(string) + "/left")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		left = string(text)
		time.Sleep(20 * time.Millisecond) // polling
	}
}

// readAll reads the topic events to its end.
func readAll(t *testing.T, cluster *kfake.Cluster, each func(key string)) {
	t.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var mu sync.Mutex
	if err := partition.ReadAll(t.Context(), reader, "events", nil, &partition.Progress{}, func(_ int32, read partition.Reading) error {
		_, err := read(func(records []*kgo.Record) error {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range records {
				each(string(r.Key))
			}
			return nil
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestSecondProcessIsRefused starts a process on a journal that is in use.
func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	j, err := journal.Open(journal.Options{Dir: dir, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "INGEST_TEST_JOURNAL="+dir, "INGEST_TEST_BROKER=127.0.0.1:1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.Contains(string(out), "in use by another callfold") {
		t.Errorf("it ended with %v and said %s", err, out)
	}
}
