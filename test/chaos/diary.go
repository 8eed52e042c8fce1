package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// diary is the file that says what was done when.
type diary struct {
	began time.Time
	file  *os.File
	also  io.Writer // nil = nowhere else

	mu sync.Mutex
}

func createDiary(path string, also io.Writer) (*diary, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("creating the log of events: %w", err)
	}
	return &diary{began: time.Now(), file: file, also: also}, nil
}

// say adds a line.
func (d *diary) say(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	line := fmt.Sprintf("%s %7.2fs  %s\n", now.UTC().Format("15:04:05.000"), now.Sub(d.began).Seconds(), fmt.Sprintf(format, args...))
	_, _ = d.file.WriteString(line) // it is a help, and no part of the proof
	if d.also != nil {
		_, _ = io.WriteString(d.also, line)
	}
}

func (d *diary) close() error { return d.file.Close() }
