package bodies

import (
	"bytes"
	"io"
)

// chunk is how much is read at once.
const chunk = 64 << 10

// source is a reader that keeps what was read until it is released. So the line
// of a value is known although the decoder reads ahead, and reading can start
// again behind a value that turned out not to be JSON.
type source struct {
	r    io.Reader
	err  error  // the end, or what went wrong
	kept []byte // what was read and is not released
	pos  int    // how much of kept was given to the present decoder
	base int64  // offset of kept in the file
	line int    // line of kept[0], from 1
}

// Read implements [io.Reader] for a decoder.
func (s *source) Read(p []byte) (int, error) {
	if s.pos == len(s.kept) && !s.fill(max(len(p), chunk)) {
		return 0, s.err
	}
	n := copy(p, s.kept[s.pos:])
	s.pos += n
	return n, nil
}

// fill reads more into kept; false at the end.
func (s *source) fill(size int) bool {
	for s.err == nil {
		length := len(s.kept)
		s.kept = append(s.kept, make([]byte, size)...)
		n, err := s.r.Read(s.kept[length:])
		s.kept = s.kept[:length+n]
		s.err = err
		if n > 0 {
			return true
		}
	}
	return false
}

// release forgets what lies before the offset.
func (s *source) release(offset int64) {
	n := int(offset - s.base)
	s.line += bytes.Count(s.kept[:n], []byte("\n"))
	s.kept = s.kept[n:]
	s.pos = max(0, s.pos-n)
	s.base = offset
}

// releaseBlank goes on to what comes after blanks and commas.
func (s *source) releaseBlank() {
	rest := bytes.TrimLeft(s.kept, " \t\r\n,")
	s.release(s.base + int64(len(s.kept)-len(rest)))
}

// skip goes on to the next line that begins with { or [, and lets the next
// decoder begin there; false when there is none.
func (s *source) skip() bool {
	for {
		end := bytes.IndexByte(s.kept, '\n')
		if end < 0 {
			s.release(s.base + int64(len(s.kept)))
			if !s.fill(chunk) {
				return false
			}
			continue
		}
		s.release(s.base + int64(end+1))
		if len(s.kept) == 0 && !s.fill(chunk) {
			return false
		}
		if c := s.kept[0]; c == '{' || c == '[' {
			s.pos = 0
			return true
		}
	}
}
