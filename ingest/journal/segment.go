package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	extension  = ".wal"
	damagedDir = "damaged"
)

// Segment is a file of the journal. Its fields belong to the journal's mutex.
type Segment struct {
	number    uint64
	size      int64
	events    int
	published int
	oldest    time.Time // timestamp of the first record
	damaged   bool
}

func (j *Journal) path(number uint64) string {
	return j.fs.PathJoin(j.dir, fmt.Sprintf("%012d%s", number, extension))
}

// find reads the segments that are on disk.
func (j *Journal) find() ([]*Segment, error) {
	names, err := j.fs.List(j.dir)
	if err != nil {
		return nil, err
	}
	var found []*Segment
	for _, name := range names {
		digits, ok := strings.CutSuffix(name, extension)
		number, err := strconv.ParseUint(digits, 10, 64)
		if !ok || err != nil {
			continue // the lock, the folder damaged, or not ours
		}
		s, err := j.inspect(number)
		if err != nil {
			return nil, err
		}
		found = append(found, s)
	}
	slices.SortFunc(found, func(a, b *Segment) int { return int(int64(a.number) - int64(b.number)) })
	return found, nil
}

// inspect reads a segment to see what is in it.
func (j *Journal) inspect(number uint64) (*Segment, error) {
	records, size, damaged, err := j.load(number)
	if err != nil {
		return nil, err
	}
	s := &Segment{number: number, size: size, events: len(records), damaged: damaged}
	if len(records) > 0 {
		s.oldest = records[0].Timestamp
	}
	if damaged {
		j.o.Logger.Error("a file of the journal is damaged: what can be read of it is published, then it is moved aside; events in it may be lost to callfold, and can be fetched from Aircall again", "file", j.path(number), "readable", len(records), "aside", j.fs.PathJoin(j.dir, damagedDir))
	}
	return s, nil
}

// load reads the records of a segment.
func (j *Journal) load(number uint64) (records []*kgo.Record, size int64, damaged bool, err error) {
	file, err := j.fs.Open(j.path(number))
	if err != nil {
		return nil, 0, false, fmt.Errorf("reading the journal: %w", err)
	}
	data, err := io.ReadAll(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, 0, false, fmt.Errorf("reading the journal: %w", err)
	}
	damaged = scan(data, func(payload []byte) {
		r, err := decode(payload)
		if err != nil {
			damaged = true // its checksum is right: another version wrote it
			return
		}
		records = append(records, r)
	}) || damaged
	return records, int64(len(data)), damaged, nil
}

// Sealed are the segments that can be read, oldest first. If there is none but
// the active one, that is sealed.
func (j *Journal) Sealed() []*Segment {
	j.mu.Lock()
	_ = j.mountLocked() // logged there; nothing can be read then
	var w *writer
	if len(j.sealed) == 0 && j.active != nil && j.active.events > 0 {
		w = j.detachLocked()
		j.sealings.Add(1)
	}
	j.mu.Unlock()
	if w != nil {
		func() {
			defer j.sealings.Done()
			j.seal(w, nil)
		}()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.sealed)
}

// Read returns all records of a sealed segment, always the same in the same
// order.
func (j *Journal) Read(s *Segment) ([]*kgo.Record, error) {
	records, _, _, err := j.load(s.number)
	return records, err
}

// Published counts a record of the segment as being in Kafka. The segment stays.
func (j *Journal) Published(s *Segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s.published++
	j.counts.Published++
}

// Remove deletes a sealed segment, all of whose records are in Kafka. A damaged
// one is moved aside.
func (j *Journal) Remove(s *Segment) error {
	j.mu.Lock()
	damaged := s.damaged
	j.mu.Unlock()
	name := j.path(s.number)
	var err error
	if damaged {
		err = j.setAside(name)
	} else {
		err = j.fs.Remove(name)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing a published journal segment: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sealed = slices.DeleteFunc(j.sealed, func(x *Segment) bool { return x == s })
	j.bytes -= s.size
	j.full = false
	return nil
}

// setAside moves a damaged file into the folder of its kind, under a name that
// no other will have.
func (j *Journal) setAside(name string) error {
	dir := j.fs.PathJoin(j.dir, damagedDir)
	if err := j.fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	aside := fmt.Sprintf("%s.%s", j.fs.PathBase(name), time.Now().UTC().Format("20060102T150405.000000000"))
	return j.fs.Rename(name, j.fs.PathJoin(dir, aside))
}

// Replace removes a sealed segment but for the records to keep, which it puts
// into a new one beforehand. It may go beyond the bound by their size, until the
// old one is gone.
func (j *Journal) Replace(s *Segment, keep []*kgo.Record) (*Segment, error) {
	w, err := j.rewrite(keep)
	if err != nil {
		return nil, fmt.Errorf("keeping records of a journal segment: %w", err)
	}
	j.mu.Lock()
	j.insertLocked(w.Segment)
	j.bytes += w.size
	j.mu.Unlock()
	return w.Segment, j.Remove(s)
}

// rewrite makes a segment of its own of the records, synced and sealed.
func (j *Journal) rewrite(keep []*kgo.Record) (*writer, error) {
	j.mu.Lock()
	number := j.next
	j.next++
	j.mu.Unlock()
	w, err := j.create(number)
	if err != nil {
		return nil, err
	}
	for _, r := range keep {
		var synced sync.WaitGroup
		var syncErr error
		synced.Add(1)
		size, err := w.log.SyncRecord(encode(r), &synced, &syncErr)
		if err == nil {
			synced.Wait()
			err = syncErr
		}
		if err != nil {
			_ = w.log.Close()
			_ = j.fs.Remove(j.path(number)) // the old segment has it all
			return nil, err
		}
		w.events++
		w.size = size
	}
	w.oldest = keep[0].Timestamp
	if err := w.log.Close(); err != nil {
		_ = j.fs.Remove(j.path(number))
		return nil, err
	}
	return w, nil
}
