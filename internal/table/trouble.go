package table

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// trouble is what keeps a store from being written: a full disk, for as long as
// it is full, or for good a failure.
//
// Pebble itself knows no such states. It tries a flush that failed again and
// again, and a change that finds no room in memory waits for the flush, for
// ever. So changes are refused here, and those that wait already are left alone
// ([Store.commit]): their callers can be stopped, and say what is wrong.
type trouble struct {
	working context.Context // ends with a failure, which is its cause
	fail    context.CancelCauseFunc
	once    *sync.Once // the first failure counts
	// opened is false while Open can still throw a damaged store away.
	opened atomic.Bool

	tmu     sync.Mutex
	problem error         // why changes are refused; nil where they are not
	since   chan struct{} // closed when problem is set
	until   chan struct{} // closed when problem is nil
}

func (t *trouble) begin() {
	t.working, t.fail = context.WithCancelCause(context.Background())
	t.once, t.problem = new(sync.Once), nil
	t.since, t.until = make(chan struct{}), make(chan struct{})
	close(t.until)
}

// refusal returns why changes are refused, nil where they are not.
func (t *trouble) refusal() error {
	t.tmu.Lock()
	defer t.tmu.Unlock()
	return t.problem
}

// refused returns a channel that is closed when changes are refused.
func (t *trouble) refused() <-chan struct{} {
	t.tmu.Lock()
	defer t.tmu.Unlock()
	return t.since
}

// refuse changes the state, and reports whether it did. A failure stays.
func (t *trouble) refuse(problem error) bool {
	t.tmu.Lock()
	defer t.tmu.Unlock()
	if t.working.Err() != nil {
		return false
	}
	t.change(problem)
	return true
}

// end refuses changes for good. Who is refused one sees that the work has ended: it is not
// a full disk that he has met.
func (t *trouble) end(cause error) {
	t.tmu.Lock()
	defer t.tmu.Unlock()
	t.fail(cause)
	t.change(cause)
}

// change sets why changes are refused. The caller holds tmu.
func (t *trouble) change(problem error) {
	switch {
	case t.problem == nil && problem != nil:
		close(t.since)
		t.until = make(chan struct{})
	case t.problem != nil && problem == nil:
		close(t.until)
		t.since = make(chan struct{})
	}
	t.problem = problem
}

// WaitForRoom waits while the disk is full. It returns ctx's error, or why the
// store has failed.
func (s *Store) WaitForRoom(ctx context.Context) error {
	for {
		s.tmu.Lock()
		problem, until := s.problem, s.until
		s.tmu.Unlock()
		if problem == nil {
			return nil
		}
		select {
		case <-until:
		case <-s.working.Done():
			return context.Cause(s.working)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Context returns a context that ends with ctx, and when the store cannot go on:
// when it is found damaged, or its disk fails or became read-only. Then the
// process has to end, and start again: a damaged store is thrown away by the
// next [Open]. [Store.Close] returns what happened.
func (s *Store) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.working, cancel)
	return ctx, func() { stop(); cancel() }
}

// failed ends the work of the store for good. Only the first failure counts.
func (s *Store) failed(cause error) {
	s.once.Do(func() {
		s.end(cause)
		if s.opened.Load() {
			s.health(cause)
			s.log.Error("the local state cannot be used any longer; ending", "dir", s.dir, "cause", cause)
		}
	})
}

// damaged fails, and leaves a mark for the next Open. What is found in the
// background while the store opens is marked too: this Open may have looked for
// such findings a moment ago. When it has not, it throws the mark away with the
// store.
func (s *Store) damaged(how error) {
	if s.working.Err() != nil {
		return
	}
	err := fmt.Errorf("%w: %w", ErrDamaged, how)
	if s.opened.Load() {
		err = fmt.Errorf("%w, the next start restores it from Kafka: %w", ErrDamaged, how)
	}
	if marking := s.mark(how); marking != nil {
		err = fmt.Errorf("%w; it could not be marked as damaged (%w), remove the folder %s", err, marking, s.dir)
	}
	s.failed(err)
}

// broken ends the work of the store with an error of Pebble's, and returns it as
// it is. Unless the system itself refused, the store is damaged: Pebble has no one
// error for all that it can find.
func (s *Store) broken(err error) error {
	switch {
	case err == nil, errors.Is(err, pebble.ErrClosed):
	case unusable(err):
		s.damaged(err)
	default:
		s.failed(s.unwritable(err))
	}
	return err
}

// backgroundError is told of flushes and compactions that failed.
func (s *Store) backgroundError(err error) {
	// With no room, waitForRoom found some but somebody else took it. Pebble tries
	// again.
	if !errors.Is(err, syscall.ENOSPC) {
		_ = s.broken(err)
	}
}

// roomAgain is how often a full disk is looked at.
const roomAgain = time.Second

// waitForRoom is called with a write that found no room, and holds up all others,
// until there is some.
func (s *Store) waitForRoom() {
	problem := fmt.Errorf("%w: there is no room for the local state in %s; waiting for some", ErrFull, s.dir)
	if s.refuse(problem) {
		s.health(problem)
		s.log.Error("the disk is full; waiting for room for the local state", "dir", s.dir)
	}
	tick := time.NewTicker(roomAgain)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.working.Done():
			return
		}
		if s.probe(memTableBytes) == nil { // a flush writes that much
			break
		}
	}
	if s.refuse(nil) {
		s.health(nil)
		s.log.Info("there is room for the local state again", "dir", s.dir)
	}
}

// commit makes the changes of a batch, which it closes. While the disk is full,
// and after a failure, it refuses; and a batch that waits for room when that
// happens is left waiting, in order and as a whole, so the table is consistent
// with it and without it.
func (s *Store) commit(b *pebble.Batch) error {
	if err := s.refusal(); err != nil {
		b.Close()
		return err
	}
	refused := s.refused()
	done := make(chan error, 1)
	go func() {
		defer b.Close()
		done <- b.Commit(pebble.NoSync)
	}()
	for {
		select {
		case err := <-done:
			return err
		case <-refused:
			if err := s.refusal(); err != nil {
				return err
			}
			refused = s.refused() // there is room again
		}
	}
}

// pebbleLogger passes on what Pebble finds wrong, not its chatter.
type pebbleLogger struct{ s *Store }

func (pebbleLogger) Infof(string, ...any) {}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.s.log.Error("state store", "message", fmt.Sprintf(format, args...))
}

// Fatalf is called where Pebble cannot go on, for example when its list of files
// cannot be written, and does not return. Unless the disk refused, the store is
// not trusted again.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	cause := fmt.Errorf(format, args...)
	for _, a := range args {
		if err, ok := a.(error); ok {
			cause = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
		}
	}
	if unusable(cause) {
		l.s.damaged(cause)
	} else {
		l.s.failed(l.s.unwritable(cause))
	}
	exit(1)
}

// exit is replaced by tests.
var exit = os.Exit
