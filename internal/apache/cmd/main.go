// Command cmd starts and ends Apache Kafka in the background, for `make kafka`,
// `make kafka-cluster` and `make kafka-down`. It keeps everything in the
// directory .kafka of the checkout.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/callfold/callfold/internal/apache"
)

const (
	usage = "usage: go run ./internal/apache/cmd up | up-cluster | down"
	port  = 19092
	// Combined brokers and controllers that stop at the same time wait for a
	// quorum that does not come back.
	patience = 15 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	home, err := apache.Home()
	if err != nil {
		return err
	}
	switch strings.Join(args, " ") {
	case "up":
		return up(ctx, home, "one", 1)
	case "up-cluster":
		return up(ctx, home, "three", 3)
	case "down":
		return down(ctx, home)
	}
	return errors.New(usage)
}

// up starts a cluster of so many nodes, each kind with data of its own.
func up(ctx context.Context, home, name string, nodes int) error {
	dir := filepath.Join(home, name)
	all, err := apache.Running(home)
	if err != nil {
		return err
	}
	ours, err := apache.Running(dir)
	if err != nil {
		return err
	}
	brokers := make([]string, nodes)
	for i := range brokers {
		brokers[i] = fmt.Sprintf("127.0.0.1:%d", port+2*i)
	}
	switch {
	case len(ours) == nodes:
		fmt.Printf("Apache Kafka %s runs already.\n", apache.Version())
		greet(brokers, dir)
		return nil
	case len(all) > 0:
		return errors.New("another Apache Kafka of this checkout is running: make kafka-down ends it")
	}
	fmt.Printf("Starting Apache Kafka %s …\n", apache.Version())
	cluster, err := apache.Start(ctx, apache.Options{Dir: dir, Jars: home, Nodes: nodes, Port: port, Detached: true})
	if err != nil {
		return err
	}
	greet(cluster.Brokers(), dir)
	return nil
}

func greet(brokers []string, dir string) {
	addresses := strings.Join(brokers, ",")
	fmt.Printf(`
  brokers  %[1]s
  data     %[2]s (kafka.log of each node is there)

  CALLFOLD_KAFKA_BROKERS=%[1]s CALLFOLD_KAFKA_REPLICATION_FACTOR=%[3]d callfold topics create
  kcat -b %[1]s -L
  make kafka-down    ends it; the data stay until they are removed
`, addresses, dir, min(len(brokers), 3))
}

func down(ctx context.Context, home string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ended, err := apache.Down(ctx, home)
	if err != nil {
		return err
	}
	fmt.Printf("Nodes of Apache Kafka that were ended: %d.\n", ended)
	return nil
}
