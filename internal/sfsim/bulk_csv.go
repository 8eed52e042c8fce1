package sfsim

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// delimiters are the values of columnDelimiter ("Prepare CSV Files").
var delimiters = map[string]byte{
	"BACKQUOTE": '`', "CARET": '^', "COMMA": ',', "PIPE": '|', "SEMICOLON": ';', "TAB": '\t',
}

// parseCSV reads an upload: a header and rows, all with the same number of
// columns, each ended by just the job's line ending. Within quotes every
// character stands for itself, and a quote is written twice. Unlike encoding/csv
// it leaves line ends within quotes as they are, and tells which ones it met.
func parseCSV(data []byte, j *bulkJob) (csvRows, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("ClientInputError : The data is not UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	ending := []byte("\n")
	if j.lineEnding == "CRLF" {
		ending = []byte("\r\n")
	}
	delimiter := delimiters[j.delimiter]
	var rows csvRows
	var cells []string
	for len(data) > 0 {
		cell, rest, err := cutCell(data, delimiter)
		if err != nil {
			return nil, fmt.Errorf("ClientInputError : %w in row %d", err, len(rows)+1)
		}
		cells = append(cells, cell)
		switch {
		case len(rest) > 0 && rest[0] == delimiter:
			if data = rest[1:]; len(data) == 0 {
				cells = append(cells, "")
			} else {
				continue
			}
		case bytes.HasPrefix(rest, ending):
			data = rest[len(ending):]
		case len(rest) > 0:
			return nil, fmt.Errorf("ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is %s", j.lineEnding)
		default:
			data = nil
		}
		if len(cells) == 1 && cells[0] == "" {
			cells = nil // an empty line
			continue
		}
		if len(rows) > 0 && len(cells) != len(rows[0]) {
			return nil, fmt.Errorf("InvalidBatch : Row %d has %d columns and the header %d", len(rows)+1, len(cells), len(rows[0]))
		}
		rows, cells = append(rows, cells), nil
	}
	return rows, nil
}

// cutCell reads one cell and returns what follows it: nothing, a delimiter or a line end.
func cutCell(data []byte, delimiter byte) (cell string, rest []byte, err error) {
	if data[0] != '"' {
		end := bytes.IndexFunc(data, func(r rune) bool { return r == rune(delimiter) || r == '\n' || r == '\r' })
		if end < 0 {
			end = len(data)
		}
		if bytes.IndexByte(data[:end], '"') >= 0 {
			return "", nil, errors.New("a quote in a cell that is not in quotes")
		}
		return string(data[:end]), data[end:], nil
	}
	var b strings.Builder
	for data = data[1:]; ; {
		end := bytes.IndexByte(data, '"')
		if end < 0 {
			return "", nil, errors.New("a quote that is not closed")
		}
		b.Write(data[:end])
		data = data[end+1:]
		if len(data) == 0 || data[0] != '"' {
			break
		}
		b.WriteByte('"')
		data = data[1:]
	}
	if len(data) > 0 && data[0] != delimiter && data[0] != '\n' && data[0] != '\r' {
		return "", nil, errors.New("text behind a closing quote")
	}
	return b.String(), data, nil
}

// appendCSV writes rows as the results of jobs are: every cell in quotes.
func appendCSV(dst []byte, j *bulkJob, rows csvRows) []byte {
	for _, cells := range rows {
		for i, cell := range cells {
			if i > 0 {
				dst = append(dst, delimiters[j.delimiter])
			}
			dst = append(dst, '"')
			dst = append(dst, strings.ReplaceAll(cell, `"`, `""`)...)
			dst = append(dst, '"')
		}
		if j.lineEnding == "CRLF" {
			dst = append(dst, '\r')
		}
		dst = append(dst, '\n')
	}
	return dst
}

// columns resolves the header of an upload.
func (s *Server) columns(j *bulkJob, header []string) ([]*field, error) {
	var out []*field
	for _, name := range header {
		f := j.object.fieldFor(j.user, strings.TrimSpace(name))
		switch {
		case f == nil:
			return nil, fmt.Errorf("InvalidBatch : Field name not found : %s", name)
		case slices.Contains(out, f):
			return nil, fmt.Errorf("InvalidBatch : Field name repeated : %s", name)
		}
		out = append(out, f)
	}
	key := j.externalID
	if key == nil {
		key = j.object.fields[j.object.id]
	}
	switch {
	case j.operation == "delete" && (len(out) != 1 || out[0] != key):
		return nil, errors.New("InvalidBatch : The 'delete' batch must contain only ids")
	case j.operation != "insert" && !slices.Contains(out, key):
		return nil, fmt.Errorf("InvalidBatch : Field name not found : %s", key.name)
	case j.operation == "insert" && slices.Contains(out, key):
		return nil, errors.New("InvalidBatch : Field name not found : Id")
	}
	return out, nil
}
