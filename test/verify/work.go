//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/verify"
	"github.com/callfold/callfold/test/bench"
)

// Roles of this program.
const (
	verification = "verify"
	limit        = "read-only"
)

// result is what a process gave.
type result struct {
	took, cpu time.Duration
	peak      int64 // bytes
}

func (r result) line(role string, events int64) string {
	return fmt.Sprintf("%-10s %8.0f events/s, %6.2f s, CPU per event %5.2f µs, %4d MiB at the most",
		role, float64(events)/r.took.Seconds(), r.took.Seconds(), float64(r.cpu.Nanoseconds())/1e3/float64(events), r.peak>>20)
}

// measure runs one of the roles in a process of its own.
func measure(ctx context.Context, role, addr, dir, profile string) (r result, err error) {
	p, err := bench.Start(role, addr, filepath.Join(dir, "tables"), profile)
	if err != nil {
		return r, err
	}
	line, err := p.Hear(ctx)
	if err != nil {
		return r, err
	}
	if _, err := fmt.Sscan(line, &r.took, &r.cpu); err != nil {
		return r, errors.Join(fmt.Errorf("reading %q: %w", line, err), p.End(syscall.SIGKILL))
	}
	_, r.peak, err = p.Memory()
	return r, errors.Join(err, p.End(syscall.SIGTERM))
}

// work makes the process of a role. It prints what it took, and the CPU time of that, in
// nanoseconds, and waits until its memory was looked at.
func work(do func(ctx context.Context, client *kgo.Client, dir string) error) bench.Role {
	return func(ctx context.Context, args []string) error {
		addr, dir, profile := args[0], args[1], args[2]
		client, err := connect(addr)
		if err != nil {
			return err
		}
		defer client.Close()
		stop, err := bench.Profile(profile)
		if err != nil {
			return err
		}
		began := time.Now()
		err = do(ctx, client, dir)
		took := time.Since(began)
		if err := errors.Join(err, stop()); err != nil {
			return err
		}
		fmt.Println(took.Nanoseconds(), bench.CPUTime().Nanoseconds())
		<-ctx.Done()
		return nil
	}
}

// verifyAll does what `callfold verify` does, and wants to find nothing wrong.
func verifyAll(ctx context.Context, client *kgo.Client, dir string) error {
	v, err := verify.Run(ctx, verify.Options{
		Client: client, Events: kafka.Events, Calls: kafka.Calls, Group: kafka.ProcessorGroup, Dir: dir, Progress: &verify.Progress{},
	})
	if err != nil {
		return err
	}
	if wrong := v.Report.Wrong(); wrong > 0 {
		err = fmt.Errorf("%d calls are not as the events make them, such as %+v", wrong, v.Report.Differences[0])
	}
	return errors.Join(err, v.Close())
}

// read fetches and unpacks all there is.
func read(ctx context.Context, client *kgo.Client, _ string) error {
	for _, topic := range []string{kafka.Events, kafka.Calls} {
		err := partition.ReadAll(ctx, client, topic, nil, &partition.Progress{}, func(_ int32, read partition.Reading) error {
			complete, err := read(func([]*kgo.Record) error { return nil })
			if err == nil && !complete {
				err = errors.New("not all of it can be read")
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("reading %s: %w", topic, err)
		}
	}
	return nil
}
