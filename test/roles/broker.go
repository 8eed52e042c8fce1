//go:build linux

package roles

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/callfold/callfold/internal/broker"
)

// Broker is the role of the embedded broker, for [ServeBroker].
const Broker = "serve-broker"

// ServeBroker is the broker's process. It prints its address, and ends with ctx.
func ServeBroker(ctx context.Context, dir string) error {
	b, err := broker.Start(dir, "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(b.Addr())
	<-ctx.Done()
	return b.Close()
}

// StartBroker runs the broker's process, with its data in dir, and returns its address.
func StartBroker(ctx context.Context, dir string) (p *Process, addr string, err error) {
	if p, err = Start(Broker, dir); err != nil {
		return nil, "", err
	}
	addr, err = p.Hear(ctx)
	return p, addr, err
}

// CPUTime is the CPU time that this process has taken.
func CPUTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("reading the CPU time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
