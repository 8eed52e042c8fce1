package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// disk is a file system in memory whose writes can be made to fail, or to hang.
type disk struct {
	vfs.FS
	fails atomic.Pointer[syscall.Errno]
	hangs atomic.Pointer[chan struct{}]

	mu      sync.Mutex
	log     bytes.Buffer
	healthy []string // what Health was told
}

func newDisk() *disk {
	d := &disk{}
	d.FS = errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpMkdirAll:
		default:
			return nil
		}
		if hang := d.hangs.Load(); hang != nil && op.Kind == errorfs.OpFileWrite {
			<-*hang
		}
		if e := d.fails.Load(); e != nil {
			return *e
		}
		return nil
	}))
	return d
}

func (d *disk) fail(e syscall.Errno) { d.fails.Store(&e) }
func (d *disk) mend()                { d.fails.Store(nil) }

// Write takes log lines.
func (d *disk) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(b)
}

func (d *disk) said(what string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Count(d.log.String(), what)
}

func (d *disk) open() (*Store, error) {
	return Open(Options{
		Schema: "test/1", FS: d, Logger: slog.New(slog.NewTextHandler(d, nil)),
		Health: func(problem error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.healthy = append(d.healthy, fmt.Sprint(problem))
		},
	})
}

func (d *disk) mustOpen(t *testing.T) *Store {
	t.Helper()
	s, err := d.open()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// put changes a key, and counts in the checkpoint.
func put(tab *Table, key string, value []byte) error {
	c := tab.Checkpoint()
	c.Offset++
	return tab.Apply([]Change{{Key: key, Value: value}}, c)
}

// flush starts one, and lets time pass.
func flush(t *testing.T, s *Store) {
	t.Helper()
	if _, err := s.db.AsyncFlush(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute) // virtual
}

// TestFullDiskIsWaitedFor: changes are refused while the disk is full and made
// when there is room, nothing ends, and it is said once.
func TestFullDiskIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		s := d.mustOpen(t)
		ctx, cancel := s.Context(t.Context())
		defer cancel()
		tab := acquire(t, s, 0)
		if err := put(tab, "a", []byte("1")); err != nil {
			t.Fatal(err)
		}
		d.fail(syscall.ENOSPC)
		flush(t, s)
		if err := put(tab, "b", []byte("2")); !errors.Is(err, ErrFull) {
			t.Fatalf("a change on a full disk: %v", err)
		}
		if v, ok, err := tab.Get("a"); err != nil || !ok || string(v) != "1" {
			t.Errorf("reading on a full disk: %q %v %v", v, ok, err)
		}
		short, done := context.WithTimeout(ctx, time.Minute)
		defer done()
		if err := s.WaitForRoom(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting for room on a full disk: %v", err)
		}
		d.mend()
		if err := s.WaitForRoom(ctx); err != nil {
			t.Fatal(err)
		}
		if err := put(tab, "b", []byte("2")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it is said once nobody waits any more
		if n := d.said("level=ERROR"); n != 1 || d.said("the disk is full") != 1 || d.said("there is room") != 1 {
			t.Errorf("%d errors logged, want one:\n%s", n, &d.log)
		}
		if len(d.healthy) != 2 || !strings.Contains(d.healthy[0], "the disk is full") || d.healthy[1] != "<nil>" {
			t.Errorf("health was told %q", d.healthy)
		}
		tab.Release()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = d.mustOpen(t)
		defer s.Close()
		tab = acquire(t, s, 0)
		if got := contents(t, tab); len(got) != 2 || tab.Checkpoint().Offset != 2 {
			t.Errorf("after all that the store holds %v, %+v", got, tab.Checkpoint())
		}
	})
}

