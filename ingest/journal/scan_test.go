package journal

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// segmentOf is the file of a journal with records of the sizes, with the trailer
// of a closed one or without.
func segmentOf(t *testing.T, closed bool, sizes ...int) []byte {
	t.Helper()
	fs := vfs.NewMem()
	j := open(t, fs, 1<<30)
	for n, size := range sizes {
		add(t, j, event(n, size))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data := contents(t, fs, "/data/journal/000000000001.wal")
	if !bytes.HasSuffix(data, trailer) {
		t.Fatal("Pebble ends its logs in another way by now")
	}
	if !closed {
		data = data[:len(data)-len(trailer)]
	}
	return data
}

func contents(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	file, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// payloads are the record numbers that can be read.
func payloads(t *testing.T, data []byte) (keys []string, damaged bool) {
	t.Helper()
	damaged = scan(data, func(p []byte) {
		r, err := decode(p)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, string(r.Key))
	})
	return keys, damaged
}

// TestCutOff cuts a file at every length: what is whole is read, and the rest is
// no damage.
func TestCutOff(t *testing.T) {
	data := segmentOf(t, true, 100, 2000, 50_000, 70, 30)
	// What a file system may leave that had not written the last blocks yet.
	if keys, damaged := payloads(t, append(data[:len(data)-len(trailer):len(data)-len(trailer)], make([]byte, 5000)...)); damaged || len(keys) != 5 {
		t.Errorf("with a tail of zeros: %q, damaged %v", keys, damaged)
	}
	whole := 0
	for length := range data {
		if length > 3000 && length < len(data)-600 && length%97 != 0 && length%blockBytes > 20 {
			continue // the middle of the large one
		}
		keys, damaged := payloads(t, data[:length])
		if damaged {
			t.Fatalf("cut at %d: taken for damaged", length)
		}
		if len(keys) < whole {
			t.Fatalf("cut at %d: %q, fewer than with less of it", length, keys)
		}
		whole = len(keys)
	}
	if whole != 5 {
		t.Errorf("%d records at the end", whole)
	}
}

// TestDamage changes every byte of a file in turn: where a record cannot be read
// any more, that is noticed, and the others are read.
func TestDamage(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, closed := range []bool{true, false} {
		data := segmentOf(t, closed, 40, 60, 300, 50, 20)
		last := len(data)
		if !closed {
			last -= 110 // the last record may be cut off, for all we know
		}
		for at := range last {
			hurt := slices.Clone(data)
			hurt[at] ^= byte(1 + random.IntN(255))
			keys, damaged := payloads(t, hurt)
			if len(keys) < 5 && !damaged {
				t.Errorf("closed %v, byte %d: only %q is left, and nobody noticed", closed, at, keys)
			}
			if len(keys) < 4 {
				t.Errorf("closed %v, byte %d: only %q is left", closed, at, keys)
			}
		}
	}
}

// TestDamagedStretch takes out the border of two blocks of several.
func TestDamagedStretch(t *testing.T) {
	data := segmentOf(t, false, slices.Repeat([]int{500}, 200)...)
	clear(data[blockBytes-3000 : blockBytes+3000])
	keys, damaged := payloads(t, data)
	if !damaged || len(keys) < 130 || !slices.Contains(keys, "0") || !slices.Contains(keys, "199") {
		t.Errorf("%d of 200 records are left, damaged %v", len(keys), damaged)
	}
}

// TestDamagedFileIsKept publishes what can be read and moves the file aside.
func TestDamagedFileIsKept(t *testing.T) {
	fs := vfs.NewMem()
	data := segmentOf(t, true, 100, 100, 100)
	data[150] ^= 1
	if err := fs.MkdirAll("/data/journal", 0o700); err != nil {
		t.Fatal(err)
	}
	file, err := fs.Create("/data/journal/000000000007.wal", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(slices.Clone(data)); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	j := open(t, fs, 1<<20)
	if got := held(t, j); !slices.Equal(got, []string{"0", "2"}) && !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("readable are %q", got)
	}
	add(t, j, event(9, 10))
	if n := j.Damaged(); n != 0 {
		t.Errorf("%d files set aside too early", n)
	}
	if err := j.Remove(j.Sealed()[0]); err != nil {
		t.Fatal(err)
	}
	names := files(t, fs, "/data/journal/damaged")
	if j.Damaged() != 1 || len(names) != 1 || !strings.HasPrefix(names[0], "000000000007.wal.") {
		t.Fatalf("set aside are %q", names)
	}
	if kept := contents(t, fs, "/data/journal/damaged/"+names[0]); !bytes.Equal(kept, data) {
		t.Error("the file was changed")
	}
	if got := held(t, j); !slices.Equal(got, []string{"9"}) {
		t.Errorf("left are %q", got)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			j, err := Open(Options{Dir: b.TempDir(), MaxBytes: 64 << 30})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			r := event(1, 3400)
			b.SetBytes(3400)
			b.ReportAllocs()
			b.SetParallelism(writers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := j.Append(b.Context(), r); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
