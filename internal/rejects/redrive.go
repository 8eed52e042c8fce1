package rejects

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/eventlog"
	"github.com/callfold/callfold/schemas"
)

// maxBody is the largest body that is an event, in bytes, as at the door.
const maxBody = 1 << 20

// Redrive makes the record of the topic events that a rejected one is to become: with
// the body that was kept, or with another one, under the call's id, received now from
// where it came, and marked with [schemas.HeaderRedriven]. The error says why it would
// come back, or must not go there.
func (r Record) Redrive(events string, corrected []byte, now time.Time) (*kgo.Record, error) {
	if topic := r.Origin.Topic; topic != "" && topic != events {
		return nil, fmt.Errorf("it is no event: it was a record of the topic %s that its reader could not use. Verify the calls (callfold verify)", topic)
	}
	body := corrected
	if corrected == nil {
		kept, whole := r.Kept()
		switch {
		case !whole:
			return nil, fmt.Errorf("only the beginning of its %d bytes was kept: give the whole body with --body", r.BodySize)
		case r.Reason == schemas.TooLarge:
			return nil, errors.New("with it the state of its call would outgrow a record: give a smaller body with --body")
		}
		body = kept
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("the body has %d bytes, more than 1 MiB", len(body))
	}
	event, err := schemas.ParseEvent(body)
	if err != nil {
		return nil, fmt.Errorf("it would be rejected again: %w", err)
	}
	source := schemas.Source(r.Origin.Source)
	switch {
	case hasToken(body):
		return nil, errors.New("the body has the webhook's token: take the member token out, it must not be stored")
	case schemas.IsCommand(event.Name):
		return nil, errors.New("it is a command of callfold: give it again instead; what came by a webhook must never become one")
	case source == schemas.Webhook && !strings.HasPrefix(event.Name, "call."):
		return nil, errors.New("it would be rejected again: it came by a webhook, and its event does not begin with call. (not_a_call)")
	case event.TooFarAhead(now):
		return nil, errors.New("it would be rejected again: the timestamp is more than 24 hours ahead (future_time)")
	}
	record := eventlog.Record(events, body, event.Name, event.CallID, source, now)
	record.Headers = append(record.Headers, kgo.RecordHeader{Key: schemas.HeaderRedriven, Value: []byte(r.Place.String())})
	return record, nil
}

// hasToken tells whether a body has a member token, however its name is written.
func hasToken(body []byte) bool {
	found := false
	gjson.ParseBytes(body).ForEach(func(name, _ gjson.Result) bool {
		found = name.Str == "token"
		return !found
	})
	return found
}
