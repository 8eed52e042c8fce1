package kafka

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/apache"
	"github.com/callfold/callfold/internal/broker"
)

// The kinds of brokers.
const (
	embedded = "embedded"
	one      = "apache"
	three    = "cluster"
)

// only skips the test on other kinds of brokers than those named.
func only(t *testing.T, why string, kinds ...string) {
	t.Helper()
	if !slices.Contains(kinds, shared.kind) {
		t.Skipf("only with BROKER=%v: %s", kinds, why)
	}
}

// fleet is where the tests' topics are.
type fleet struct {
	kind, dir string
	brokers   []string // for the stages; through the proxies where there are some
	direct    []string // for the test itself

	embedded     *broker.Broker
	apache       *apache.Cluster
	proxies      []*proxy // one before each node of Apache Kafka
	certificates *apache.Certificates
}

// Users of the fleet of one node, and its listeners.
const user, password = "callfold", "correct-horse"

var listeners = []apache.Listener{
	{Name: "TLS", Protocol: "SSL"},
	{Name: "MUTUAL", Protocol: "SSL", ClientCertificate: true},
	{Name: "SASL", Protocol: "SASL_PLAINTEXT", Mechanisms: []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}},
	{Name: "SASLTLS", Protocol: "SASL_SSL", Mechanisms: []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}},
}

func startFleet(ctx context.Context, dir string) (*fleet, error) {
	f := &fleet{kind: embedded, dir: dir}
	if kind := os.Getenv("BROKER"); kind != "" {
		f.kind = kind
	}
	switch f.kind {
	case embedded:
		b, err := broker.Start(dir, "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		f.embedded, f.brokers, f.direct = b, []string{b.Addr()}, []string{b.Addr()}
		return f, nil
	case one:
		return f, f.startApache(ctx, 1)
	case three:
		return f, f.startApache(ctx, 3)
	}
	return nil, fmt.Errorf("BROKER=%q is not one of embedded, apache, cluster", f.kind)
}

func (f *fleet) startApache(ctx context.Context, nodes int) (err error) {
	if f.certificates, err = apache.NewCertificates(); err != nil {
		return err
	}
	for range nodes {
		p, err := newProxy()
		if err != nil {
			return err
		}
		f.proxies = append(f.proxies, p)
	}
	f.apache, err = apache.Start(ctx, apache.Options{
		Dir: f.dir, Nodes: nodes,
		Advertise:    func(node int) string { return f.proxies[node-1].address() },
		Listeners:    listeners,
		Users:        map[string]string{user: password},
		Certificates: f.certificates,
		Config: map[string]string{
			// Members of the new protocol are dead after what classic ones are.
			"group.consumer.min.session.timeout.ms":    "6000",
			"group.consumer.session.timeout.ms":        "6000",
			"group.consumer.min.heartbeat.interval.ms": "500",
			"group.consumer.heartbeat.interval.ms":     "500",
			// The cleaner is at work all the time.
			"log.cleaner.backoff.ms": "200",
		},
	})
	if err != nil {
		return err
	}
	for i, p := range f.proxies {
		p.to(f.apache.Addr(i + 1))
	}
	f.brokers, f.direct = f.apache.Brokers(), f.apache.Direct()
	return nil
}

func (f *fleet) close() {
	if f.embedded != nil {
		f.embedded.Close()
	}
	if f.apache != nil {
		f.apache.Close()
	}
	for _, p := range f.proxies {
		p.close()
	}
}

// nodes is how many replicas a topic can have.
func (f *fleet) nodes() int { return len(f.brokers) }

// restart ends a node, hard or in order, leaves it down for a while and starts it again.
func (f *fleet) restart(t *testing.T, node int, hard bool, down time.Duration) {
	t.Helper()
	f.stop(t, node, hard)
	time.Sleep(down) // polling: the outage itself, nothing is waited for
	f.start(t, node)
}

func (f *fleet) stop(t *testing.T, node int, hard bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if f.apache != nil {
		// For the next test, when this one fails meanwhile. An error says that it runs.
		t.Cleanup(func() { _ = f.apache.StartNode(context.Background(), node) })
	}
	switch {
	case f.embedded != nil:
		check(t, f.embedded.Close())
	case hard:
		check(t, f.apache.Kill(node))
	default:
		check(t, f.apache.Stop(ctx, node))
	}
}

func (f *fleet) start(t *testing.T, node int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if f.embedded == nil {
		check(t, f.apache.StartNode(ctx, node))
		return
	}
	b, err := broker.Start(f.dir, f.brokers[0])
	check(t, err)
	f.embedded = b
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
