package stream

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/schemas"
)

// Markers are records of the engine's own in a changelog. They carry no state,
// and every reader leaves them out. There are two uses of them:
//
//   - a transaction that consumed input of a partition but changed no state of
//     it writes one to carry next-input;
//   - a restore that cannot see the high watermark reached writes one to have
//     something visible behind it (a barrier).
//
// Each kind has one key, so compaction leaves one of a kind in a partition. They
// are two, since a barrier carries no next-input and must not replace a record
// that does.
const (
	headerMarker = "marker"

	nextInputMarker = "marker"
	barrierMarker   = "barrier"
)

// IsMarker reports whether a record is the engine's own and no state.
func IsMarker(r *kgo.Record) bool { return Header(r, headerMarker) != "" }

func marker(kind string) *kgo.Record {
	return &kgo.Record{
		Key:     []byte(kind),
		Value:   []byte("{}"),
		Headers: []kgo.RecordHeader{{Key: headerMarker, Value: []byte(kind)}},
	}
}

// NextInputMarker is a marker that carries next-input, for who writes in the place of a
// stage.
func NextInputMarker(next int64) *kgo.Record {
	m := marker(nextInputMarker)
	m.Headers = append(m.Headers, NextInputHeader(next))
	return m
}

// Marker is a record that carries no state, of one who writes to a changelog besides the
// engine; under its kind as the key.
func Marker(kind string, more ...kgo.RecordHeader) *kgo.Record {
	m := marker(kind)
	m.Headers = append(m.Headers, more...)
	return m
}

// NextInputHeader is the header next-input of a transaction's last changelog record: up
// to which offset of the input the partition's states account.
func NextInputHeader(next int64) kgo.RecordHeader {
	return kgo.RecordHeader{Key: schemas.HeaderNextInput, Value: strconv.AppendInt(nil, next, 10)}
}

// NextInput reads the header next-input; 0 where there is none.
func NextInput(r *kgo.Record) int64 {
	n, _ := strconv.ParseInt(Header(r, schemas.HeaderNextInput), 10, 64)
	return n
}
