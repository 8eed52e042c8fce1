// Package eventlog makes and reads the records of the topic events: what is folded of
// them, and when they came in.
package eventlog

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// Read parses the event of a record of the topic events. The error is a [*schemas.Rejection] for
// what can never be folded.
func Read(r *kgo.Record) (schemas.Event, error) {
	switch err := schemas.CheckEventSchema(stream.Header(r, schemas.HeaderSchema)); {
	case errors.Is(err, schemas.ErrUnknownSchema):
		return schemas.Event{}, &schemas.Rejection{Reason: schemas.NotACall, Detail: "the record's schema header is not that of an event"}
	case err != nil:
		return schemas.Event{}, err
	}
	event, err := schemas.ParseEvent(r.Value)
	if err != nil {
		return event, err
	}
	if key := strconv.AppendInt(make([]byte, 0, 20), event.CallID, 10); !bytes.Equal(r.Key, key) {
		return event, &schemas.Rejection{Reason: schemas.KeyMismatch, Detail: "the record's key is not the body's call id"}
	}
	if event.TooFarAhead(ReceivedAt(r)) {
		return event, &schemas.Rejection{Reason: schemas.FutureTime, Detail: "timestamp is more than 24 h after the event was received"}
	}
	return event, nil
}

// ReceivedAt is when the event came in; where a producer did not say, when the
// broker got it.
func ReceivedAt(r *kgo.Record) time.Time {
	if ms, err := strconv.ParseInt(stream.Header(r, schemas.HeaderReceivedAt), 10, 64); err == nil {
		return time.UnixMilli(ms)
	}
	return r.Timestamp
}
