package ingest

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/tidwall/gjson"
)

const (
	// maxBody is the size of the largest body that is an event. Real ones have
	// 2 to 4 KB; a record may have 2 MiB, also when a rejected body is quoted.
	maxBody = 1 << 20
	// maxRead is how far a larger body is read to find its token.
	maxRead = 4 << 20
	// maxStored is how much of a body over maxBody is stored in rejected.
	maxStored = 256 << 10
	// maxDepth is how deep a body may be nested: gjson descends by recursion,
	// and a body of nothing but brackets must not exhaust the stack. It is the
	// limit of the other JSON packages too.
	maxDepth = 10_000
	// maxBodyMemory bounds the buffers of all bodies that are being read.
	maxBodyMemory = 256 << 20
	// firstBuffer is the buffer that a request begins with.
	firstBuffer = 8 << 10
)

// errBusy means that maxBodyMemory is used up.
var errBusy = errors.New("too many large requests at once")

// bodyReader reads request bodies into buffers that it lends.
type bodyReader struct {
	used atomic.Int64
	pool sync.Pool
}

func newBodyReader() *bodyReader {
	return &bodyReader{pool: sync.Pool{New: func() any {
		b := make([]byte, 0, firstBuffer)
		return &b
	}}}
}

// read reads up to maxRead bytes. Memory is taken as bytes arrive, not as a
// Content-Length promises them. The buffer must be released, after an error
// too: then it holds what came before.
func (r *bodyReader) read(from io.Reader) (body []byte, release func(), err error) {
	pooled := r.pool.Get().(*[]byte)
	body = (*pooled)[:0]
	taken := int64(cap(body))
	release = func() {
		r.used.Add(-taken)
		r.pool.Put(pooled)
	}
	if r.used.Add(taken) > maxBodyMemory {
		return body, release, errBusy
	}
	for {
		if len(body) == cap(body) {
			if len(body) == maxRead {
				return body, release, nil
			}
			grown := min(4*cap(body), maxRead)
			more := int64(grown) // until this request ends both may be alive
			taken += more
			if r.used.Add(more) > maxBodyMemory {
				return body, release, errBusy
			}
			body = append(make([]byte, 0, grown), body...)
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF {
			return body, release, nil
		}
		if err != nil {
			return body, release, err
		}
	}
}

// isJSON reports whether a body is one JSON value, nested maxDepth deep at most.
func isJSON(body []byte) bool {
	return !tooDeep(body) && gjson.ValidBytes(body)
}

func tooDeep(body []byte) bool {
	if len(body) <= maxDepth {
		return false
	}
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '{', '[':
			if depth++; depth > maxDepth {
				return true
			}
		case '}', ']':
			depth--
		case '"':
			if i = skipString(body, i); i < 0 {
				return false // not JSON, which gjson will say
			}
			i--
		}
	}
	return false
}
