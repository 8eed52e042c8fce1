package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/kafka"
)

// cable connects the stage to the broker, and can be pulled.
type cable struct {
	network *kfake.VirtualNetwork

	mu     sync.Mutex
	pulled bool
	conns  []net.Conn
}

func (c *cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	pulled := c.pulled
	c.mu.Unlock()
	if pulled {
		return nil, errors.New("the cable is pulled")
	}
	conn, err := c.network.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, conn)
	return conn, nil
}

func (c *cable) pull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pulled = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

func (c *cable) plug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pulled = false
}

// site is the stage on a real HTTP server and a broker, in a bubble whose
// clock is virtual.
type site struct {
	*Server
	cluster *kfake.Cluster
	cable   *cable
	network *kfake.VirtualNetwork
	client  *http.Client
	log     *bytes.Buffer
	health  *health
}

// health keeps what the stage says about itself.
type health struct {
	mu      sync.Mutex
	problem error
}

func (h *health) set(_ string, problem error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.problem = problem
}

// ready returns nil when the stage says that it can work.
func (s site) ready() error {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	return s.health.problem
}

// onSite runs test in a bubble.
func onSite(t *testing.T, test func(t *testing.T, s site), more ...kgo.Opt) {
	t.Helper()
	onSiteWith(t, func(*testing.T, *Options) {}, test, more...)
}

// onSiteWith is onSite with other options.
func onSiteWith(t *testing.T, change func(*testing.T, *Options), test func(t *testing.T, s site), more ...kgo.Opt) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := new(kfake.VirtualNetwork)
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen),
			kfake.SeedTopics(3, "events", "rejected"))
		if err != nil {
			t.Fatal(err)
		}
		defer cluster.Close()
		c := &cable{network: network}
		client, err := kgo.NewClient(append(append(append(kafka.ProducerOptions(), ProducerOptions()...),
			kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(c.dial), kgo.DisableClientMetrics(),
			// A zstd decoder ends in a finalizer, which is outside every bubble.
			kgo.ProducerBatchCompression(kgo.NoCompression())), more...)...)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()

		s := site{cluster: cluster, cable: c, network: network, log: new(bytes.Buffer), health: &health{problem: errors.New("nothing was said")}}
		o := testOptions()
		o.Producer, o.Probe = client, ProbeTopics(client, "events", "rejected")
		o.Now, o.Health = time.Now, s.health.set
		o.Logger = slog.New(slog.NewTextHandler(s.log, nil))
		o.Registerer = prometheus.NewRegistry()
		change(t, &o)
		if s.Server, err = New(o); err != nil {
			t.Fatal(err)
		}
		listener, err := network.Listen("tcp", "localhost:8080")
		if err != nil {
			t.Fatal(err)
		}
		web := &http.Server{Handler: s.Server}
		transport := &http.Transport{DialContext: network.DialContext}
		s.client = &http.Client{Transport: transport}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = s.Run(ctx) })
		running.Go(func() { _ = web.Serve(listener) })
		synctest.Wait()

		test(t, s)

		transport.CloseIdleConnections()
		if err := web.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		cancel()
		running.Wait()
	})
}

// event is the body of a call event.
func event(id int) string {
	return fmt.Sprintf(`{"resource":"call","event":"call.created","timestamp":%d,"token":"secret","data":{"id":%d}}`, time.Now().Unix(), id)
}

