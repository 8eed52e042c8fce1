package broker

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

func start(t *testing.T, dir string) *Broker {
	t.Helper()
	b, err := Start(dir, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFreshTransactionalIDsAfterAKill: only a broker that was not stopped in order
// gives another suffix, and never one that was given before.
func TestFreshTransactionalIDsAfterAKill(t *testing.T) {
	dir := t.TempDir()
	for i, run := range []struct {
		want string
		kill bool
	}{{"", false}, {"", true}, {"-1", true}, {"-2", false}, {"-2", false}, {"-2", true}, {"-3", false}} {
		b := start(t, dir)
		if got := b.TransactionalSuffix(); got != run.want {
			t.Errorf("run %d: suffix %q, want %q", i, got, run.want)
		}
		if run.kill {
			b.cluster.Close() // and nothing is noted
		} else if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAddressInUse: it is said, and the next start does not take this one for a
// broker that was killed.
func TestAddressInUse(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := Start(dir, taken.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("got %v, want EADDRINUSE", err)
	}
	b := start(t, dir)
	defer b.Close()
	if got := b.TransactionalSuffix(); got != "" {
		t.Errorf("suffix %q after a start that failed", got)
	}
}

func TestAddressThatIsNone(t *testing.T) {
	for _, listen := range []string{"9092", "localhost:kafka"} {
		if _, err := Start(t.TempDir(), listen); err == nil {
			t.Errorf("%q was taken for an address", listen)
		}
	}
}
