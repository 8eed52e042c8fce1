package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/callfold/callfold/internal/apache"
	"github.com/callfold/callfold/internal/broker"
	"github.com/callfold/callfold/test/ports"
)

// patience bounds what the run cannot do without, and what proves nothing when it is
// late: a machine may be busy.
const patience = 5 * time.Minute

// brokers is the Kafka cluster under test, behind the proxies.
type brokers interface {
	// nodes is how many there are; a node's number begins at 0.
	nodes() int
	replicas() int
	// addresses are those of the proxies, direct ones those past them, for who
	// checks.
	addresses() []string
	direct() []string
	// stop ends a node in order, kill does not.
	stop(ctx context.Context, node int) error
	kill(node int) error
	start(ctx context.Context, node int) error
	// survivesKill tells whether a node may be killed while stages run.
	survivesKill() bool
	close() error
}

// embedded is kfake, the broker of `callfold dev`, in a process of its own.
type embedded struct {
	child   *child
	proxied string
	listen  string
}

const (
	envBrokerDir    = "CHAOS_BROKER_DIR"
	envBrokerListen = "CHAOS_BROKER_LISTEN"
	envBrokerProxy  = "CHAOS_BROKER_PROXY"
)

// startEmbedded runs the embedded broker and its proxy.
func startEmbedded(ctx context.Context, dir, logs string, p *proxies, died func(*child, error)) (brokers, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	b := &embedded{}
	for _, address := range []*string{&b.proxied, &b.listen} {
		if *address, err = ports.Free(); err != nil {
			return nil, err
		}
	}
	b.child = newChild("broker", logs, func() *exec.Cmd {
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), envBrokerDir+"="+filepath.Join(dir, "broker"), envBrokerListen+"="+b.listen, envBrokerProxy+"="+b.proxied)
		return cmd
	}, died)
	if err := p.add(ctx, b.proxied, b.listen); err != nil {
		return nil, err
	}
	return b, b.start(ctx, 0)
}

// brokerProcess is the main function of the embedded broker's process.
func brokerProcess() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	proxy, err := net.ResolveTCPAddr("tcp", os.Getenv(envBrokerProxy))
	if err != nil {
		return fmt.Errorf("reading %s: %w", envBrokerProxy, err)
	}
	b, err := broker.StartAdvertising(os.Getenv(envBrokerDir), os.Getenv(envBrokerListen), proxy)
	if err != nil {
		return err
	}
	<-ctx.Done()
	return b.Close()
}

func (b *embedded) nodes() int          { return 1 }
func (b *embedded) replicas() int       { return 1 }
func (b *embedded) addresses() []string { return []string{b.proxied} }

// direct is the proxy too: the broker tells clients no other address.
func (b *embedded) direct() []string   { return []string{b.proxied} }
func (b *embedded) survivesKill() bool { return false }

func (b *embedded) stop(context.Context, int) error {
	return b.child.end(syscall.SIGTERM, patience)
}
func (b *embedded) kill(int) error { return b.child.kill() }

func (b *embedded) start(ctx context.Context, _ int) error {
	if err := b.child.start(); err != nil {
		return err
	}
	return until(ctx, patience, "the embedded broker listening", func(ctx context.Context) error {
		return dial(ctx, b.listen)
	})
}

func (b *embedded) close() error { return b.child.kill() }

func dial(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// cluster is Apache Kafka with three nodes.
type cluster struct {
	*apache.Cluster
	proxied []string
}

const clusterNodes = 3

// startCluster runs Apache Kafka behind proxies.
func startCluster(ctx context.Context, dir string, p *proxies) (brokers, error) {
	c := &cluster{}
	for range clusterNodes {
		proxied, err := ports.Free()
		if err != nil {
			return nil, err
		}
		c.proxied = append(c.proxied, proxied)
	}
	var err error
	if c.Cluster, err = apache.Start(ctx, apache.Options{
		Dir: filepath.Join(dir, "kafka"), Nodes: clusterNodes, Heap: "384m",
		Advertise: func(node int) string { return c.proxied[node-1] },
	}); err != nil {
		return nil, err
	}
	for i, proxied := range c.proxied {
		if err := p.add(ctx, proxied, c.Addr(i+1)); err != nil {
			return nil, errors.Join(err, c.Cluster.Close())
		}
	}
	return c, nil
}

func (c *cluster) nodes() int          { return clusterNodes }
func (c *cluster) replicas() int       { return clusterNodes }
func (c *cluster) addresses() []string { return c.proxied }
func (c *cluster) direct() []string    { return c.Direct() }
func (c *cluster) survivesKill() bool  { return true }

func (c *cluster) stop(ctx context.Context, node int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := c.Stop(ctx, node+1); err != nil {
		return c.Kill(node + 1) // it hands over for longer than we wait
	}
	return nil
}

func (c *cluster) kill(node int) error { return c.Kill(node + 1) }

func (c *cluster) start(ctx context.Context, node int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.StartNode(ctx, node+1)
}

func (c *cluster) close() error { return c.Cluster.Close() }
