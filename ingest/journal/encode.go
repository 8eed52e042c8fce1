package journal

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// encode makes the payload of a record.
func encode(r *kgo.Record) []byte {
	wire := kmsg.Record{TimestampDelta64: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value}
	for _, h := range r.Headers {
		wire.Headers = append(wire.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
	}
	payload := make([]byte, 0, len(r.Topic)+len(r.Key)+len(r.Value)+256)
	payload = append(append(payload, r.Topic...), 0)
	return wire.AppendTo(payload)
}

// decode makes the record of a payload, which it keeps.
func decode(payload []byte) (*kgo.Record, error) {
	topic, rest, found := bytes.Cut(payload, []byte{0})
	if !found {
		return nil, errors.New("a record of the journal has no topic")
	}
	var wire kmsg.Record
	if err := wire.ReadFrom(rest); err != nil {
		return nil, fmt.Errorf("reading a record of the journal: %w", err)
	}
	r := &kgo.Record{Topic: string(topic), Key: wire.Key, Value: wire.Value, Timestamp: time.UnixMilli(wire.TimestampDelta64)}
	for _, h := range wire.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return r, nil
}
