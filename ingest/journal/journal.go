package journal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// segmentBytes is the size at which a segment is sealed. After a crash what
	// was published of one segment is published again, so it is kept small.
	segmentBytes = 4 << 20
	// retryEvery is how often a disk that refused is tried again.
	retryEvery = time.Second
	// remindEvery is how often a lasting trouble is logged.
	remindEvery = time.Minute
	// concurrent bounds the records that wait for a sync; Pebble's queue would
	// panic beyond record.SyncConcurrency.
	concurrent = record.SyncConcurrency / 2
)

var (
	// ErrFull means that the journal has reached Options.MaxBytes.
	ErrFull = errors.New("the journal is full")
	// ErrSlow means that the disk did not sync within the caller's time.
	ErrSlow = errors.New("the journal's disk did not answer in time")
	// ErrInUse means that another process has the journal open.
	ErrInUse = errors.New("in use by another callfold: give each process its own ingest.journal_dir, or end the other")

	errClosed = errors.New("the journal is closed")
)

// Options say where a journal is and how much it may hold.
type Options struct {
	// Dir is where the journal makes its own folder, "journal". It may be a mount
	// point, and hold other things.
	Dir string
	// MaxBytes is how much it may hold.
	MaxBytes int64
	// FS is the file system; nil means the machine's. Tests give others.
	FS vfs.FS
	// Logger is told of trouble with the disk, and of its end; nil means nobody.
	Logger *slog.Logger
}

// Journal is an open journal. Its methods may be called at the same time.
type Journal struct {
	o        Options
	fs       vfs.FS
	dir      string
	segment  int64         // size at which a segment is sealed
	slots    chan struct{} // one for each record that waits for its sync
	sealings sync.WaitGroup

	mu      sync.Mutex
	lock    io.Closer // nil while the directory could not be opened
	closed  bool
	active  *writer
	sealed  []*Segment // oldest first
	next    uint64     // number of the next segment
	bytes   int64      // of all segments
	problem error      // why the disk refused last, nil after a success
	retryAt time.Time  // when it is tried again
	told    time.Time  // when the problem was logged last
	full    bool       // refused by ErrFull, and nothing removed since
	counts  Counts
}

// Counts go up only.
type Counts struct {
	// Written are the records for which Append returned nil, Published those
	// reported by Journal.Published.
	Written, Published uint64
	// Full, Slow and Failed are the records that were refused: at the bound, for
	// want of an answer of the disk in time, and by an error of the disk.
	Full, Slow, Failed uint64
}

// Stats are what a journal holds.
type Stats struct {
	Counts
	// Events and Bytes are what is on disk and not published.
	Events int
	Bytes  int64
	// Limit is Options.MaxBytes.
	Limit int64
	// Oldest is the timestamp of the oldest record; zero if there is none.
	Oldest time.Time
	// Problem is why no record can be taken: the disk's last error, or ErrFull.
	// Nil while the journal works.
	Problem error
}

