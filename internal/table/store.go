package table

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options say where a store is and what it holds.
type Options struct {
	// Dir is where the store makes its own folder, "table". It may be a mount
	// point, and hold other things. Empty keeps the store in memory, for tests.
	Dir string
	// Schema names the form of the values. A store that was written with
	// another one is thrown away, since it can be restored.
	Schema string
	// Timers says that changes carry due times. It costs a read for each write.
	Timers bool
	// Logger is told when a store had to be thrown away.
	Logger *slog.Logger
}

// Store holds the tables of one process.
type Store struct {
	db     *pebble.DB
	timers bool

	mu     sync.Mutex
	leases map[int32]chan struct{} // closed when the lease ends
}

// layout is the version of the key layout below.
const layout = "1"

// formatKey holds layout and schema. It cannot be the key of a partition, which
// has five bytes at the least.
var formatKey = []byte("fmt")

// Open opens the store, and makes it where there is none. A store that is
// damaged, or of another layout or schema, is thrown away with a warning: its
// tables are restored from their changelogs. A store that another process has
// open is an error.
func Open(o Options) (*Store, error) {
	if o.Dir != "" {
		o.Dir = filepath.Join(o.Dir, "table")
	}
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil { // it holds what people said on the telephone
			return nil, fmt.Errorf("making the state directory: %w", err)
		}
	}
	s, err := open(o)
	if err == nil || o.Dir == "" || !unusable(err) {
		return s, err
	}
	o.Logger.Warn("throwing away the local state and restoring it from Kafka", "dir", o.Dir, "cause", err)
	if err := os.RemoveAll(o.Dir); err != nil {
		return nil, fmt.Errorf("throwing away a store that cannot be used: %w", err)
	}
	return open(o)
}

var (
	errFormat = errors.New("the store has another format")
	errInUse  = errors.New("in use by another callfold: give each process its own state_dir, or end the other")
)

// unusable tells a store that is damaged or of another format from one that is
// in use, or on a disk that refuses (full, read-only): the system's own errors
// are not the store's fault. A file that is missing is.
func unusable(err error) bool {
	var sys syscall.Errno
	refused := errors.As(err, &sys) && sys != syscall.ENOENT
	return !refused && !errors.Is(err, errInUse)
}

func open(o Options) (*Store, error) {
	opts := &pebble.Options{
		Cache:        pebble.NewCache(64 << 20),
		MemTableSize: 32 << 20,
		// The changelog is the log; see the package's comment.
		DisableWAL: true,
		Logger:     pebbleLogger{o.Logger},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	defer opts.Cache.Unref()
	dir := o.Dir
	if dir == "" {
		opts.FS, dir = vfs.NewMem(), "table"
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, openError(dir, err)
	}
	s := &Store{db: db, timers: o.Timers, leases: map[int32]chan struct{}{}}
	if err := s.checkFormat(fmt.Sprintf("%s %s timers=%v", layout, o.Schema, o.Timers)); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func openError(dir string, err error) error {
	// Pebble has no error value for a lock that this very process holds.
	if errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "lock held by current process") {
		return fmt.Errorf("the state directory %s is %w", dir, errInUse)
	}
	return fmt.Errorf("opening the state directory %s: %w", dir, err)
}

func (s *Store) checkFormat(want string) error {
	v, closer, err := s.db.Get(formatKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return s.db.Set(formatKey, []byte(want), pebble.NoSync)
	}
	if err != nil {
		return fmt.Errorf("reading the store's format: %w", err)
	}
	defer closer.Close()
	if !bytes.Equal(v, []byte(want)) {
		return fmt.Errorf("%w: %q, this version writes %q", errFormat, v, want)
	}
	return nil
}

// Acquire gives the table of a partition to the caller, who must release it. It
// waits while somebody else holds it.
func (s *Store) Acquire(ctx context.Context, partition int32) (*Table, error) {
	for {
		s.mu.Lock()
		held, ok := s.leases[partition]
		if !ok {
			s.leases[partition] = make(chan struct{})
			s.mu.Unlock()
			break
		}
		s.mu.Unlock()
		select {
		case <-held:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	t := &Table{store: s, partition: partition, prefix: binary.BigEndian.AppendUint32(nil, uint32(partition))}
	if err := t.loadCheckpoint(); err != nil {
		t.Release()
		return nil, err
	}
	return t, nil
}

// Close writes everything to disk and closes the store. All tables must have
// been released.
func (s *Store) Close() error {
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		return fmt.Errorf("closing the state store: %w", errors.Join(err, s.db.Close()))
	}
	select {
	case <-flushed:
	case <-time.After(flushWithin):
		// A full disk makes Pebble try for ever. Nothing is lost: what is not
		// on disk is restored from the changelog.
		return fmt.Errorf("the state store could not be written within %s and was left as it was; is the disk full?", flushWithin)
	}
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing the state store: %w", err)
	}
	return nil
}

// flushWithin bounds how long closing waits for the disk.
const flushWithin = 10 * time.Second

// pebbleLogger passes on what Pebble finds wrong, not its chatter.
type pebbleLogger struct{ log *slog.Logger }

func (pebbleLogger) Infof(string, ...any) {}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("state store", "message", fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Fatalf(format string, args ...any) {
	// Pebble calls this when it cannot go on, for example when a flush fails
	// for a full disk, and does not expect it to return.
	l.log.Error("state store cannot go on", "message", fmt.Sprintf(format, args...))
	os.Exit(1)
}
