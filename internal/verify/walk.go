package verify

import (
	"errors"
	"iter"

	"github.com/callfold/callfold/internal/table"
)

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
