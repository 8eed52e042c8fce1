package stream

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/callfold/callfold/internal/table"
)

// TestCheckpointGoesWithItsChanges: whenever the machine dies, what is found on the
// disk is a table together with its own checkpoint, never a checkpoint that is
// ahead of it (its changes would be lost) or behind.
func TestCheckpointGoesWithItsChanges(t *testing.T) {
	fs := vfs.NewCrashableMem()
	store := openOn(t, fs)
	defer store.Close()
	// The folders themselves are old.
	for _, name := range []string{"", "store", "store/table"} {
		dir, err := fs.OpenDir(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
			t.Fatal(err)
		}
	}
	tab, err := store.Acquire(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Release()
	value := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(value) // so that it takes its room on the disk
	var crashed []*vfs.MemFS
	for i := range int64(120) {
		binary.BigEndian.PutUint64(value, uint64(i+1))
		if err := tab.Apply([]table.Change{{Key: "k", Value: value}}, table.Checkpoint{Offset: i + 1}); err != nil {
			t.Fatal(err)
		}
		if i%20 == 19 {
			crashed = append(crashed, fs.CrashClone(vfs.CrashCloneCfg{}))
		}
	}
	survived := false
	for _, disk := range crashed {
		after := openOn(t, disk)
		tab, err := after.Acquire(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		holds := int64(0)
		if v, ok, err := tab.Get("k"); err != nil {
			t.Fatal(err)
		} else if ok {
			holds = int64(binary.BigEndian.Uint64(v))
		}
		if at := tab.Checkpoint().Offset; at != holds {
			t.Errorf("the checkpoint says %d, the table holds %d", at, holds)
		}
		survived = survived || holds > 0
		tab.Release()
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !survived {
		t.Error("nothing was on the disk yet: the test shows nothing")
	}
}

func openOn(t *testing.T, fs vfs.FS) *table.Store {
	t.Helper()
	store, err := table.Open(table.Options{Dir: "store", FS: fs, Schema: "test/1", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return store
}
