package backfill

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
)

// progress is a file that tells how far a backfill has come: one line for each
// part of the range that is in the log, each synced before the next part begins.
type progress struct{ path string }

// step is one line.
type step struct {
	// Until is the UNIX second up to which everything was read.
	Until int64 `json:"until"`
	// Part is what was found since the line before.
	Part Report `json:"part"`
}

// openProgress is the file of that name in a directory, which is made; "" is no file.
func openProgress(dir, name string) (*progress, error) {
	if dir == "" {
		return &progress{}, nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("making the directory of the progress (aircall.state_dir): %w", err)
	}
	return &progress{filepath.Join(dir, name)}, nil
}

// read gives the second up to which everything was read, 0 where nothing was, and
// what was found. A last line that is cut off, as by a crash, counts as not written.
func (p *progress) read() (until int64, found Report, err error) {
	if p.path == "" {
		return 0, found, nil
	}
	text, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, found, nil
	}
	if err != nil {
		return 0, found, fmt.Errorf("reading the progress: %w", err)
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	for line := range bytes.Lines(text[:whole]) {
		var s step
		if err := json.Unmarshal(line, &s); err != nil {
			return 0, Report{}, fmt.Errorf("reading the progress in %s: %w; remove the file to begin anew, which loses nothing", p.path, err)
		}
		until = s.Until
		found.add(&s.Part)
	}
	if whole < len(text) {
		if err := os.Truncate(p.path, int64(whole)); err != nil {
			return 0, Report{}, fmt.Errorf("mending the progress: %w", err)
		}
	}
	return until, found, nil
}

// note appends a line and syncs it.
func (p *progress) note(until int64, part *Report) error {
	return p.write(p.path, os.O_APPEND, step{until, *part})
}

// restart leaves nothing but how far everything was read. A crash leaves the file
// as it was or as it is to be.
func (p *progress) restart(until int64) error {
	if p.path == "" {
		return nil
	}
	fresh := p.path + ".new"
	if err := p.write(fresh, os.O_TRUNC, step{Until: until}); err != nil {
		return err
	}
	if err := os.Rename(fresh, p.path); err != nil {
		return fmt.Errorf("writing the progress: %w", err)
	}
	return nil
}

func (p *progress) write(path string, how int, s step) error {
	if path == "" {
		return nil
	}
	line, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("writing the progress: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|how, 0o600)
	if err == nil {
		_, err = file.Write(append(line, '\n'))
		err = errors.Join(err, file.Sync(), file.Close())
	}
	if err != nil {
		return fmt.Errorf("writing the progress: %w", err)
	}
	return nil
}

// done removes the file.
func (p *progress) done() error {
	if p.path == "" {
		return nil
	}
	if err := os.Remove(p.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the progress of what is done: %w", err)
	}
	return nil
}
