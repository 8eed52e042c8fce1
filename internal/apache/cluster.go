package apache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
)

// Cluster is running nodes.
type Cluster struct {
	opts  Options
	mu    sync.Mutex
	nodes map[int]*process // the last that was started of each
}

// Start runs a cluster and returns when it works: when all nodes are there, a
// topic can be made and a transaction can begin. It fetches the jars when they
// are not there yet. When ctx ends before, or a node dies, everything is ended
// again and the error has the node's last words. ctx does not bound the life of
// the cluster; that is [Cluster.Close].
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if err := o.complete(ctx); err != nil {
		return nil, err
	}
	if err := Check(ctx); err != nil {
		return nil, err
	}
	if err := Install(ctx, o.Jars); err != nil {
		return nil, err
	}
	if err := checkFree(ctx, o.ports()); err != nil {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(o.Dir, 0o755), o.write()); err != nil {
		return nil, err
	}
	if err := o.format(ctx); err != nil {
		return nil, err
	}
	c := &Cluster{opts: o, nodes: map[int]*process{}}
	if err := c.startAll(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) startAll(ctx context.Context) error {
	for node := 1; node <= c.opts.Nodes; node++ {
		if err := c.start(node); err != nil {
			return err
		}
	}
	return c.ready(ctx)
}

func (c *Cluster) start(node int) error {
	p, err := c.opts.start(node)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[node] = p
	return nil
}

// Brokers are the addresses at which clients are told to reach the nodes: those
// of [Options.Advertise] where it is set.
func (c *Cluster) Brokers() []string {
	return c.each(func(node int) string {
		if c.opts.Advertise != nil {
			return c.opts.Advertise(node)
		}
		return c.Addr(node)
	})
}

// Addr is where the node listens for clients: what a proxy connects to.
func (c *Cluster) Addr(node int) string { return address(c.opts.clientPort(node)) }

// Direct are the addresses among the nodes, past any proxy: for those who check.
func (c *Cluster) Direct() []string {
	return c.each(func(node int) string { return address(c.opts.internalPort(node)) })
}

// Listener are the addresses of one of [Options.Listeners].
func (c *Cluster) Listener(name string) []string {
	i := slices.IndexFunc(c.opts.Listeners, func(l Listener) bool { return l.Name == name })
	return c.each(func(node int) string { return address(c.opts.listenerPort(i, node)) })
}

func (c *Cluster) each(address func(node int) string) []string {
	var addresses []string
	for node := 1; node <= c.opts.Nodes; node++ {
		addresses = append(addresses, address(node))
	}
	return addresses
}

func (c *Cluster) node(node int) *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[node]
}

// Kill ends a node with SIGKILL and returns when it is gone. One that is not
// running is left.
func (c *Cluster) Kill(node int) error {
	return c.node(node).end(context.Background(), syscall.SIGKILL)
}

// Stop ends a node with SIGTERM, upon which it hands over what it leads. It
// returns when the node is gone, or when ctx ends.
func (c *Cluster) Stop(ctx context.Context, node int) error {
	return c.node(node).end(ctx, syscall.SIGTERM)
}

// StartNode starts a node that was ended and returns when it serves again. Its
// partitions may still be catching up, and it leads none at first where there
// are others.
func (c *Cluster) StartNode(ctx context.Context, node int) error {
	if c.node(node).running() {
		return fmt.Errorf("Kafka node %d is running", node) //nolint:staticcheck // a name begins it
	}
	if err := c.start(node); err != nil {
		return err
	}
	return c.serves(ctx, node)
}

// Close kills all nodes. Their directories stay.
func (c *Cluster) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, p := range c.nodes {
		errs = append(errs, p.end(context.Background(), syscall.SIGKILL))
	}
	return errors.Join(errs...)
}
