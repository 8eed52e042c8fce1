package table

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable/block"
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
	// Health is told when the store cannot be written for want of room, and
	// with nil when it can again; nil itself tells nobody.
	Health func(problem error)
	// FS is the file system; nil is that of the machine, or memory where Dir is
	// empty. Tests give one that fails.
	FS vfs.FS
}

// Store holds the tables of one process.
type Store struct {
	db     *pebble.DB
	lock   *pebble.Lock
	cache  *pebble.Cache
	fs     vfs.FS // without the wait for room
	dir    string // the store's own folder
	timers bool
	log    *slog.Logger
	health func(problem error)

	trouble

	mu     sync.Mutex
	leases map[int32]chan struct{} // closed when the lease ends
}

// Sizes of a store's memory. Together with the batches in hand, and a few
// megabytes for the index of open files, they are all that a store takes,
// however many keys it holds.
const (
	cacheBytes    = 64 << 20
	memTableBytes = 32 << 20
)

// mostFlushes is how many flushes may lie over each other, more or less. A state
// that has to be looked for on disk is looked for in each of them.
const mostFlushes = 6

// Open opens the store, and makes it where there is none. A store that is
// damaged, or of another layout or schema, is thrown away with a warning: its
// tables are restored from their changelogs. A store that another process has
// open is an error, and so is a folder that cannot be written.
func Open(o Options) (*Store, error) {
	s := &Store{fs: o.FS, dir: "table", timers: o.Timers, log: o.Logger, health: o.Health, leases: map[int32]chan struct{}{}}
	if s.health == nil {
		s.health = func(error) {}
	}
	s.begin()
	switch {
	case o.Dir != "":
		s.dir = filepath.Join(o.Dir, "table")
		if s.fs == nil {
			s.fs = vfs.Default
		}
	case s.fs == nil:
		s.fs = vfs.NewMem()
	}
	if err := s.claim(); err != nil {
		return nil, err
	}
	s.cache = pebble.NewCache(cacheBytes)
	err := s.openWhole(o.Schema)
	if unusable(err) {
		s.log.Warn("the local state cannot be used; throwing it away and restoring it from Kafka", "dir", s.dir, "cause", err)
		s.begin()
		if err = s.empty(); err == nil {
			err = s.open(o.Schema)
		}
	}
	if err != nil {
		s.cache.Unref()
		return nil, errors.Join(err, s.lock.Close())
	}
	s.opened.Store(true)
	return s, nil
}

// openWhole opens what a store left, unless it is known to be damaged.
func (s *Store) openWhole(schema string) error {
	if err := s.marked(); err != nil {
		return err
	}
	held, err := s.hasData()
	if err != nil {
		return err
	}
	if err := s.open(schema); err != nil {
		return err
	}
	if held && s.db.Metrics().Total().TablesCount == 0 {
		return errors.Join(fmt.Errorf("%w: it has data files, but none of them is on its list of files", ErrDamaged), s.db.Close())
	}
	return nil
}

func (s *Store) open(schema string) (err error) {
	opts := &pebble.Options{
		FS:           vfs.OnDiskFull(s.fs, s.waitForRoom),
		Lock:         s.lock,
		Cache:        s.cache,
		MemTableSize: memTableBytes,
		// What is flushed is merged when a few flushes lie over each other, not after
		// every other one: a restore would spend a third of its CPU time on merges.
		L0CompactionThreshold: 2 * mostFlushes,
		L0StopWritesThreshold: 6 * mostFlushes,
		// The changelog is the log; see the package's comment.
		DisableWAL: true,
		// The newest form of files has a checksum over every part of them.
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             pebbleLogger{s},
		EventListener: &pebble.EventListener{
			BackgroundError: s.backgroundError,
			DataCorruption:  func(i pebble.DataCorruptionInfo) { s.damaged(i.Details) },
		},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		opts.Levels[i].Compression = func() *block.CompressionProfile { return block.FastestCompression }
	}
	// What is flushed is soon merged, and packed then; packing is what a restore
	// takes most CPU for.
	opts.Levels[0].Compression = func() *block.CompressionProfile { return block.NoCompression }
	if s.db, err = openPebble(s.dir, opts); err != nil {
		return fmt.Errorf("opening the state directory %s: %w", s.dir, err)
	}
	err = s.checkFormat(fmt.Sprintf("%s %s timers=%v", layout, schema, s.timers))
	if err == nil {
		err = context.Cause(s.working) // what was found in the background
	}
	if err != nil {
		return errors.Join(err, s.db.Close())
	}
	return nil
}

// openPebble makes an error of a panic: nothing promises that whatever bytes are
// on the disk give an error.
func openPebble(dir string, opts *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	return pebble.Open(dir, opts)
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
	var err error
	if t.checkpoint, err = t.Saved(); err != nil {
		t.Release()
		return nil, err
	}
	return t, nil
}

// Close writes everything to disk and closes the store. All tables must have
// been released. A store that could not go on ([Store.Context]) says so again
// here, and one whose disk is full is left as it is: nothing is lost, since what
// is not on disk is restored from the changelog.
func (s *Store) Close() error {
	if err := s.refusal(); err != nil {
		return s.leave(err)
	}
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		return fmt.Errorf("closing the local state: %w", errors.Join(err, s.release()))
	}
	late := time.After(flushWithin)
	for done := false; !done; {
		select {
		case <-flushed:
			done = true
		case <-s.refused():
			if err := s.refusal(); err != nil { // else there is room again
				return s.leave(err)
			}
		case <-late:
			return fmt.Errorf("the local state could not be written within %s and was left as it is on disk", flushWithin)
		}
	}
	if err := errors.Join(s.release(), context.Cause(s.working)); err != nil { // the cause is what was found meanwhile
		return fmt.Errorf("closing the local state: %w", err)
	}
	return nil
}

// leave closes a store that cannot be written, unless its files are waiting for
// room: then they end with the process.
func (s *Store) leave(problem error) error {
	if s.working.Err() != nil {
		closed := make(chan error, 1)
		go func() { closed <- s.release() }()
		select {
		case err := <-closed:
			problem = errors.Join(problem, err)
		case <-time.After(flushWithin):
		}
	}
	return fmt.Errorf("the local state was left as it is on disk: %w", problem)
}

// release closes the database, and then gives its folder free.
func (s *Store) release() error {
	err := s.db.Close()
	s.cache.Unref()
	return errors.Join(err, s.lock.Close())
}

// flushWithin bounds how long closing waits for the disk.
const flushWithin = 10 * time.Second
