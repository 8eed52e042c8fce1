//go:build synctests

package stream

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/callfold/callfold/internal/table"
)

// badDisk is a file system in memory whose writes fail while it is told to.
func badDisk(fails *atomic.Pointer[syscall.Errno]) vfs.FS {
	return errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if e := fails.Load(); e != nil && (op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpFileWrite) {
			// A real disk takes time too: the store tries again at once, and the bubble's clock
			// stands still while somebody is at work.
			time.Sleep(time.Millisecond) // virtual
			return *e
		}
		return nil
	}))
}

// TestFullDisk: the stage says so, can be stopped, and what it could not write is
// not missed.
func TestFullDisk(t *testing.T) {
	inWorld(t, func(w *world) {
		var fails atomic.Pointer[syscall.Errno]
		disk := badDisk(&fails)
		on := func(o *Options[tally]) { o.stateFS = disk }
		// A stage with so little to keep comes to the disk when it stops.
		s := w.start("a", on)
		w.send(60)
		w.expect()
		full := syscall.ENOSPC
		fails.Store(&full)
		began := time.Now()
		s.cancel()
		<-s.ended
		if !errors.Is(s.err, table.ErrFull) {
			t.Errorf("it ended with %v", s.err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("stopping took %s", took)
		}
		w.wait("it says so", func() bool { return errors.Is(s.problem("tally-state"), table.ErrFull) })
		fails.Store(nil)
		w.wait("there is room", func() bool { return s.problem("tally-state") == nil })
		w.check(s.engine.store.Close())
		w.send(60)
		w.start("b")
		w.expect()
	})
}

// TestDiskTurnsReadOnly ends the stage with what to do, at whatever it was.
func TestDiskTurnsReadOnly(t *testing.T) {
	inWorld(t, func(w *world) {
		var fails atomic.Pointer[syscall.Errno]
		s := w.start("a", func(o *Options[tally]) { o.stateFS = badDisk(&fails) })
		w.send(60)
		w.expect()
		readOnly := syscall.EROFS
		fails.Store(&readOnly)
		s.cancel()
		<-s.ended
		if !errors.Is(s.err, syscall.EROFS) {
			t.Errorf("it ended with %v", s.err)
		}
		fails.Store(nil) // a flush that was under way is tried until it comes through, or the process ends
		w.send(60)
		w.start("b")
		w.expect()
	})
}

// TestDamagedTable: files turn bad while the stage runs. It ends by itself when it
// comes upon them, and the next start restores.
func TestDamagedTable(t *testing.T) {
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		where := func(o *Options[tally]) { o.StateDir = dir }
		// More than the store reads, and keeps in memory, when it is opened.
		sendAll := func() {
			for i := range 3000 {
				w.sendOne(strconv.Itoa(100_000+i), 1)
			}
		}
		sendAll()
		s := w.start("a", where)
		w.expect()
		s.stop()
		files, _ := filepath.Glob(filepath.Join(dir, "table", "*.sst"))
		if len(files) == 0 {
			t.Fatal("no files to damage")
		}
		s = w.start("a", where)
		w.wait("it is ready", s.ready)
		for _, f := range files {
			b, err := os.ReadFile(f)
			w.check(err)
			for i := range b {
				b[i] ^= 0xff
			}
			w.check(os.WriteFile(f, b, 0o600))
		}
		sendAll()
		w.wait("it ends", func() bool {
			select {
			case <-s.ended:
				return true
			default:
				return false
			}
		})
		if !errors.Is(s.err, table.ErrDamaged) {
			t.Errorf("it ended with %v", s.err)
		}
		w.start("a", where)
		w.expect()
	})
}

// TestDowngrade: a newer version kept the store and wrote nothing to the changelog
// that this one could not read. The store is thrown away, and all goes on.
func TestDowngrade(t *testing.T) {
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		where := func(o *Options[tally]) { o.StateDir = dir }
		w.send(60)
		s := w.start("a", where)
		w.expect()
		s.stop()
		s = w.start("a", where, func(o *Options[tally]) { o.Codec = tallyCodec2{} })
		w.wait("the newer version is ready", s.ready)
		s.stop()
		s = w.start("a", where)
		w.wait("it is ready", s.ready)
		if n := s.counter("callfold_restored_records_total"); n == 0 {
			t.Error("it goes on with the newer version's store")
		}
		w.send(60)
		w.expect()
	})
}
