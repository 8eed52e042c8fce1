//go:build synctests

package stream

import (
	"context"
	"maps"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/table"
)

// checkAll compares everything that the stages have written with the model; whole tells
// that they have handled the whole input.
func (m *machine) checkAll(whole bool) {
	m.t.Helper()
	for _, p := range m.places {
		if p.running != nil {
			p.running.stop()
			p.running = nil
		}
	}
	model := m.model()
	m.checkChangelog(model, whole)
	m.noMismatch()
	if got := m.count("rejected"); got > model.rejected || whole && got < model.rejected {
		m.t.Errorf("%d records were rejected, want %d", got, model.rejected)
	}
	for _, p := range m.places {
		if p.dir != "" {
			m.checkTables(p.dir)
		}
	}
}

// model is the slow fold of the raw topic: for each key the state after each of
// its records.
type model struct {
	states   map[string][]tally
	rejected int
}

func (m *machine) model() model {
	mod := model{states: map[string][]tally{}}
	m.read("in", func(r *kgo.Record) {
		var v tally
		all := mod.states[string(r.Key)]
		if len(all) > 0 {
			v = all[len(all)-1]
		}
		if !v.add(r) {
			mod.rejected++
			return
		}
		mod.states[string(r.Key)] = append(all, v)
	})
	return mod
}

// checkChangelog: each state that was ever committed is the fold of a beginning of
// its key's records, never of fewer than before, and in the end of all, if whole; a
// timer goes off once each time it was set; and the input offsets never go back.
func (m *machine) checkChangelog(want model, whole bool) {
	m.t.Helper()
	last := map[string]tally{}
	next := map[int32]int64{}
	m.read("state", func(r *kgo.Record) {
		if n := NextInput(r); n > 0 {
			if n < next[r.Partition] {
				m.t.Errorf("partition %d, offset %d: the input offset went back from %d to %d", r.Partition, r.Offset, next[r.Partition], n)
			}
			next[r.Partition] = n
		}
		if IsMarker(r) {
			return
		}
		key := string(r.Key)
		v, err := tallyCodec{}.Decode("tally/1", r.Value)
		m.check(err)
		before := last[key]
		last[key] = v
		all := want.states[key]
		if v.Count < 1 || v.Count > len(all) || v.Count < before.Count || v.Sum != all[v.Count-1].Sum {
			m.t.Errorf("key %s, partition %d, offset %d: %+v after %+v is no fold of its records", key, r.Partition, r.Offset, v, before)
		}
		if rung := v.Rung - before.Rung; rung < 0 || rung > 1 || rung == 1 && before.Due == 0 {
			m.t.Errorf("key %s, partition %d, offset %d: a timer went off that was not set: %+v after %+v", key, r.Partition, r.Offset, v, before)
		}
	})
	for key, all := range want.states {
		if end := all[len(all)-1]; whole && (last[key].Count != end.Count || last[key].Sum != end.Sum) {
			m.t.Errorf("key %s: %+v, want %+v", key, last[key], end)
		}
	}
}

// checkTables: each table of a store, however old, is the changelog up to its
// checkpoint.
func (m *machine) checkTables(dir string) {
	m.t.Helper()
	type contents struct {
		states map[string]tally
		next   int64
	}
	want, checkpoints := map[int32]contents{}, map[int32]table.Checkpoint{}
	got := map[int32]contents{}
	m.openTables(dir, func(p int32, tab *table.Table) {
		c := contents{states: map[string]tally{}, next: tab.Checkpoint().NextInput}
		m.check(tab.Each(func(key string, value []byte) error {
			v, err := tallyCodec{}.Decode("tally/1", value)
			c.states[key] = v
			return err
		}))
		got[p], checkpoints[p] = c, tab.Checkpoint()
		want[p] = contents{states: map[string]tally{}}
	})
	m.read("state", func(r *kgo.Record) {
		if r.Offset >= checkpoints[r.Partition].Offset {
			return
		}
		c := want[r.Partition]
		if n := NextInput(r); n > 0 {
			c.next = n
		}
		if !IsMarker(r) {
			v, err := tallyCodec{}.Decode("tally/1", r.Value)
			m.check(err)
			c.states[string(r.Key)] = v
		}
		want[r.Partition] = c
	})
	for p, c := range got {
		if !maps.Equal(c.states, want[p].states) || c.next != want[p].next {
			m.t.Errorf("the table of partition %d up to offset %d is %v, the changelog %v", p, checkpoints[p].Offset, c, want[p])
		}
	}
}

// openTables opens the store of a stage that has ended.
func (m *machine) openTables(dir string, f func(int32, *table.Table)) {
	m.t.Helper()
	store, err := table.Open(table.Options{Dir: dir, Schema: "tally/1", Timers: m.timers, Logger: m.logger})
	m.check(err)
	for p := range int32(partitions) {
		tab, err := store.Acquire(context.Background(), p)
		m.check(err)
		f(p, tab)
		tab.Release()
	}
	m.check(store.Close())
}
