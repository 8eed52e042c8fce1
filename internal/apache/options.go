package apache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Options describe a cluster.
type Options struct {
	// Dir is where the nodes keep everything. A cluster that is there already is
	// started again; it must be started with the same Nodes and Port.
	Dir string
	// Jars is the directory of [Install]; empty = [Home]. The jars are fetched if
	// they are not there.
	Jars string
	// Nodes is how many there are, numbered from 1; 0 = 1. With three, topics of
	// Kafka's own have three replicas, of which two must be in sync.
	Nodes int
	// Port is that of the first node for clients; the others follow by twos:
	// 19092, 19094, 19096. 0 = a free range is chosen.
	Port int
	// Advertise names the address at which clients are told to reach a node, for
	// a proxy in between; nil = where it listens, see [Cluster.Addr].
	Advertise func(node int) string
	// Listeners are further ones for clients.
	Listeners []Listener
	// Users are passwords by name, for SASL, by every mechanism.
	Users map[string]string
	// Certificates are those of listeners with TLS.
	Certificates *Certificates
	// Config adds to server.properties, or replaces what it would say.
	Config map[string]string
	// Features sets features at other levels than the version's own, when the
	// cluster is made: {"transaction.version": "1"}.
	Features map[string]string
	// Heap is the largest heap of a node, as java -Xmx takes it; empty = 512m.
	Heap string
	// Detached nodes outlive this process, until [Down].
	Detached bool
}

// Listener is where clients connect with TLS or SASL.
type Listener struct {
	// Name is in capitals, and unique.
	Name string
	// Protocol is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
	Protocol string
	// Mechanisms are PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512; for SASL only.
	Mechanisms []string
	// ClientCertificate demands a certificate of the client (mutual TLS).
	ClientCertificate bool
}

const host = "127.0.0.1"

// The listeners that every node has.
const (
	clientListener     = "CLIENTS"
	internalListener   = "NODES"
	controllerListener = "CONTROLLER"
)

// Offsets of ports from Options.Port.
const (
	internalPorts = 10 // one a node
	listenerPorts = 20 // for each further listener, one a node
	mostNodes     = internalPorts / 2
)

func (o *Options) clientPort(node int) int     { return o.Port + 2*(node-1) }
func (o *Options) controllerPort(node int) int { return o.clientPort(node) + 1 }
func (o *Options) internalPort(node int) int   { return o.Port + internalPorts + node - 1 }
func (o *Options) listenerPort(listener, node int) int {
	return o.Port + listenerPorts + listener*o.Nodes + node - 1
}

// ports are all that the cluster listens on.
func (o *Options) ports() []int {
	var ports []int
	for node := 1; node <= o.Nodes; node++ {
		ports = append(ports, o.nodePorts(node)...)
	}
	return ports
}

func (o *Options) nodePorts(node int) []int {
	ports := []int{o.clientPort(node), o.controllerPort(node), o.internalPort(node)}
	for i := range o.Listeners {
		ports = append(ports, o.listenerPort(i, node))
	}
	return ports
}

// complete checks the options and fills in what was left out.
func (o *Options) complete(ctx context.Context) error {
	o.Nodes = max(o.Nodes, 1)
	if o.Heap == "" {
		o.Heap = "512m"
	}
	if o.Dir == "" || o.Nodes > mostNodes {
		return fmt.Errorf("apache: directory %q and %d nodes: there must be a directory, and at most %d nodes", o.Dir, o.Nodes, mostNodes)
	}
	if o.Jars == "" {
		home, err := Home()
		if err != nil {
			return err
		}
		o.Jars = home
	}
	if o.Port == 0 {
		return o.choosePort(ctx)
	}
	return nil
}

// choosePort looks for a range that is free. It stays below the ports that
// systems give to outgoing connections, one of which could take the port of a
// node that is down for a while.
func (o *Options) choosePort(ctx context.Context) error {
	var err error
	for range 50 {
		o.Port = 20_000 + 100*rand.IntN(120)
		if err = checkFree(ctx, o.ports()); err == nil {
			return nil
		}
	}
	return fmt.Errorf("looking for free ports: %w", err)
}

// ErrPortTaken says that something else listens on a port of the cluster.
var ErrPortTaken = errors.New("the port is taken")

// checkFree fails when one of the ports is taken.
func checkFree(ctx context.Context, ports []int) error {
	for _, port := range ports {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address(port))
		if err != nil {
			return fmt.Errorf("a Kafka node cannot listen on %s: %w; end what listens there, or choose another port: %w", address(port), ErrPortTaken, err)
		}
		listener.Close()
	}
	return nil
}

func address(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