// Open opens the journal in a directory, and makes it where there is none. What
// is in it is read once, to be counted. A journal that another process has open
// is an error, ErrInUse. Any other trouble with the disk is none: it is logged,
// and tried again with the next records.
func Open(o Options) (*Journal, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	j := &Journal{
		o: o, fs: o.FS, dir: o.FS.PathJoin(o.Dir, "journal"),
		segment: min(segmentBytes, o.MaxBytes/4),
		slots:   make(chan struct{}, concurrent),
		next:    1,
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.mountLocked(); errors.Is(err, ErrInUse) {
		return nil, err
	}
	return j, nil
}

// mountLocked opens the directory, unless it is open or was tried just now.
func (j *Journal) mountLocked() error {
	switch {
	case j.closed:
		return errClosed
	case j.lock != nil:
		return nil
	case time.Now().Before(j.retryAt):
		return j.problem
	}
	lock, segments, err := j.openDir()
	if err != nil {
		err = fmt.Errorf("opening the journal %s: %w", j.dir, err)
		j.failedLocked(err)
		return err
	}
	j.lock, j.sealed = lock, segments
	for _, s := range segments {
		j.bytes += s.size
		j.next = max(j.next, s.number+1)
	}
	if n := j.eventsLocked(); n > 0 {
		j.o.Logger.Info("events wait in the journal, to be published when Kafka takes them", "events", n, "bytes", j.bytes)
	}
	j.worksLocked()
	return nil
}

// openDir makes, locks and reads the directory.
func (j *Journal) openDir() (io.Closer, []*Segment, error) {
	if err := j.fs.MkdirAll(j.dir, 0o700); err != nil {
		return nil, nil, err
	}
	if err := j.syncDir(j.o.Dir); err != nil {
		return nil, nil, err
	}
	for dir := j.o.Dir; dir != j.fs.PathDir(dir); {
		dir = j.fs.PathDir(dir)
		// Some may be new as well. One that we may not read was not made by us.
		_ = j.syncDir(dir)
	}
	lock, err := j.fs.Lock(j.fs.PathJoin(j.dir, "LOCK"))
	// Pebble has no error value for a lock that this very process holds.
	if err != nil && (errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "lock held by current process")) {
		return nil, nil, ErrInUse
	}
	if err != nil {
		return nil, nil, err
	}
	segments, err := j.find()
	if err != nil {
		return nil, nil, errors.Join(err, lock.Close())
	}
	return lock, segments, nil
}

// failedLocked notes an error of the disk, and logs it once in a while.
func (j *Journal) failedLocked(err error) {
	j.problem, j.retryAt = err, time.Now().Add(retryEvery)
	if j.told.IsZero() || time.Since(j.told) >= remindEvery {
		j.told = time.Now()
		j.o.Logger.Error("the journal cannot be written to: while Kafka is away webhooks are answered with 503; see to the disk or directory, it is tried again every second", "dir", j.dir, "err", err)
	}
}

// worksLocked notes that the disk took something.
func (j *Journal) worksLocked() {
	if j.problem != nil {
		j.o.Logger.Info("the journal can be written to again", "dir", j.dir)
	}
	j.problem, j.told = nil, time.Time{}
}

// Stats tells what the journal holds.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := Stats{Counts: j.counts, Events: j.eventsLocked(), Bytes: j.bytes, Limit: j.o.MaxBytes, Problem: j.problem}
	if s.Problem == nil && j.full {
		s.Problem = ErrFull
	}
	switch {
	case len(j.sealed) > 0:
		s.Oldest = j.sealed[0].oldest
	case j.active != nil:
		s.Oldest = j.active.oldest
	}
	return s
}

func (j *Journal) eventsLocked() int {
	n := 0
	for _, s := range j.sealed {
		n += s.events - s.published
	}
	if j.active != nil {
		n += j.active.events
	}
	return n
}

// Damaged is the number of files in the folder "damaged".
func (j *Journal) Damaged() int {
	names, err := j.fs.List(j.fs.PathJoin(j.dir, damagedDir))
	if err != nil {
		return 0 // it is not there before it is needed
	}
	return len(names)
}

// Close syncs what is written and lets another process have the journal. What
// it holds stays for the next one.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	last := j.detachLocked()
	j.mu.Unlock()
	if last != nil {
		j.seal(last, nil)
	}
	j.sealings.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := j.eventsLocked(); n > 0 {
		j.o.Logger.Warn("events stay in the journal, to be published by the next process that opens it", "events", n, "bytes", j.bytes, "dir", j.dir)
	}
	if j.lock == nil {
		return nil
	}
	if err := j.lock.Close(); err != nil {
		return fmt.Errorf("unlocking the journal: %w", err)
	}
	return nil
}

// insertLocked adds a sealed segment in its place.
func (j *Journal) insertLocked(s *Segment) {
	i, _ := slices.BinarySearchFunc(j.sealed, s, func(a, b *Segment) int { return int(int64(a.number) - int64(b.number)) })
	j.sealed = slices.Insert(j.sealed, i, s)
}
