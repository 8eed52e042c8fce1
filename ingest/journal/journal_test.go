package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/twmb/franz-go/pkg/kgo"
)

func open(t *testing.T, fs vfs.FS, limit int64) *Journal {
	t.Helper()
	j, err := Open(Options{Dir: "/data", MaxBytes: limit, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// event is record number n of a test, of some size.
func event(n, size int) *kgo.Record {
	return &kgo.Record{
		Topic: "events", Key: fmt.Append(nil, n), Value: bytes.Repeat([]byte{byte('a' + n%26)}, size), Timestamp: time.UnixMilli(1772445590123 + int64(n)),
		Headers: []kgo.RecordHeader{{Key: "schema", Value: []byte("callfold.event/1")}, {Key: "received-at", Value: fmt.Append(nil, n)}},
	}
}

func add(t *testing.T, j *Journal, r *kgo.Record) {
	t.Helper()
	if err := j.Append(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// held are the keys of the records in the journal, segment by segment.
func held(t *testing.T, j *Journal) []string {
	t.Helper()
	var keys []string
	for {
		segments := j.Sealed()
		n := 0
		for _, s := range segments {
			n += s.events
			records, err := j.Read(s)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				keys = append(keys, string(r.Key))
			}
		}
		if n == j.Stats().Events {
			return keys
		}
		keys = nil
		// Something is being written: seal it too.
		j.mu.Lock()
		w := j.detachLocked()
		j.mu.Unlock()
		if w != nil {
			j.seal(w, nil)
		}
	}
}

func files(t *testing.T, fs vfs.FS, dir string) []string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(names, func(n string) bool { return !strings.Contains(n, extension) })
}

func TestRecordsComeBack(t *testing.T) {
	fs := vfs.NewMem()
	j := open(t, fs, 1<<30)
	want := []*kgo.Record{event(1, 10), event(2, 0), event(3, 100_000), {Topic: "rejected", Value: []byte("{}"), Timestamp: time.UnixMilli(5)}}
	for _, r := range want {
		add(t, j, r)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, fs, 1<<30)
	if s := j.Stats(); s.Events != 4 || s.Bytes < 100_000 || s.Bytes > 110_000 || !s.Oldest.Equal(want[0].Timestamp) {
		t.Errorf("found %+v", s)
	}
	got, err := j.Read(j.Sealed()[0])
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range got {
		w := *want[i]
		if string(r.Key) != string(w.Key) || (r.Key == nil) != (w.Key == nil) || !bytes.Equal(r.Value, w.Value) || r.Topic != w.Topic ||
			!r.Timestamp.Equal(w.Timestamp) || len(w.Headers) > 0 && !reflect.DeepEqual(r.Headers, w.Headers) {
			t.Errorf("record %d came back as %v", i, r)
		}
	}
	if err := j.Remove(j.Sealed()[0]); err != nil {
		t.Fatal(err)
	}
	if s := j.Stats(); s.Events != 0 || s.Bytes != 0 || !s.Oldest.IsZero() || len(files(t, fs, "/data/journal")) != 0 {
		t.Errorf("after removal %+v, files %q", s, files(t, fs, "/data/journal"))
	}
}

// TestAcknowledgedIsSynced takes the power away at random moments under load:
// what was not synced is gone, what was acknowledged is not.
func TestAcknowledgedIsSynced(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 10 {
		fs := vfs.NewCrashableMem()
		j := open(t, fs, 200<<10) // segments of 50 KiB, so that they change too
		var mu sync.Mutex
		var acknowledged []string
		var next atomic.Int64
		var writing sync.WaitGroup
		crash := make(chan vfs.FS)
		at := random.Int64N(80) + 20
		for range 4 {
			writing.Go(func() {
				for n := next.Add(1); n <= 120; n = next.Add(1) {
					if n == at {
						mu.Lock() // nothing is acknowledged between the crash and the list
						crash <- fs.CrashClone(vfs.CrashCloneCfg{})
						crash <- nil
						mu.Unlock()
					}
					r := event(int(n), 1000)
					if err := j.Append(context.WithoutCancel(t.Context()), r); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					acknowledged = append(acknowledged, string(r.Key))
					mu.Unlock()
				}
			})
		}
		after := <-crash
		known := slices.Clone(acknowledged) // the crasher holds the mutex
		<-crash
		found := held(t, open(t, after, 200<<10))
		for _, key := range known {
			if !slices.Contains(found, key) {
				t.Errorf("record %s was acknowledged and is gone", key)
			}
		}
		writing.Wait()
	}
}

func TestBound(t *testing.T) {
	const limit = 64 << 10
	fs := vfs.NewMem()
	log := new(bytes.Buffer)
	j, err := Open(Options{Dir: "/data", MaxBytes: limit, FS: fs, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	n := 0
	for ; err == nil && n < 1000; n++ {
		err = j.Append(t.Context(), event(n, 1000))
	}
	if !errors.Is(err, ErrFull) || n < 55 {
		t.Fatalf("%d records, then %v", n, err)
	}
	for range 3 {
		if err := j.Append(t.Context(), event(n, 1000)); !errors.Is(err, ErrFull) {
			t.Errorf("beyond the bound: %v", err)
		}
	}
	if s := j.Stats(); !errors.Is(s.Problem, ErrFull) || s.Full != 4 || s.Bytes > limit || s.Written != uint64(n-1) {
		t.Errorf("stats %+v", s)
	}
	var size int64
	for _, name := range files(t, fs, "/data/journal") {
		info, err := fs.Stat("/data/journal/" + name)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > limit {
		t.Errorf("%d bytes on disk, the bound is %d", size, limit)
	}
	if lines := strings.Count(log.String(), "the journal is full"); lines != 1 {
		t.Errorf("%d lines about it:\n%s", lines, log)
	}
	if err := j.Remove(j.Sealed()[0]); err != nil {
		t.Fatal(err)
	}
	if s := j.Stats(); s.Problem != nil {
		t.Errorf("with room again: %v", s.Problem)
	}
	add(t, j, event(n, 1000))
}

// TestDiskRefuses makes one operation after the other fail for a time. What is
// acknowledged is there at the end, nothing ends the process, and it goes on by
// itself.
func TestDiskRefuses(t *testing.T) {
	for name, trouble := range map[string]error{"full": syscall.ENOSPC, "broken": syscall.EIO, "read-only": syscall.EROFS} {
		for kind, hit := range map[string]func(errorfs.Op) bool{
			"write":  func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileWrite },
			"sync":   func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileSync },
			"create": func(op errorfs.Op) bool { return op.Kind == errorfs.OpCreate },
			"any":    func(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite },
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				var refusing atomic.Bool
				mem := vfs.NewMem()
				fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
					if refusing.Load() && hit(op) {
						return trouble
					}
					return nil
				}))
				log := new(lockedBuffer)
				j, err := Open(Options{Dir: "/data", MaxBytes: 1 << 20, FS: fs, Logger: slog.New(slog.NewTextHandler(log, nil))})
				if err != nil {
					t.Fatal(err)
				}
				defer j.Close()
				add(t, j, event(1, 1000))
				if kind == "create" { // which it has to do for a new segment only
					_ = held(t, j)
				}
				refusing.Store(true)
				for n := range 20 {
					if err := j.Append(t.Context(), event(100+n, 1000)); err == nil {
						t.Error("acknowledged what the disk refused")
					}
				}
				if s := j.Stats(); s.Problem == nil || s.Failed != 20 {
					t.Errorf("stats %+v", s)
				}
				if !strings.Contains(log.String(), "the journal cannot be written to") {
					t.Errorf("the log says\n%s", log)
				}
				refusing.Store(false)
				deadline := time.Now().Add(20 * time.Second)
				for j.Append(t.Context(), event(2, 1000)) != nil {
					if time.Now().After(deadline) {
						t.Fatalf("still refused: %v", j.Stats().Problem)
					}
					time.Sleep(20 * time.Millisecond) // polling
				}
				if got := held(t, j); !slices.Contains(got, "1") || !slices.Contains(got, "2") {
					t.Errorf("holds %q", got)
				}
				if s := j.Stats(); s.Problem != nil {
					t.Errorf("mended, and still %v", s.Problem)
				}
				if n := len(files(t, mem, "/data/journal")); n > 4 {
					t.Errorf("%d files", n)
				}
			})
		}
	}
}

