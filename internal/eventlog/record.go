package eventlog

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/schemas"
)

// Record is a record of the topic events: the event's body, under the call's id, as
// it came in from a source.
func Record(topic string, body []byte, event string, callID int64, source schemas.Source, received time.Time) *kgo.Record {
	return &kgo.Record{
		Topic: topic, Key: strconv.AppendInt(nil, callID, 10), Value: body, Timestamp: received,
		Headers: []kgo.RecordHeader{
			{Key: schemas.HeaderSchema, Value: []byte(schemas.EventSchema)},
			{Key: schemas.HeaderEvent, Value: []byte(event)},
			{Key: schemas.HeaderReceivedAt, Value: strconv.AppendInt(nil, received.UnixMilli(), 10)},
			{Key: schemas.HeaderSource, Value: []byte(source)},
		},
	}
}
