package eventlog

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/schemas"
)

// TestRead: what is folded, what is rejected and why, and what has to wait.
func TestRead(t *testing.T) {
	const body = `{"resource":"call","event":"call.created","timestamp":1767261600,"data":{"id":4711,"direction":"inbound","status":"initial","started_at":1767261600}}`
	at := time.Unix(1767261600, 0)
	header := func(key, value string) []kgo.RecordHeader {
		return []kgo.RecordHeader{{Key: key, Value: []byte(value)}}
	}
	tooFar := strings.Replace(body, `"timestamp":1767261600`, `"timestamp":1767348001`, 1)
	for name, c := range map[string]struct {
		record *kgo.Record
		reason schemas.RejectReason // empty: none
		newer  bool
	}{
		"an event":                    {record: &kgo.Record{Key: []byte("4711"), Value: []byte(body)}},
		"with its schema":             {record: &kgo.Record{Key: []byte("4711"), Value: []byte(body), Headers: header(schemas.HeaderSchema, schemas.EventSchema)}},
		"of a newer version":          {record: &kgo.Record{Key: []byte("4711"), Value: []byte(body), Headers: header(schemas.HeaderSchema, "callfold.event/2")}, newer: true},
		"of another schema":           {record: &kgo.Record{Key: []byte("4711"), Value: []byte(body), Headers: header(schemas.HeaderSchema, "callfold.call/1")}, reason: schemas.NotACall},
		"under another key":           {record: &kgo.Record{Key: []byte("0"), Value: []byte(body)}, reason: schemas.KeyMismatch},
		"without a key":               {record: &kgo.Record{Value: []byte(body)}, reason: schemas.KeyMismatch},
		"too far ahead of the broker": {record: &kgo.Record{Key: []byte("4711"), Value: []byte(tooFar)}, reason: schemas.FutureTime},
		"received later":              {record: &kgo.Record{Key: []byte("4711"), Value: []byte(tooFar), Headers: header(schemas.HeaderReceivedAt, "1767261601000")}},
		"no JSON":                     {record: &kgo.Record{Key: []byte("4711"), Value: []byte("{")}, reason: schemas.NotJSON},
		"a tombstone":                 {record: &kgo.Record{Key: []byte("4711")}, reason: schemas.NotJSON},
	} {
		t.Run(name, func(t *testing.T) {
			c.record.Timestamp = at
			event, err := Read(c.record)
			rejection := (*schemas.Rejection)(nil)
			switch {
			case c.newer:
				if !errors.Is(err, schemas.ErrNewerSchema) {
					t.Errorf("got %v, want ErrNewerSchema", err)
				}
			case c.reason == "":
				if err != nil || event.CallID != 4711 {
					t.Errorf("got call %d and %v", event.CallID, err)
				}
			case !errors.As(err, &rejection) || rejection.Reason != c.reason:
				t.Errorf("got %v, want a rejection for %s", err, c.reason)
			}
		})
	}
}