// TestStopOnAFullDisk takes no time, whatever was in hand.
func TestStopOnAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		s := d.mustOpen(t)
		tab := acquire(t, s, 0)
		hang := make(chan struct{})
		d.hangs.Store(&hang)
		stuck := make(chan error)
		go func() {
			value := make([]byte, 1<<20)
			for {
				if err := put(tab, "k", value); err != nil {
					stuck <- err
					return
				}
			}
		}()
		synctest.Wait() // until memory is full, and a change waits within Pebble
		began := time.Now()
		d.fail(syscall.ENOSPC)
		close(hang)
		if err := <-stuck; !errors.Is(err, ErrFull) {
			t.Errorf("the change that waited: %v", err)
		}
		tab.Release()
		if err := s.Close(); !errors.Is(err, ErrFull) {
			t.Errorf("closing: %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
		d.mend() // and what waits can end
		if err := s.WaitForRoom(t.Context()); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestCloseMeetsAFullDisk: it turns out to be full by the last flush.
func TestCloseMeetsAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		s := d.mustOpen(t)
		tab := acquire(t, s, 0)
		if err := put(tab, "a", []byte("1")); err != nil {
			t.Fatal(err)
		}
		tab.Release()
		d.fail(syscall.ENOSPC)
		if err := s.Close(); !errors.Is(err, ErrFull) {
			t.Errorf("closing: %v", err)
		}
		d.mend()
		if err := s.WaitForRoom(t.Context()); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestDiskFailsWhileInUse: the work ends with the mend, and the store is not
// thrown away for what is not its fault.
func TestDiskFailsWhileInUse(t *testing.T) {
	for e, mend := range map[syscall.Errno]string{syscall.EROFS: "mount it writable", syscall.EIO: "cannot be used", syscall.EDQUOT: "make room on it"} {
		t.Run(e.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				s := d.mustOpen(t)
				tab := acquire(t, s, 0)
				if err := put(tab, "a", []byte("1")); err != nil {
					t.Fatal(err)
				}
				if err := s.db.Flush(); err != nil {
					t.Fatal(err)
				}
				if err := put(tab, "a", []byte("2")); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := s.Context(t.Context())
				defer cancel()
				d.fail(e)
				if _, err := s.db.AsyncFlush(); err != nil {
					t.Fatal(err)
				}
				<-ctx.Done()
				if err := put(tab, "a", []byte("3")); !errors.Is(err, e) {
					t.Errorf("a change after that: %v", err)
				}
				tab.Release()
				if err := s.Close(); !errors.Is(err, e) || !strings.Contains(err.Error(), mend) {
					t.Errorf("closing: %v", err)
				}
				if n := d.said("level=ERROR"); n != 1 {
					t.Errorf("%d errors logged, want one:\n%s", n, &d.log)
				}
				d.mend()
				s = d.mustOpen(t)
				defer s.Close()
				if got := contents(t, acquire(t, s, 0)); got["a"] != "1" || d.said("throwing it away") != 0 {
					t.Errorf("the next start has %v\n%s", got, &d.log)
				}
			})
		})
	}
}

// TestDiskRefusesAtTheStart: nothing is thrown away, and the mend is said.
func TestDiskRefusesAtTheStart(t *testing.T) {
	for e, mend := range map[syscall.Errno]string{
		syscall.ENOSPC: "make room on it", syscall.EDQUOT: "make room on it",
		syscall.EROFS: "mount it writable", syscall.EACCES: "mount it writable", syscall.EIO: "cannot be used",
	} {
		t.Run(e.Error(), func(t *testing.T) {
			d := newDisk()
			s := d.mustOpen(t)
			tab := acquire(t, s, 0)
			if err := put(tab, "a", []byte("1")); err != nil {
				t.Fatal(err)
			}
			tab.Release()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			d.fail(e)
			if s, err := d.open(); err == nil {
				s.Close()
				t.Fatal("it starts")
			} else if !strings.Contains(err.Error(), mend) || !errors.Is(err, e) {
				t.Errorf("it says: %v", err)
			}
			d.mend()
			s = d.mustOpen(t)
			defer s.Close()
			if got := contents(t, acquire(t, s, 0)); got["a"] != "1" {
				t.Errorf("the next start has %v", got)
			}
		})
	}
}
