package ingest

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/eventlog"
	"github.com/callfold/callfold/schemas"
)

// maxValue is the largest value of a record in rejected. It leaves a record of
// 2 MiB room for key, headers and framing.
const maxValue = 2<<20 - 64<<10

// eventRecord is a call event for the topic events: the body as it came, minus
// its token, under the call's id.
func (s *Server) eventRecord(body []byte, e envelope, event schemas.Event, received time.Time) *kgo.Record {
	return eventlog.Record(s.o.EventsTopic, e.withoutTokens(body), event.Name, event.CallID, schemas.Webhook, received)
}

// rejectedRecord is a body for the topic rejected, with all that is known of it.
// event is as far as it could be read.
func (s *Server) rejectedRecord(body []byte, e envelope, size int64, event schemas.Event, why *schemas.Rejection, received time.Time) (*kgo.Record, error) {
	stored := e.withoutTokens(body)
	truncated := e.end < len(body)
	if why.Reason == schemas.NotJSON || why.Reason == schemas.TooLarge {
		stored = s.tokens.redact(stored)
	}
	if why.Reason == schemas.TooLarge {
		stored, truncated = beginning(stored), true
	}
	value, err := encodeRejected(schemas.RejectedRecord{
		Reason:     why.Reason,
		Detail:     why.Detail,
		Origin:     schemas.Origin{Source: string(schemas.Webhook)},
		ReceivedAt: received.UnixMilli(),
		Event:      event.Name,
		CallID:     event.CallID,
		BodySize:   size,
		Truncated:  truncated,
	}, stored)
	if err != nil {
		return nil, err
	}
	return &kgo.Record{
		Topic:     s.o.RejectedTopic,
		Key:       callKey(event.CallID),
		Value:     value,
		Timestamp: received,
		Headers: []kgo.RecordHeader{
			{Key: schemas.HeaderSchema, Value: []byte(schemas.Rejects.Schema())},
			{Key: schemas.HeaderReceivedAt, Value: unixMilli(received)},
		},
	}, nil
}

// encodeRejected puts the body in as text. What is no text goes as base64, and
// so does text that would outgrow a record because nearly every character of
// it has to be escaped.
func encodeRejected(r schemas.RejectedRecord, body []byte) ([]byte, error) {
	if utf8.Valid(body) {
		r.Body = string(body)
		value, err := schemas.Rejects.Encode(r)
		if err != nil || len(value) <= maxValue {
			return value, err
		}
	}
	r.Body, r.BodyBase64 = "", body
	return schemas.Rejects.Encode(r)
}

// beginning is the first maxStored bytes, without half a character at the end.
func beginning(body []byte) []byte {
	if len(body) <= maxStored {
		return body
	}
	end := maxStored
	for end > maxStored-utf8.UTFMax && !utf8.RuneStart(body[end]) {
		end--
	}
	return body[:end]
}

// callKey is the record key of a call, nil for an unknown one.
func callKey(id int64) []byte {
	if id == 0 {
		return nil
	}
	return strconv.AppendInt(nil, id, 10)
}

func unixMilli(t time.Time) []byte { return strconv.AppendInt(nil, t.UnixMilli(), 10) }