// TestStartsOnABadDisk opens a journal whose directory cannot be made.
func TestStartsOnABadDisk(t *testing.T) {
	var refusing atomic.Bool
	refusing.Store(true)
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if refusing.Load() && op.Kind == errorfs.OpMkdirAll {
			return syscall.EROFS
		}
		return nil
	}))
	j := open(t, fs, 1<<20)
	if err := j.Append(t.Context(), event(1, 10)); !errors.Is(err, syscall.EROFS) {
		t.Errorf("error %v", err)
	}
	if j.Stats().Problem == nil || len(j.Sealed()) > 0 {
		t.Error("it seems to work")
	}
	refusing.Store(false)
	for j.Append(t.Context(), event(1, 10)) != nil {
		time.Sleep(20 * time.Millisecond) // polling
	}
	if got := held(t, j); len(got) != 1 {
		t.Errorf("holds %q", got)
	}
}

// TestSlowDisk hangs in an fsync; the caller gets its answer in time.
func TestSlowDisk(t *testing.T) {
	release := make(chan struct{})
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSync && strings.Contains(op.Path, extension) {
			<-release
		}
		return nil
	}))
	j := open(t, fs, 1<<20)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := j.Append(ctx, event(1, 10)); !errors.Is(err, ErrSlow) {
		t.Errorf("error %v", err)
	}
	close(release)
	add(t, j, event(2, 10))
	if got := held(t, j); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("holds %q", got)
	}
	if s := j.Stats(); s.Slow != 1 || s.Written != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(Options{Dir: dir, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir, MaxBytes: 1 << 20}); !errors.Is(err, ErrInUse) {
		t.Errorf("the second one: %v", err)
	}
	add(t, j, event(1, 10))
	info, err := vfs.Default.Stat(vfs.Default.PathJoin(dir, "journal"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder's mode is %v (%v)", info.Mode(), err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if j, err = Open(Options{Dir: dir, MaxBytes: 1 << 20}); err != nil || j.Stats().Events != 1 {
		t.Errorf("afterwards: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(t.Context(), event(2, 10)); err == nil {
		t.Error("a closed journal takes records")
	}
}

// TestReplaceKeeps keeps two of four records; they are on disk before the
// segment is gone.
func TestReplaceKeeps(t *testing.T) {
	fs := vfs.NewMem()
	j := open(t, fs, 1<<20)
	for n := range 4 {
		add(t, j, event(n, 10))
	}
	s := j.Sealed()[0]
	records, err := j.Read(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Replace(s, []*kgo.Record{records[1], records[3]}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, fs, 1<<20)
	if got := held(t, j); !slices.Equal(got, []string{"1", "3"}) || j.Stats().Events != 2 {
		t.Errorf("kept %q", got)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