// post sends a body and returns the status and how long it took.
func (s site) post(t *testing.T, body io.Reader) (int, time.Duration) {
	t.Helper()
	started := time.Now()
	resp, err := s.client.Post("http://localhost:8080"+Path, "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, time.Since(started)
}

// read returns the n records that a topic is expected to hold, as KEY VALUE;
// fewer if no more come for a minute.
func (s site) read(t *testing.T, topic string, n int) []string {
	t.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(s.cluster.ListenAddrs()...), kgo.Dialer(s.network.DialContext), kgo.DisableClientMetrics(),
		kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var records []string
	for len(records) < n && ctx.Err() == nil {
		reader.PollFetches(ctx).EachRecord(func(r *kgo.Record) { records = append(records, string(r.Key)+" "+string(r.Value)) })
	}
	return records
}

func TestAcceptedIsInTheTopic(t *testing.T) {
	onSite(t, func(t *testing.T, s site) {
		if err := s.ready(); err != nil {
			t.Error(err)
		}
		body := event(812)
		if status, _ := s.post(t, strings.NewReader(body)); status != 200 {
			t.Fatalf("status %d", status)
		}
		want := "812 " + strings.Replace(body, `"token":"secret",`, "", 1)
		if got := s.read(t, "events", 1); len(got) != 1 || got[0] != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	onSite(t, func(t *testing.T, s site) {
		const n = 100
		var posting sync.WaitGroup
		for id := 1; id <= n; id++ {
			posting.Go(func() {
				if status, _ := s.post(t, strings.NewReader(event(id))); status != 200 {
					t.Errorf("call %d: answered %d", id, status)
				}
			})
		}
		posting.Wait()
		seen := map[string]bool{}
		for _, record := range s.read(t, "events", n) {
			seen[record] = true
		}
		if len(seen) != n {
			t.Errorf("%d of %d events are in the topic", len(seen), n)
		}
	})
}

func TestAllReplicasMustAcknowledge(t *testing.T) {
	onSite(t, func(t *testing.T, s site) {
		// A webhook counts as stored on all in-sync replicas, not on the leader.
		asked := s.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Observe: true, Count: -1,
			When: func(r kmsg.Request) bool { return r.(*kmsg.ProduceRequest).Acks == -1 }})
		s.post(t, strings.NewReader(event(812)))
		if asked.Hits() != 1 {
			t.Errorf("%d produce requests asked for the acks of all", asked.Hits())
		}
	})
}

func TestTooFewReplicas(t *testing.T) {
	for topic, body := range map[string]string{
		"events":   `{"resource":"call","event":"call.created","timestamp":1,"token":"secret","data":{"id":812}}`,
		"rejected": `{"resource":"call","event":"call.created","timestamp":1,"token":"secret","data":{}}`,
	} {
		t.Run(topic, func(t *testing.T) {
			onSite(t, func(t *testing.T, s site) {
				trouble := s.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.NotEnoughReplicas, Count: -1})
				status, took := s.post(t, strings.NewReader(body))
				if status != 503 || took > 4*time.Second {
					t.Errorf("answered %d after %v", status, took)
				}
				if trouble.Hits() == 0 {
					t.Error("the broker was never asked")
				}
				if s.ready() == nil {
					t.Error("ready, though the record was not taken")
				}
				trouble.Remove()
				time.Sleep(time.Minute) // virtual
				if err := s.ready(); err != nil {
					t.Errorf("not ready: %v", err)
				}
				if status, _ := s.post(t, strings.NewReader(body)); status != 200 {
					t.Errorf("answered %d afterwards", status)
				}
			})
		})
	}
}

// Two failures are over within the deadline, and nobody need know.
func TestShortTroubleIsWaitedFor(t *testing.T) {
	onSite(t, func(t *testing.T, s site) {
		s.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotLeaderForPartition, Count: 2})
		if status, took := s.post(t, strings.NewReader(event(812))); status != 200 || took > 4*time.Second {
			t.Errorf("answered %d after %v", status, took)
		}
		if got := s.read(t, "events", 2); len(got) != 1 {
			t.Errorf("stored %q", got)
		}
	})
}

func TestBrokerGone(t *testing.T) {
	onSite(t, func(t *testing.T, s site) {
		s.cable.pull()
		status, took := s.post(t, strings.NewReader(event(812)))
		if status != 503 || took > 4*time.Second {
			t.Errorf("answered %d after %v", status, took)
		}
		time.Sleep(10 * time.Minute) // virtual
		synctest.Wait()
		if s.ready() == nil {
			t.Error("ready without a broker")
		}
		if n := strings.Count(s.log.String(), "Kafka takes no events"); n < 5 || n > 15 {
			t.Errorf("the log speaks of it %d times in ten minutes:\n%s", n, s.log)
		}
		s.cable.plug()
		time.Sleep(time.Minute) // virtual
		synctest.Wait()
		if err := s.ready(); err != nil {
			t.Errorf("not ready: %v", err)
		}
		if !strings.Contains(s.log.String(), "Kafka takes events again") {
			t.Error("the log does not say that it is over")
		}
		if status, _ := s.post(t, strings.NewReader(event(813))); status != 200 {
			t.Errorf("answered %d afterwards", status)
		}
	})
}

func TestMissingTopicIsNotReady(t *testing.T) {
	onSite(t, func(t *testing.T, s site) {
		err := s.o.Probe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		client := s.o.Producer.(*kgo.Client)
		if err := ProbeTopics(client, "events", "nowhere")(t.Context()); !errors.Is(err, kerr.UnknownTopicOrPartition) || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("error %v", err)
		}
	})
}

// A full buffer answers at once: waiting would only pile up requests.
func TestFullBuffer(t *testing.T) {
	onSite(t, func(t *testing.T, s site) {
		s.cable.pull()
		var first sync.WaitGroup
		first.Go(func() { s.post(t, strings.NewReader(event(812))) })
		synctest.Wait()
		if status, took := s.post(t, strings.NewReader(event(813))); status != 503 || took > 0 {
			t.Errorf("answered %d after %v", status, took)
		}
		first.Wait()
	}, kgo.MaxBufferedRecords(1))
}

// Aircall hangs up after 5 s, other clients earlier; what was received in full
// is written all the same.
func TestClientGoneDoesNotCancel(t *testing.T) {
	onSite(t, func(t *testing.T, s site) {
		trouble := s.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost:8080"+Path, strings.NewReader(event(812)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.client.Do(r); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the client did not give up: %v", err)
		}
		time.Sleep(time.Second) // virtual
		trouble.Remove()
		if got := s.read(t, "events", 1); len(got) != 1 {
			t.Errorf("stored %q", got)
		}
	})
}
