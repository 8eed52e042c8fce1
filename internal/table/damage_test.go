package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// history is what a partition's table held at each checkpoint offset.
type history map[int64]map[string]string

// makeStore leaves a store of some data files in dir, and returns what each of
// its states held. Files are written at every third change, and the older ones
// merged in the middle, so that the list of files has a past.
func makeStore(t testing.TB, dir string) history {
	t.Helper()
	s := openTest(t, dir, true)
	tab := acquire(t, s, 0)
	h := history{0: {}}
	now := map[string]string{}
	rng := rand.New(rand.NewPCG(1, 2)) // values that do not compress
	const changes, keys = 12, 600
	for i := int64(1); i <= changes; i++ {
		var batch []Change
		for k := range keys {
			if (int64(k)+i)%3 != 0 {
				continue
			}
			key := strconv.Itoa(1000 + k)
			value := fmt.Sprintf("%s at %d %x %x %x", key, i, rng.Uint64(), rng.Uint64(), rng.Uint64())
			ch := Change{Key: key, Value: []byte(value), Due: time.UnixMilli(int64(k))}
			if now[key] = value; k%10 == 0 && i%2 == 0 {
				ch.Value = nil
				delete(now, key)
			}
			batch = append(batch, ch)
		}
		if err := tab.Apply(batch, Checkpoint{Offset: i, TopicID: "t"}); err != nil {
			t.Fatal(err)
		}
		h[i] = maps.Clone(now)
		if i%3 == 0 {
			if err := s.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if i == changes/2 {
			if err := s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	tab.Release()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return h
}

// damage does something to the files of a folder that a disk, a crash of the
// machine or a person could do, and says what.
func damage(t testing.TB, dir string, rng *rand.Rand) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.Name() == lockName })
	name := entries[rng.IntN(len(entries))].Name()
	if rng.IntN(3) > 0 { // mostly what matters: the data, and the list of files in use
		name = entries[0].Name()
		if manifests, _ := filepath.Glob(filepath.Join(dir, "MANIFEST-*")); rng.IntN(2) == 0 {
			name = filepath.Base(manifests[len(manifests)-1])
		}
	}
	path := filepath.Join(dir, name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var what string
	switch kind := rng.IntN(8); kind {
	case 0, 1, 2: // most often
		for range 1 + kind {
			if len(b) > 0 {
				b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			}
		}
		what = fmt.Sprintf("%d bits of %s turned over", 1+kind, name)
	case 3:
		n := rng.IntN(len(b) + 1)
		b, what = b[:n], fmt.Sprintf("%s cut off at %d", name, n)
	case 4:
		if len(b) > 0 {
			from := rng.IntN(len(b))
			clear(b[from:min(len(b), from+4096)])
			what = fmt.Sprintf("%s zeroed from %d", name, from)
		}
	case 5:
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		what = name + " overwritten"
	case 6:
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return name + " removed"
	case 7:
		other := entries[rng.IntN(len(entries))].Name()
		if b, err = os.ReadFile(filepath.Join(dir, other)); err != nil {
			t.Fatal(err)
		}
		what = other + " copied over " + name
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return what
}

// TestDamageIsNeverServed damages a store in many ways. Whatever was done, each
// value read is that of the checkpoint, or the read fails; then the store says
// that it is damaged, and the next start begins with an empty one.
func TestDamageIsNeverServed(t *testing.T) {
	whole := t.TempDir()
	h := makeStore(t, whole)
	newest := int64(len(h) - 1)
	ends := map[string]int{}
	for seed := range uint64(150) {
		dir := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		what := damage(t, filepath.Join(dir, "table"), rand.New(rand.NewPCG(seed, 0)))
		end := readDamaged(t, dir, h, newest, fmt.Sprintf("seed %d: %s", seed, what))
		ends[end]++
	}
	t.Log(ends)
	for _, end := range []string{"intact", "thrown away at the start", "found while in use"} {
		if ends[end] == 0 {
			t.Errorf("no damage ended in %q: the test does not show what it should", end)
		}
	}
}

// logText keeps what is logged, also in the background.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logText) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

func readDamaged(t *testing.T, dir string, h history, newest int64, what string) string {
	t.Helper()
	var logged logText
	open := func() *Store {
		s, err := Open(Options{Dir: dir, Schema: "test/1", Timers: true, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
		if err != nil {
			t.Fatalf("%s: it does not start: %v\n%s", what, err, &logged)
		}
		return s
	}
	s := open()
	thrownAway := strings.Contains(logged.String(), "throwing it away")
	err := check(s, h)
	if errors.Is(err, errWrong) {
		t.Fatalf("%s: %v", what, err)
	}
	switch closing := s.Close(); {
	case err == nil && closing == nil && thrownAway:
		return "thrown away at the start"
	case err == nil && closing == nil:
		// A store that fell back to an earlier state of its own is whole.
		s = open()
		defer s.Close()
		if at := acquire(t, s, 0).Checkpoint().Offset; at == newest {
			return "intact"
		} else if at > 0 {
			return "earlier"
		}
		t.Fatalf("%s: the store is empty, and nothing was said", what)
	case !errors.Is(closing, ErrDamaged):
		t.Fatalf("%s: reading says %v, closing %v", what, err, closing)
	}

	logged.reset()
	s = open()
	defer s.Close()
	if !strings.Contains(logged.String(), "throwing it away") {
		t.Fatalf("%s: the next start did not throw the store away: %s", what, &logged)
	}
	if err := check(s, history{0: {}}); err != nil {
		t.Fatalf("%s: after the next start: %v", what, err)
	}
	return "found while in use"
}

var errWrong = errors.New("a wrong value")

// check reads a table in every way.
func check(s *Store, h history) error {
	tab, err := s.Acquire(context.Background(), 0)
	if err != nil {
		return err
	}
	defer tab.Release()
	want, ok := h[tab.Checkpoint().Offset]
	if !ok {
		return fmt.Errorf("%w: checkpoint %+v", errWrong, tab.Checkpoint())
	}
	for key, value := range want {
		got, ok, err := tab.Get(key)
		if err != nil {
			return err
		}
		if !ok || string(got) != value {
			return fmt.Errorf("%w: %s is %q, want %q", errWrong, key, got, value)
		}
	}
	n := 0
	if err := tab.Each(func(key string, value []byte) error {
		if n++; want[key] != string(value) {
			return fmt.Errorf("%w: %s is %q, want %q", errWrong, key, value, want[key])
		}
		return nil
	}); err != nil {
		return err
	}
	due, err := tab.Due(time.UnixMilli(1<<40), 1000)
	if err != nil {
		return err
	}
	timers := 0
	for key := range want {
		if key != "1000" { // whose time is zero milliseconds
			timers++
		}
	}
	if n != len(want) || len(due) < timers {
		return fmt.Errorf("%w: %d keys and %d timers, want %d", errWrong, n, len(due), len(want))
	}
	return nil
}

// TestDamageWhileInUse: files turn bad under a running store, and it is a merge of
// files in the background that finds it.
func TestDamageWhileInUse(t *testing.T) {
	dir := t.TempDir()
	makeStore(t, dir)
	s := openTest(t, dir, true)
	tab := acquire(t, s, 0)
	files, _ := filepath.Glob(filepath.Join(dir, "table", "*.sst"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b[:len(b)-1024] {
			b[i] ^= 0xff
		}
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := s.Context(context.Background())
	defer cancel()
	for _, key := range []string{"0", "9"} { // around all others
		if err := s.db.Set(tab.key(kindValue, key), make([]byte, 8), pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false); err == nil {
		t.Fatal("the files could be merged")
	}
	<-ctx.Done()
	if err := s.Close(); !errors.Is(err, ErrDamaged) {
		t.Errorf("closing says %v", err)
	}
	s = openTest(t, dir, true)
	defer s.Close()
	if at := acquire(t, s, 0).Checkpoint(); at != (Checkpoint{}) {
		t.Errorf("the next start goes on from %+v", at)
	}
}

// TestDamageFoundWhileOpening: the background finds it when Open has looked for such
// findings already. The store fails, and the next start throws it away.
func TestDamageFoundWhileOpening(t *testing.T) {
	dir := t.TempDir()
	makeStore(t, dir)
	s := openTest(t, dir, true)
	s.opened.Store(false) // as it is until Open returns
	s.damaged(errors.New("a bad block"))
	s.opened.Store(true)
	if err := s.Close(); !errors.Is(err, ErrDamaged) {
		t.Errorf("closing says %v", err)
	}
	s = openTest(t, dir, true)
	defer s.Close()
	if at := acquire(t, s, 0).Checkpoint(); at != (Checkpoint{}) {
		t.Errorf("the next start goes on from %+v", at)
	}
}

// closingFS calls a function when its lock is given free, which comes last.
type closingFS struct {
	vfs.FS
	closing func()
}

func (f closingFS) Lock(name string) (io.Closer, error) {
	lock, err := f.FS.Lock(name)
	return closingLock{lock, f.closing}, err
}

type closingLock struct {
	io.Closer
	closing func()
}

func (l closingLock) Close() error {
	l.closing()
	return l.Closer.Close()
}

// TestDamageFoundWhileClosing is told by Close: the next start throws the store away.
func TestDamageFoundWhileClosing(t *testing.T) {
	var s *Store
	fs := closingFS{vfs.NewMem(), func() { s.damaged(errors.New("a bad block")) }}
	s, err := Open(Options{Schema: "test/1", FS: fs, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); !errors.Is(err, ErrDamaged) {
		t.Errorf("closing says %v", err)
	}
	if s.marked() == nil {
		t.Error("the next start does not hear of it")
	}
}

// TestFatalMarks: where Pebble gives up for a reason of its own, the store is not
// trusted again.
func TestFatalMarks(t *testing.T) {
	defer func(f func(int)) { exit = f }(exit)
	code := 0
	exit = func(c int) { code = c }
	dir := t.TempDir()
	makeStore(t, dir)
	s := openTest(t, dir, true)
	pebbleLogger{s}.Fatalf("pebble: this cannot be: %d", 4711)
	if code != 1 {
		t.Errorf("it ends with %d", code)
	}
	if err := s.Close(); !errors.Is(err, ErrDamaged) {
		t.Errorf("closing says %v", err)
	}
	s = openTest(t, dir, true)
	defer s.Close()
	if at := acquire(t, s, 0).Checkpoint(); at != (Checkpoint{}) {
		t.Errorf("the next start goes on from %+v", at)
	}
}
