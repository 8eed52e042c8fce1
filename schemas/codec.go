package schemas

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Errors of the schema header.
var (
	// ErrNewerSchema means that the record was written by a newer binary in a
	// version that this one cannot read: an upgrade is half done. The reader
	// pauses; the record is not rejected.
	ErrNewerSchema = errors.New("written by a newer version of callfold: finish the upgrade, then this reader goes on")
	// ErrUnknownSchema means that the record is of some other kind.
	ErrUnknownSchema = errors.New("not a record of this topic")
)

// EventSchema is the schema header of records in the topic events. Their value
// is the body as it came.
const EventSchema = "callfold.event/1"

// CheckEventSchema says whether this binary can read a record of the topic
// events: nil, or an error that is ErrNewerSchema or ErrUnknownSchema. A
// record without the header is taken as one of version 1, so that any producer
// can put bodies into the topic.
func CheckEventSchema(schema string) error {
	if schema == "" || schema == EventSchema {
		return nil
	}
	return checkSchema("callfold.event", 1, schema)
}

// Codec reads and writes the values of one topic. The version of its schema
// changes only when an older binary could not read the value any more, see the
// evolution rule in the package's documentation.
type Codec[T any] struct {
	name    string
	version int
	schema  string // NAME/VERSION
}

func newCodec[T any](name string, version int) Codec[T] {
	return Codec[T]{name, version, name + "/" + strconv.Itoa(version)}
}

// The codecs of the topics calls, tasks and rejected.
var (
	Calls    = newCodec[CallRecord]("callfold.call", 1)
	Outcomes = newCodec[Outcome]("callfold.outcome", 1)
	Rejects  = newCodec[RejectedRecord]("callfold.rejected", 1)
)

// Schema is the value of the schema header, NAME/VERSION.
func (c Codec[T]) Schema() string { return c.schema }

// Encode writes a value as JSON. Equal values give equal bytes. Invalid UTF-8
// in a text is replaced by U+FFFD.
func (c Codec[T]) Encode(v T) ([]byte, error) {
	if r, ok := any(&v).(*CallRecord); ok {
		if b, ok := encodeCallRecord(r); ok {
			return b, nil
		}
	}
	b, err := encode(v)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", c.name, err)
	}
	return b, nil
}

// Decode reads a value that has this schema header. The error is
// ErrNewerSchema or ErrUnknownSchema where the header says so. A tombstone (an
// empty value) is no record and an error, too.
func (c Codec[T]) Decode(schema string, value []byte) (T, error) {
	var v T
	if schema != c.schema {
		if err := checkSchema(c.name, c.version, schema); err != nil {
			return v, err
		}
	}
	if r, ok := any(&v).(*CallRecord); ok && readCallRecord(value, r) {
		return v, nil
	}
	return c.unmarshal(value)
}

func (c Codec[T]) unmarshal(value []byte) (T, error) {
	var v T
	if err := json.Unmarshal(value, &v); err != nil {
		var none T
		return none, fmt.Errorf("decoding %s: %w", c.name, err)
	}
	return v, nil
}

// encode is the one canonical JSON encoding of all records. Call records are
// written and read by hand where that can be done, to the same effect: see
// append.go and read.go.
func encode(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
}

// checkSchema compares a schema header with what can be read.
func checkSchema(name string, version int, schema string) error {
	got, number, _ := strings.Cut(schema, "/")
	n, err := strconv.Atoi(number)
	switch {
	case got != name || err != nil || n < 1:
		return fmt.Errorf("schema %q, wanted %s/%d: %w", clean(schema, 100), name, version, ErrUnknownSchema)
	case n > version:
		return fmt.Errorf("schema %q, wanted %s/%d: %w", clean(schema, 100), name, version, ErrNewerSchema)
	}
	return nil
}
