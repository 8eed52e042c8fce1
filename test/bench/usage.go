//go:build unix

package bench

import (
	"fmt"
	"os"
	"runtime/pprof"
	"syscall"
	"time"
)

// CPUTime is the CPU time that this process has taken.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it is always there on the systems that this builds on
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Profile writes a CPU profile of this process to the file at path, until it is stopped.
// Without a path it does nothing.
func Profile(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("making the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, fmt.Errorf("starting the profile: %w", err)
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}
