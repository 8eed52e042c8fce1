package logcopy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/stream"
)

// headerCopied is the header of the last record of a transaction: SOURCE/PARTITION:OFFSET,
// the offset from which to go on in that partition of the source.
const headerCopied = "copied-from"

// mark is the header that says up to where a partition of the source was copied.
func mark(source string, number int32, next int64) kgo.RecordHeader {
	return kgo.RecordHeader{Key: headerCopied, Value: fmt.Appendf(nil, "%s/%d:%d", source, number, next)}
}

// marked reads the mark of a record; source is empty where it has none.
func marked(r *kgo.Record) (source string, number int32, next int64) {
	from, offset, _ := strings.Cut(stream.Header(r, headerCopied), ":")
	at := strings.LastIndexByte(from, '/')
	if at < 0 {
		return "", 0, 0
	}
	partition, err := strconv.ParseInt(from[at+1:], 10, 32)
	if err != nil {
		return "", 0, 0
	}
	if next, err = strconv.ParseInt(offset, 10, 64); err != nil {
		return "", 0, 0
	}
	return from[:at], int32(partition), next
}

// unmarked are headers without the mark that an earlier copy has left.
func unmarked(headers []kgo.RecordHeader) []kgo.RecordHeader {
	return slices.DeleteFunc(slices.Clone(headers), func(h kgo.RecordHeader) bool { return h.Key == headerCopied })
}
