package refold

import (
	"errors"
	"iter"

	"github.com/callfold/callfold/internal/table"
)

// Beside goes through two tables side by side, in the order of their keys: each gets the
// values that both have under a key, nil for none.
func Beside(one, other *table.Table, each func(key string, one, other []byte) error) error {
	beside := startWalk(other)
	err := one.Each(func(key string, value []byte) error {
		for beside.ok && beside.key < key {
			if err := each(beside.key, nil, beside.value); err != nil {
				return err
			}
			beside.next()
		}
		if !beside.ok || beside.key > key {
			return each(key, value, nil)
		}
		defer beside.next()
		return each(key, value, beside.value)
	})
	for err == nil && beside.ok {
		err = each(beside.key, nil, beside.value)
		beside.next()
	}
	return errors.Join(err, beside.end())
}

// walk goes through a table, key by key, beside other work.
type walk struct {
	key   string
	value []byte // until the next one
	ok    bool   // there is one

	pull func() (string, []byte, bool)
	stop func()
	err  error
}

// startWalk begins at the first key. The walk must be ended.
func startWalk(t *table.Table) *walk {
	w := &walk{}
	ended := errors.New("the walk was ended")
	w.pull, w.stop = iter.Pull2(func(yield func(string, []byte) bool) {
		err := t.Each(func(key string, value []byte) error {
			if !yield(key, value) {
				return ended
			}
			return nil
		})
		if !errors.Is(err, ended) {
			w.err = err
		}
	})
	w.next()
	return w
}

// next goes to the next key.
func (w *walk) next() { w.key, w.value, w.ok = w.pull() }

// end ends the walk, and tells what went wrong.
func (w *walk) end() error {
	w.stop()
	return w.err
}
