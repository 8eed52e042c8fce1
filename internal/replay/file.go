package replay

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
)

// format is that of the files. A change that an older version would misread is a new
// one.
const format = "callfold.plan/1"

// Header is the first line of a plan's file.
type Header struct {
	Format string    `json:"format"`
	MadeAt time.Time `json:"made_at"`
	// Calls is the topic that was read, Org the address that was signed in to, and
	// Settings a hash of the rules: a plan is applied only where they are the same.
	Calls    string `json:"calls"`
	Org      string `json:"org"`
	Settings string `json:"settings"`
	// Filter and Rematch are those of the plan.
	Filter  Filter  `json:"filter"`
	Rematch bool    `json:"rematch,omitzero"`
	Summary Summary `json:"summary"`
}

// Writer writes a plan's file: the rows first, to a file beside it, since the header
// counts them.
type Writer struct {
	path string
	rows *os.File
	out  *bufio.Writer
}

// NewWriter begins a plan's file. Nothing is at path until Finish.
func NewWriter(path string) (*Writer, error) {
	rows, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".rows-") // only its owner can read it
	if err != nil {
		return nil, fmt.Errorf("writing the plan: %w", err)
	}
	return &Writer{path: path, rows: rows, out: bufio.NewWriter(rows)}, nil
}

// Add writes a row.
func (w *Writer) Add(r Row) error { return writeLine(w.out, r) }

func writeLine(to *bufio.Writer, v any) error {
	err := json.MarshalWrite(to, v, json.Deterministic(true))
	if err == nil {
		err = to.WriteByte('\n')
	}
	if err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	return nil
}

// Finish puts the file in its place, whole, and fills in the format of the header.
func (w *Writer) Finish(h *Header) (err error) {
	h.Format = format
	whole, err := os.CreateTemp(filepath.Dir(w.path), filepath.Base(w.path)+".")
	if err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(whole.Name()))
		}
	}()
	out := bufio.NewWriter(whole)
	if err = writeLine(out, h); err == nil {
		err = w.out.Flush()
	}
	if err == nil {
		_, err = w.rows.Seek(0, io.SeekStart)
	}
	if err == nil {
		_, err = io.Copy(out, w.rows)
	}
	if err = errors.Join(err, out.Flush(), whole.Sync(), whole.Close()); err == nil {
		err = os.Rename(whole.Name(), w.path)
	}
	if err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	return nil
}

// Close removes what is only for the time of writing.
func (w *Writer) Close() error { return errors.Join(w.rows.Close(), os.Remove(w.rows.Name())) }

// Plan is a plan's file.
type Plan struct {
	Header Header
	// Path is where it is, Digest a hash of all of it.
	Path, Digest string

	rows []planned
}

// Len is how many calls it is about.
func (p *Plan) Len() int { return len(p.rows) }

// Sent are the calls about which commands were sent, by an apply that came so far.
func (p *Plan) Sent(s State) map[int64]bool {
	sent := map[int64]bool{}
	for _, r := range p.rows[:s.Sent] {
		sent[r.callID] = true
	}
	for _, id := range s.LeftOut {
		delete(sent, id)
	}
	return sent
}

// mostLine is the longest line of a plan: a Task with texts as long as they may be.
const mostLine = 4 << 20

// Open reads a plan's file. What the rows say of fields is not kept.
func Open(path string) (*Plan, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the plan: %w", err)
	}
	defer f.Close()
	p := &Plan{Path: path}
	sum := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(f, sum))
	lines.Buffer(nil, mostLine)
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &p.Header) != nil || p.Header.Format == "" {
		return nil, errors.Join(fmt.Errorf("%s is no plan: make one with callfold replay plan", path), lines.Err())
	}
	if p.Header.Format != format {
		return nil, fmt.Errorf("%s has the format %q, this version's is %q: make the plan anew", path, p.Header.Format, format)
	}
	for lines.Scan() {
		var r Row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("line %d of %s cannot be read, it was cut or changed, make the plan anew: %w", len(p.rows)+2, path, err)
		}
		d, err := r.digest()
		if err != nil {
			return nil, err
		}
		p.rows = append(p.rows, planned{r.CallID, r.StateHash, r.Rewritten, d})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if int64(len(p.rows)) != p.Header.Summary.Changes() {
		return nil, fmt.Errorf("%s has %d rows and says it has %d: it was cut or changed, make the plan anew", path, len(p.rows), p.Header.Summary.Changes())
	}
	p.Digest = hex.EncodeToString(sum.Sum(nil))
	return p, nil
}
