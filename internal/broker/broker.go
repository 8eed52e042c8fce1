// Package broker runs the embedded Kafka broker of `callfold dev` and of tests:
// kfake, of the franz-go project, which speaks the real protocol and keeps its
// data on disk. It is not for production: it does not replicate, and it may lose
// what the operating system has not yet written when the machine itself dies.
//
// kfake's traps are worked around here and nowhere else:
//
//   - After a broker was killed in the midst of a transaction, later commits of
//     the same producer stay invisible to read_committed readers. So an unclean
//     stop is noticed, and after it the stages use fresh transactional ids, see
//     [Broker.TransactionalSuffix].
//   - It ends a transaction by one write after the other, the markers first and the
//     group's offsets last. Killed in between, it has states whose input is not
//     marked as consumed. The engine's guard notices that when it restores, says so,
//     and has that input handled again.
//   - Its log cleaner may drop a key while a transaction that then aborts is
//     open. So it hardly ever runs.
//   - It drops a member that waits in a rebalance for longer than its session
//     timeout. The stages' rebalance timeout is shorter than their session
//     timeout anyway (package stream).
//   - It never gives up a member whose connection was gone when its JoinGroup was
//     answered, so its partitions stay unread until somebody joins under the same
//     instance id. Stages do when they are restarted; random schedules in tests
//     remove such members themselves.
//   - It closes the connection on a wrong password where Kafka answers with an
//     error (package kafka explains both).
//   - A fetch from a partition without a leader is answered at once, so clients
//     spin. Only tests have such partitions.
package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	dir     string
	unclean int // how many times it was not stopped in order
}

// Start runs a broker on the address listen (HOST:PORT), with its data in dir.
// An address that is taken gives an error that is the system's EADDRINUSE.
func Start(dir, listen string) (*Broker, error) { return StartAdvertising(dir, listen, nil) }

// StartAdvertising is [Start] for a broker behind a proxy: clients are told the
// proxy's address. Nil advertises the address that the broker listens on.
func StartAdvertising(dir, listen string, proxy net.Addr) (*Broker, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("the broker's address %q is not of the form HOST:PORT: %w", listen, err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("the broker's address %q has no port number: %w", listen, err)
	}
	b := &Broker{dir: dir}
	if err := b.begin(); err != nil {
		return nil, err
	}
	b.cluster, err = kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.Ports(number),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			l, err := net.Listen(network, net.JoinHostPort(host, port))
			if err != nil || proxy == nil {
				return l, err
			}
			return advertised{l, proxy}, nil
		}),
		kfake.DataDir(filepath.Join(dir, "data")),
		kfake.BrokerConfigs(map[string]string{
			"log.cleaner.backoff.ms": strconv.Itoa(1 << 40),
			"message.max.bytes":      strconv.Itoa(3 << 20),
		}),
	)
	if err != nil {
		// It did not run, so there is nothing to be stopped in order.
		return nil, errors.Join(fmt.Errorf("starting the embedded broker: %w", err), os.Remove(b.runningFile()))
	}
	return b, nil
}

// advertised is a listener that gives another address for its own: kfake tells
// clients the one that Addr says.
type advertised struct {
	net.Listener
	addr net.Addr
}

func (a advertised) Addr() net.Addr { return a.addr }

// Addr is the address to connect to.
func (b *Broker) Addr() string { return b.cluster.ListenAddrs()[0] }

// TransactionalSuffix is what the stages append to their transactional ids:
// empty, or different after each unclean stop.
func (b *Broker) TransactionalSuffix() string {
	if b.unclean == 0 {
		return ""
	}
	return "-" + strconv.Itoa(b.unclean)
}

// Close stops the broker in order.
func (b *Broker) Close() error {
	b.cluster.Close()
	if err := os.Remove(b.runningFile()); err != nil {
		return fmt.Errorf("noting that the embedded broker was stopped in order: %w", err)
	}
	return nil
}

func (b *Broker) runningFile() string { return filepath.Join(b.dir, "running") }
func (b *Broker) uncleanFile() string { return filepath.Join(b.dir, "unclean-stops") }

// begin counts the last stop, if it was unclean, and notes that the broker runs.
func (b *Broker) begin() error {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return fmt.Errorf("making the broker's directory: %w", err)
	}
	count, err := os.ReadFile(b.uncleanFile())
	if err == nil {
		b.unclean, err = strconv.Atoi(strings.TrimSpace(string(count)))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading how often the embedded broker was killed: %w", err)
	}
	if _, err := os.Stat(b.runningFile()); err == nil {
		b.unclean++
		if err := b.noteUnclean(); err != nil {
			return fmt.Errorf("noting that the embedded broker was killed: %w", err)
		}
	}
	if err := os.WriteFile(b.runningFile(), nil, 0o644); err != nil {
		return fmt.Errorf("noting that the embedded broker runs: %w", err)
	}
	return nil
}

// noteUnclean writes the count whole or not at all: this process may be killed too.
func (b *Broker) noteUnclean() error {
	next := b.uncleanFile() + ".next"
	if err := os.WriteFile(next, []byte(strconv.Itoa(b.unclean)), 0o644); err != nil {
		return err
	}
	return os.Rename(next, b.uncleanFile())
}
