package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// ledger is the file of all bodies that were answered with 200: each its length
// in four bytes, and itself. It is where the checker starts from.
//
// Writers share syncs: a body is in the ledger when add has returned, and then
// it is on disk.
type ledger struct {
	file *os.File

	mu      sync.Mutex
	waiting []byte        // not yet written
	synced  chan struct{} // closed when what waits now is on disk
	writing bool
	err     error // of the first write that failed; nothing is added after it
	bodies  int
}

func createLedger(path string) (*ledger, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("creating the ledger: %w", err)
	}
	return &ledger{file: file, synced: make(chan struct{})}, nil
}

// add writes a body and returns when it is on disk.
func (l *ledger) add(body []byte) error {
	l.mu.Lock()
	l.waiting = binary.BigEndian.AppendUint32(l.waiting, uint32(len(body)))
	l.waiting = append(l.waiting, body...)
	l.bodies++
	synced := l.synced
	if !l.writing {
		l.writing = true
		go l.write()
	}
	l.mu.Unlock()
	<-synced
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// write writes and syncs until nothing waits.
func (l *ledger) write() {
	for {
		l.mu.Lock()
		if len(l.waiting) == 0 {
			l.writing = false
			l.mu.Unlock()
			return
		}
		batch, synced := l.waiting, l.synced
		l.waiting, l.synced = nil, make(chan struct{})
		l.mu.Unlock()

		_, err := l.file.Write(batch)
		if err == nil {
			err = l.file.Sync()
		}
		l.mu.Lock()
		if err != nil && l.err == nil {
			l.err = fmt.Errorf("writing the ledger: %w", err)
		}
		close(synced)
		l.mu.Unlock()
	}
}

// count is the number of bodies added.
func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bodies
}

func (l *ledger) close() error { return l.file.Close() }

// largestBody bounds what a damaged ledger can make its reader allocate.
const largestBody = 4 << 20

// readLedger visits all bodies of a ledger, each with its place for bodyAt. The
// body is only lent.
func readLedger(path string, visit func(at int64, body []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading the ledger: %w", err)
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 1<<20)
	var at int64
	var size [4]byte
	var body []byte
	for {
		if _, err := io.ReadFull(r, size[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading the ledger at %d: %w", at, err)
		}
		n := int(binary.BigEndian.Uint32(size[:]))
		if n > largestBody {
			return fmt.Errorf("reading the ledger at %d: a body of %d bytes", at, n)
		}
		if cap(body) < n {
			body = make([]byte, n)
		}
		body = body[:n]
		if _, err := io.ReadFull(r, body); err != nil {
			return fmt.Errorf("reading the ledger at %d: %w", at, err)
		}
		if err := visit(at, body); err != nil {
			return err
		}
		at += int64(len(size) + n)
	}
}

// bodyAt reads the body at a place that readLedger gave.
func bodyAt(file io.ReaderAt, at int64) ([]byte, error) {
	var size [4]byte
	if _, err := file.ReadAt(size[:], at); err != nil {
		return nil, fmt.Errorf("reading the ledger at %d: %w", at, err)
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := file.ReadAt(body, at+int64(len(size))); err != nil {
		return nil, fmt.Errorf("reading the ledger at %d: %w", at, err)
	}
	return body, nil
}
