package table

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func openTest(t testing.TB, dir string, timers bool) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, Schema: "test/1", Timers: timers, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func acquire(t testing.TB, s *Store, p int32) *Table {
	t.Helper()
	tab, err := s.Acquire(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func contents(t testing.TB, tab *Table) map[string]string {
	t.Helper()
	m := map[string]string{}
	if err := tab.Each(func(k string, v []byte) error { m[k] = string(v); return nil }); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestReopenedStoreHasDataAndCheckpoint(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, true)
	tab := acquire(t, s, 3)
	want := Checkpoint{Offset: 10, NextInput: 20, TopicID: "0102", SavedAt: time.Unix(5, 0).UTC()}
	if err := tab.Apply([]Change{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2"), Due: time.UnixMilli(7)}}, want); err != nil {
		t.Fatal(err)
	}
	tab.Release()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openTest(t, dir, true)
	defer s.Close()
	tab = acquire(t, s, 3)
	if got := tab.Checkpoint(); got != want {
		t.Errorf("checkpoint %+v, want %+v", got, want)
	}
	if got := contents(t, tab); !maps.Equal(got, map[string]string{"a": "1", "b": "2"}) {
		t.Errorf("contents %v", got)
	}
	if due, err := tab.Due(time.UnixMilli(7), 10); err != nil || !slices.Equal(due, []string{"b"}) {
		t.Errorf("due %v, %v", due, err)
	}
	if other := acquire(t, s, 4); len(contents(t, other)) != 0 || other.Checkpoint() != (Checkpoint{}) {
		t.Error("a neighbouring partition sees data that is not its own")
	}
}

func TestStoreOfAnotherSchemaIsThrownAway(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, false)
	tab := acquire(t, s, 0)
	if err := tab.Apply([]Change{{Key: "a", Value: []byte("1")}}, Checkpoint{Offset: 1}); err != nil {
		t.Fatal(err)
	}
	s.Close()

	s, err := Open(Options{Dir: dir, Schema: "test/2", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if tab := acquire(t, s, 0); tab.Checkpoint().Offset != 0 || len(contents(t, tab)) != 0 {
		t.Error("data of another schema is still there")
	}
}

// TestDamagedStoreIsThrownAway: with everything that is its own, and nothing else
// (a volume of Kubernetes has a folder lost+found, and cannot be removed itself).
func TestDamagedStoreIsThrownAway(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := openTest(t, dir, false)
	s.Close()
	manifests, _ := filepath.Glob(filepath.Join(dir, "*", "MANIFEST-*"))
	if len(manifests) == 0 {
		t.Fatal("no manifest to damage")
	}
	for _, m := range manifests {
		if err := os.WriteFile(m, []byte("damaged"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s = openTest(t, dir, false)
	s.Close()
	if _, err := os.Stat(other); err != nil {
		t.Errorf("what is not the store's was thrown away with it: %v", err)
	}
}

func TestStoreInUseSaysSo(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, false)
	defer s.Close()
	_, err := Open(Options{Dir: dir, Schema: "test/1", Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		t.Fatal("a store that is in use was opened a second time")
	}
	if want := "in use by another callfold"; !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not say %q", err, want)
	}
}

func TestAcquireWaitsForRelease(t *testing.T) {
	s := openTest(t, "", false)
	defer s.Close()
	first := acquire(t, s, 1)
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Acquire(canceled, 1); err == nil {
		t.Fatal("a table was given out twice")
	}
	got := make(chan *Table)
	go func() { got <- acquire(t, s, 1) }()
	first.Release()
	(<-got).Release()
}

// TestTableIsAMap compares a table with a map of values and due times under
// random changes, with every read that a table offers.
func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := openTest(t, "", true)
		defer s.Close()
		tab, noise := acquire(t, s, 7), acquire(t, s, 8)
		type entry struct {
			value string
			due   int64
		}
		model := map[string]entry{}
		key := rapid.SampledFrom([]string{"1", "2", "3", "12"})
		rt.Repeat(map[string]func(*rapid.T){
			"apply": func(rt *rapid.T) {
				var changes []Change
				for range rapid.IntRange(1, 4).Draw(rt, "changes") {
					k, v, due := key.Draw(rt, "key"), rapid.StringN(1, 3, -1).Draw(rt, "value"), rapid.Int64Range(0, 5).Draw(rt, "due")
					ch := Change{Key: k, Value: []byte(v)}
					if due > 0 {
						ch.Due = time.UnixMilli(due)
					}
					model[k] = entry{v, due}
					if rapid.IntRange(0, 4).Draw(rt, "delete") == 0 {
						ch.Value = nil
						delete(model, k)
					}
					changes = append(changes, ch)
				}
				if err := tab.Apply(changes, Checkpoint{}); err != nil {
					rt.Fatal(err)
				}
				if err := noise.Apply(changes, Checkpoint{}); err != nil {
					rt.Fatal(err)
				}
			},
			"reset": func(rt *rapid.T) {
				if err := tab.Reset(); err != nil {
					rt.Fatal(err)
				}
				clear(model)
			},
			"": func(rt *rapid.T) {
				want, due := map[string]string{}, map[string]bool{}
				for k, e := range model {
					want[k] = e.value
					if e.due > 0 && e.due <= 3 {
						due[k] = true
					}
				}
				if got := contents(t, tab); !maps.Equal(got, want) {
					rt.Fatalf("contents %v, want %v", got, want)
				}
				if saved, err := tab.Saved(); err != nil || saved.Offset != tab.Checkpoint().Offset {
					rt.Fatalf("the checkpoint in the store is %+v, %v, want %+v", saved, err, tab.Checkpoint())
				}
				keys, err := tab.Due(time.UnixMilli(3), 100)
				if err != nil {
					rt.Fatal(err)
				}
				got := map[string]bool{}
				for i, k := range keys {
					got[k] = true
					if i > 0 && model[keys[i-1]].due > model[k].due {
						rt.Fatalf("due keys %v are not ordered by time", keys)
					}
				}
				if len(got) != len(keys) || !maps.Equal(got, due) {
					rt.Fatalf("due %v, want %v", keys, due)
				}
			},
		})
	})
}
