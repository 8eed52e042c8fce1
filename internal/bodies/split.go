package bodies

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/go-json-experiment/json/jsontext"
)

// Body is one JSON value of a file, whatever it is.
type Body struct {
	// Line is where the value begins, from 1.
	Line int
	// Value is valid until the next one is asked for.
	Value []byte
}

// SyntaxError says that a value is not JSON.
type SyntaxError struct {
	// Line is where the value begins, from 1.
	Line int
	Err  error
}

// Error implements error; the line is not in it.
func (e *SyntaxError) Error() string { return fmt.Sprintf("not JSON: %v", e.Err) }

func (e *SyntaxError) Unwrap() error { return e.Err }

// Split gives the values of r in their order; of an array at the top, its
// elements. A [*SyntaxError] stands in the place of a value that is not JSON,
// and more values may follow; any other error is of reading, and the last.
//
// Repeated keys and invalid UTF-8 are let through: [schemas.ParseEvent] judges
// each value on its own.
func Split(r io.Reader) iter.Seq2[Body, error] {
	return func(yield func(Body, error) bool) {
		src := &source{r: r, line: 1}
		for more := true; more; more = src.skip() {
			wrong, ok := src.values(yield)
			if !ok {
				return
			}
			if wrong == nil {
				break
			}
			if !yield(Body{}, wrong) {
				return
			}
		}
		if src.err != nil && !errors.Is(src.err, io.EOF) {
			yield(Body{}, src.err)
		}
	}
}

// values gives the values from here on, up to the end (wrong is nil) or to one
// that is not JSON, where the source then stands. It is not ok when nobody
// wants more.
func (s *source) values(yield func(Body, error) bool) (wrong *SyntaxError, ok bool) {
	dec := jsontext.NewDecoder(s, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	begin := s.base // the decoder's offsets count from here
	for {
		value, err := next(dec)
		s.release(begin + dec.InputOffset() - int64(len(value)))
		var syntactic *jsontext.SyntacticError
		switch {
		case errors.As(err, &syntactic) && !errors.Is(err, s.err):
			s.releaseBlank()
			return &SyntaxError{Line: s.line, Err: syntactic.Err}, true
		case err != nil: // the end, or an error of reading, which src.err tells
			return nil, true
		case !yield(Body{Line: s.line, Value: value}, nil):
			return nil, false
		}
	}
}

// next reads a value, stepping into and out of arrays at the top.
func next(dec *jsontext.Decoder) (jsontext.Value, error) {
	for {
		kind := dec.PeekKind()
		into := dec.StackDepth() == 0 && kind == '['
		out := dec.StackDepth() == 1 && kind == ']'
		if !into && !out {
			return dec.ReadValue()
		}
		if _, err := dec.ReadToken(); err != nil {
			return nil, err
		}
	}
}
