//go:build unix

package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/callfold/callfold/internal/broker"
)

// Broker is the role of the embedded broker, for [ServeBroker].
const Broker = "serve-broker"

// ServeBroker is the broker's process. It prints its address.
func ServeBroker(ctx context.Context, args []string) (err error) {
	dir, profile := args[0], args[1]
	b, err := broker.Start(dir, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	stop, err := Profile(profile)
	if err != nil {
		return err
	}
	fmt.Println(b.Addr())
	<-ctx.Done()
	return stop()
}

// StartBroker runs the broker's process, with its data in dir, and returns its address.
// A CPU profile of it goes to the file profile, if that is not empty.
func StartBroker(ctx context.Context, dir, profile string) (p *Process, addr string, err error) {
	if p, err = Start(Broker, dir, profile); err != nil {
		return nil, "", err
	}
	addr, err = p.Hear(ctx)
	return p, addr, err
}
