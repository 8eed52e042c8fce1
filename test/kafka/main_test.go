package kafka

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience bounds everything that is waited for: three minutes, since a machine may
// be busy. Nothing takes that long when all is well.
const patience = 3 * time.Minute

// binary is callfold, built from this checkout.
var binary string

// shared is the broker, or are the brokers, of all tests.
var shared *fleet

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "callfold-kafka-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "callfold")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/callfold").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("building callfold: %w\n%s", err, out)
	}
	// It may have to fetch Kafka first.
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	shared, err = startFleet(ctx, filepath.Join(dir, "broker"))
	if err != nil {
		return 1, err
	}
	defer shared.close()
	return m.Run(), nil
}
