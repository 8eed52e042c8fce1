package table

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// layout is the version of the keys' form, see [Table].
const layout = "1"

// formatKey holds layout and schema. It cannot be the key of a partition, which
// has five bytes at the least.
var formatKey = []byte("fmt")

// Files of ours in the store's folder, beside Pebble's.
const (
	// markName is there when the store was found damaged while it was in use. It
	// says how.
	markName = "damaged"
	// probeName is written to see whether the folder can be.
	probeName = "probe"
	// lockName is Pebble's.
	lockName = "LOCK"
)

var (
	// ErrDamaged says that what is on the disk is not what was written.
	ErrDamaged = errors.New("the local state is damaged on disk")
	// ErrFull says that the disk has no room for the state.
	ErrFull = errors.New("the disk is full")

	errFormat = errors.New("the local state was written by another version of callfold")
	errInUse  = errors.New("in use by another callfold: give each process its own state_dir, or end the other")
)

// claim makes the store's folder, where there is none, locks it, and sees
// whether it can be written.
func (s *Store) claim() error {
	if err := s.fs.MkdirAll(s.dir, 0o700); err != nil { // it holds what people said on the telephone
		return s.unwritable(err)
	}
	var err error
	if s.lock, err = pebble.LockDirectory(s.dir, s.fs); err != nil {
		// Pebble has no error value for a lock that this very process holds.
		if errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "lock held by current process") {
			return fmt.Errorf("the state directory %s is %w", s.dir, errInUse)
		}
		return s.unwritable(err)
	}
	if err := s.probe(probeBytes); err != nil {
		return errors.Join(s.unwritable(err), s.lock.Close())
	}
	return nil
}

// unwritable says what is to be done about a folder that refuses.
func (s *Store) unwritable(err error) error {
	switch {
	case noRoom(err):
		return fmt.Errorf("the disk of the state directory %s is full; make room on it, or set state_dir to a folder on another disk: %w", s.dir, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the state directory %s cannot be written; mount it writable and give this process the right to, or set state_dir to another folder: %w", s.dir, err)
	}
	return fmt.Errorf("the state directory %s cannot be used: %w", s.dir, err)
}

// probeBytes is more than file systems keep within their own records.
const probeBytes = 1 << 20

// probe writes a file of that size and removes it.
func (s *Store) probe(size int) error {
	name := s.fs.PathJoin(s.dir, probeName)
	f, err := s.fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, size))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), s.fs.Remove(name))
}

// noRoom tells the errors of a full disk, or a used-up quota.
func noRoom(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// unusable tells a store that is damaged or of another format from one on a disk
// that refuses (full, read-only, failing): the system's own errors are not the
// store's fault. Files that are missing or of the wrong kind are.
func unusable(err error) bool {
	if err == nil || errors.Is(err, errInUse) {
		return false
	}
	if errors.Is(err, ErrDamaged) || errors.Is(err, errFormat) {
		return true
	}
	var sys syscall.Errno
	if !errors.As(err, &sys) {
		return true
	}
	return sys == syscall.ENOENT || sys == syscall.ENOTDIR || sys == syscall.EISDIR
}

// marked returns how a former process found the store damaged, nil if it did not.
func (s *Store) marked() error {
	f, err := s.fs.Open(s.fs.PathJoin(s.dir, markName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	how := make([]byte, 1000)
	n, _ := f.Read(how) // it need not say anything
	return fmt.Errorf("%w: found while it was in use: %s", ErrDamaged, bytes.TrimSpace(how[:n]))
}

// mark notes that the store is damaged, so that the next start throws it away.
func (s *Store) mark(how error) error {
	f, err := s.fs.Create(s.fs.PathJoin(s.dir, markName), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(how.Error() + "\n"))
	return errors.Join(err, f.Sync(), f.Close())
}

// hasData reports whether a store has written data files into the folder.
func (s *Store) hasData() (bool, error) {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return false, fmt.Errorf("listing the state directory %s: %w", s.dir, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			return true, nil
		}
	}
	return false, nil
}

// empty removes everything from the store's folder but the lock, which we hold.
func (s *Store) empty() error {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return fmt.Errorf("throwing away the local state: %w", err)
	}
	for _, name := range names {
		if name == lockName {
			continue
		}
		if err := s.fs.RemoveAll(s.fs.PathJoin(s.dir, name)); err != nil {
			return fmt.Errorf("throwing away the local state: %w", err)
		}
	}
	return nil
}

// checkFormat notes the format in a new store, and compares it in an old one.
func (s *Store) checkFormat(want string) error {
	v, closer, err := s.db.Get(formatKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return s.db.Set(formatKey, []byte(want), pebble.NoSync)
	}
	if err != nil {
		return fmt.Errorf("reading the format of the local state: %w", err)
	}
	defer closer.Close()
	if !bytes.Equal(v, []byte(want)) {
		return fmt.Errorf("%w: in the format %q, this version's is %q", errFormat, v, want)
	}
	return nil
}
