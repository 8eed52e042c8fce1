package salesforce

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// csvReader reads CSV as Bulk API 2.0 gives it, one row after the other. What is
// within quotes stays as it is: encoding/csv would take the carriage returns out of
// a text's line ends.
type csvReader struct {
	r    *bufio.Reader
	rows int // read so far
	text []byte
	ends []int // of the cells in text
}

func newCSVReader(r io.Reader) *csvReader {
	return &csvReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// next gives the cells of the next row, or io.EOF behind the last one.
func (c *csvReader) next() ([]string, error) {
	c.text, c.ends = c.text[:0], c.ends[:0]
	if _, err := c.r.Peek(1); err != nil {
		return nil, err // io.EOF, where there is nothing more
	}
	for more := true; more; {
		var err error
		if more, err = c.cell(); err != nil {
			return nil, fmt.Errorf("reading row %d: %w", c.rows+1, err)
		}
		c.ends = append(c.ends, len(c.text))
	}
	c.rows++
	text, begin := string(c.text), 0
	cells := make([]string, len(c.ends))
	for i, end := range c.ends {
		cells[i], begin = text[begin:end], end
	}
	return cells, nil
}

// cell reads a cell and what ends it, and reports whether the row has another.
func (c *csvReader) cell() (more bool, err error) {
	b, err := c.r.ReadByte()
	if errors.Is(err, io.EOF) {
		return false, nil // an empty cell at the very end
	}
	if err != nil {
		return false, err
	}
	if b == '"' {
		if err := c.quoted(); err != nil {
			return false, err
		}
		b, err = c.r.ReadByte()
	}
	for ; err == nil; b, err = c.r.ReadByte() {
		switch b {
		case ',':
			return true, nil
		case '\n':
			return false, nil
		case '\r': // of a line end; within a text it is in quotes
		default:
			c.text = append(c.text, b)
		}
	}
	if errors.Is(err, io.EOF) {
		return false, nil // the last row need not have a line end
	}
	return false, err
}

// quoted reads what is left of a cell in quotes, its closing quote too.
func (c *csvReader) quoted() error {
	for {
		part, err := c.r.ReadSlice('"')
		c.text = append(c.text, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
		c.text = c.text[:len(c.text)-1]
		if next, err := c.r.Peek(1); err != nil || next[0] != '"' {
			return nil // an error comes again with the next read
		}
		if _, err := c.r.Discard(1); err != nil {
			return err
		}
		c.text = append(c.text, '"')
	}
}
