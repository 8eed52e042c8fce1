package dev

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// lock keeps a second process out of the data directory. The lock ends with the
// process, however it ends.
func lock(dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("the data directory %s cannot be made; choose another with --data: %w", dir, err)
	}
	l, err := vfs.Default.Lock(filepath.Join(dir, "lock"))
	if sys := syscall.Errno(0); errors.As(err, &sys) && sys != syscall.EAGAIN {
		return nil, fmt.Errorf("the data directory %s cannot be written to; choose another with --data: %w", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("the data directory %s is in use by another callfold dev; stop that one or choose another directory with --data: %w", dir, err)
	}
	return l, nil
}
