package dev

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// lock keeps a second process out of the data directory. The lock ends with the
// process, however it ends.
func lock(dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	l, err := vfs.Default.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("the data directory %s is in use by another callfold dev; stop that one or choose another directory with --data: %w", dir, err)
	}
	return l, nil
}
