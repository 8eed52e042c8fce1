package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kgo"
)

// writer is the active segment.
type writer struct {
	*Segment
	log *record.LogWriter
}

// Append writes a record and returns once it is synced. Of the record the topic,
// key, value, headers and timestamp (in milliseconds) are kept. The error is
// ErrFull, ErrSlow when ctx ended first, or the disk's.
func (j *Journal) Append(ctx context.Context, r *kgo.Record) error {
	payload := encode(r)
	select {
	case j.slots <- struct{}{}:
	case <-ctx.Done():
		return j.count(ErrSlow)
	}
	// A disk that hangs must not hold the caller.
	done := make(chan error, 1)
	go func() {
		done <- j.write(payload, r.Timestamp)
		<-j.slots
	}()
	select {
	case err := <-done:
		return j.count(err)
	case <-ctx.Done():
		return j.count(ErrSlow)
	}
}

// count counts how an Append ended.
func (j *Journal) count(err error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err == nil:
		j.counts.Written++
		j.worksLocked()
	case errors.Is(err, ErrFull):
		j.counts.Full++
	case errors.Is(err, ErrSlow):
		j.counts.Slow++
	default:
		j.counts.Failed++
	}
	return err
}

// write hands a payload to the active segment and waits for the sync, which
// it shares with whatever else was handed over meanwhile.
func (j *Journal) write(payload []byte, at time.Time) error {
	var synced sync.WaitGroup
	var syncErr error
	synced.Add(1)
	j.mu.Lock()
	w, err := j.writerLocked(onDisk(payload))
	if err != nil {
		j.mu.Unlock()
		return err
	}
	size, err := w.log.SyncRecord(payload, &synced, &syncErr)
	if err != nil {
		j.mu.Unlock()
		return j.failed(w, err)
	}
	w.events++
	if w.oldest.IsZero() {
		w.oldest = at
	}
	j.growLocked(w.Segment, size)
	j.mu.Unlock()

	synced.Wait()
	if syncErr != nil {
		return j.failed(w, syncErr)
	}
	return nil
}

// writerLocked is the segment that takes so many bytes more.
func (j *Journal) writerLocked(need int64) (*writer, error) {
	if err := j.mountLocked(); err != nil {
		return nil, err
	}
	if j.bytes+need > j.o.MaxBytes {
		if !j.full {
			j.o.Logger.Error("the journal is full: webhooks are answered with 503 until Kafka takes events again; raise ingest.journal_max_bytes if there is room on the disk", "bytes", j.bytes, "limit", j.o.MaxBytes)
		}
		j.full = true
		return nil, ErrFull
	}
	if j.active != nil && j.active.size > 0 && j.active.size+need > j.segment {
		full := j.detachLocked()
		j.sealings.Go(func() { j.seal(full, nil) })
	}
	if j.active != nil {
		return j.active, nil
	}
	if j.problem != nil && time.Now().Before(j.retryAt) {
		return nil, j.problem
	}
	w, err := j.create(j.next)
	if err != nil {
		err = fmt.Errorf("beginning a journal segment: %w", err)
		j.failedLocked(err)
		return nil, err
	}
	j.next++
	j.active = w
	return w, nil
}

// create makes the file of a segment, and sees to it that its name is on disk
// before anything in it is acknowledged.
func (j *Journal) create(number uint64) (*writer, error) {
	name := j.path(number)
	file, err := j.fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	if err := j.syncDir(j.dir); err != nil {
		_ = file.Close()
		_ = j.fs.Remove(name) // nothing is in it; found again it would be empty
		return nil, err
	}
	return &writer{
		Segment: &Segment{number: number},
		log:     record.NewLogWriter(file, logNumber, record.LogWriterConfig{WriteWALSyncOffsets: func() bool { return false }}),
	}, nil
}

// syncDir makes the names in a directory durable.
func (j *Journal) syncDir(name string) error {
	dir, err := j.fs.OpenDir(name)
	if err != nil {
		return err
	}
	if err := dir.Sync(); err != nil {
		_ = dir.Close()
		return err
	}
	return dir.Close()
}

// growLocked notes the size of a segment.
func (j *Journal) growLocked(s *Segment, size int64) {
	j.bytes += size - s.size
	s.size = size
}

// failed seals a segment that the disk refused, unless that was done already.
func (j *Journal) failed(w *writer, err error) error {
	err = fmt.Errorf("writing the journal: %w", err)
	j.mu.Lock()
	j.failedLocked(err)
	first := j.active == w
	if first {
		j.detachLocked()
	}
	j.mu.Unlock()
	if first {
		j.sealings.Go(func() { j.seal(w, err) })
	}
	return err
}

// detachLocked takes the active segment away, to be sealed.
func (j *Journal) detachLocked() *writer {
	w := j.active
	j.active = nil
	return w
}

// seal closes a segment's file, after which it can be read. After an error of
// the disk what is in it is looked up, and a file with nothing in it removed.
func (j *Journal) seal(w *writer, err error) {
	s := w.Segment
	if closeErr := w.log.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("closing a journal segment: %w", closeErr)
		j.mu.Lock()
		j.failedLocked(err)
		j.mu.Unlock()
	}
	if err == nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.insertLocked(s)
		return
	}
	found, readErr := j.inspect(s.number)
	empty := readErr == nil && found.events == 0 && !found.damaged && j.fs.Remove(j.path(s.number)) == nil
	j.mu.Lock()
	defer j.mu.Unlock()
	if empty {
		j.bytes -= s.size
		return
	}
	if readErr == nil {
		j.growLocked(s, found.size)
		s.events, s.damaged = found.events, found.damaged
	}
	j.insertLocked(s)
}
