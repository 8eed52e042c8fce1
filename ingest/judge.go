package ingest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/schemas"
)

// verdict is what becomes of a body: an answer, and the record that has to be
// durable before the answer may be given. Without a record it may be given at
// once.
type verdict struct {
	answer answer
	record *kgo.Record
	// rejection says why the record goes to rejected; nil for one that does not.
	rejection *schemas.Rejection
}

// judge decides about a body whose token is accepted. size is the body's size
// as received, of which body may be the beginning only.
//
// Whether a call event can be folded is decided by the very function that folds
// it, [schemas.ParseEvent]: a second opinion here would be cheaper, and wrong
// one day. What the door adds is that only Aircall's own events come in.
func (s *Server) judge(body []byte, e envelope, size int64) (verdict, error) {
	received := s.o.Now()
	tooLarge := size > maxBody
	if family, other := otherThanCalls(body, e); other && (tooLarge || isJSON(body)) {
		s.metrics.ignored.WithLabelValues(family).Inc()
		return verdict{answer: answerIgnored}, nil
	}
	var event schemas.Event
	var rejection *schemas.Rejection
	if tooLarge {
		rejection = &schemas.Rejection{Reason: schemas.TooLarge, Detail: fmt.Sprintf("the body has %d bytes, more than 1 MiB", size)}
	} else {
		var err error
		event, err = schemas.ParseEvent(body)
		switch {
		case errors.As(err, &rejection):
		case err != nil:
			return verdict{}, fmt.Errorf("parsing a webhook: %w", err)
		case e.value(body, "resource").Str != "call" || !strings.HasPrefix(event.Name, "call."):
			rejection = &schemas.Rejection{Reason: schemas.NotACall, Detail: "the webhook is no call event: resource is not call, or event does not begin with call."}
		case event.TooFarAhead(received):
			rejection = &schemas.Rejection{Reason: schemas.FutureTime, Detail: "the timestamp is more than 24 hours ahead"}
		}
	}
	if rejection == nil {
		return verdict{answer: answerAccepted, record: s.eventRecord(body, e, event, received)}, nil
	}
	record, err := s.rejectedRecord(body, e, size, event, rejection, received)
	return verdict{answer: answerRejected(rejection.Reason), record: record, rejection: rejection}, err
}

// otherThanCalls tells the family of a webhook that is not about calls. Without
// a resource it is not known to be of another family, and left to be rejected.
func otherThanCalls(body []byte, e envelope) (family string, other bool) {
	resource := e.value(body, "resource")
	if resource.Type != gjson.String || resource.Str == "call" {
		return "", false
	}
	if slices.Contains(families, resource.Str) {
		return resource.Str, true
	}
	// A family may name its resource otherwise than its events.
	prefix, _, _ := strings.Cut(e.value(body, "event").Str, ".")
	if slices.Contains(families, prefix) {
		return prefix, true
	}
	return otherFamily, true
}
