package canary

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/callfold/callfold/schemas"
)

// The ids that are for canaries; FirstID is the one of a canary that is not told another.
const (
	FirstID = 9_000_000_000_000_001
	LastID  = 1<<53 - 1
)

// began is when the call started, was answered and ended: 1 January 2020, UTC. Salesforce
// archives a closed Task whose date is a year back: no report and no list has it then,
// and it can still be updated ("Archived Activities", SOAP API Developer Guide).
const began = 1_577_836_800

// lineName is the name of the Aircall number that was called. It is in the subject.
const lineName = "callfold canary"

// webhook is a body as Aircall posts it.
type webhook struct {
	Resource  string `json:"resource"`
	Event     string `json:"event"`
	Timestamp int64  `json:"timestamp"`
	Token     string `json:"token"`
	Data      data   `json:"data"`
}

type data struct {
	ID         int64     `json:"id"`
	Direction  string    `json:"direction"`
	Status     string    `json:"status"`
	StartedAt  int64     `json:"started_at"`
	AnsweredAt int64     `json:"answered_at"`
	EndedAt    int64     `json:"ended_at"`
	RawDigits  string    `json:"raw_digits"`
	Number     line      `json:"number"`
	Tags       []tag     `json:"tags"`
	Comments   []comment `json:"comments"`
}

type line struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	TimeZone string `json:"time_zone"`
}

type tag struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	TaggedAt int64  `json:"tagged_at"`
}

type comment struct {
	ID       int64  `json:"id"`
	Content  string `json:"content"`
	PostedAt int64  `json:"posted_at"`
}

// body is what a run sends, and the key that its event has in the trace of the call.
// The number has the id of the call, so that tasks.numbers can name it (L7).
func body(id int64, token string, now time.Time) ([]byte, schemas.Key, error) {
	stamp, at := now.UTC().Format("2006-01-02T15:04:05.000Z"), now.Unix()
	text, err := json.Marshal(webhook{
		Resource: "call", Event: "call.ended", Timestamp: at, Token: token,
		Data: data{
			ID: id, Direction: schemas.Inbound, Status: "done", StartedAt: began, AnsweredAt: began, EndedAt: began,
			RawDigits: "anonymous", Number: line{ID: id, Name: lineName, TimeZone: "Etc/UTC"},
			Tags:     []tag{{ID: 1, Name: stamp, TaggedAt: at}},
			Comments: []comment{{ID: 1, Content: lineName + " of " + stamp, PostedAt: at}},
		},
	})
	if err != nil {
		return nil, schemas.Key{}, fmt.Errorf("writing the canary's webhook: %w", err)
	}
	event, err := schemas.ParseEvent(text)
	if err != nil {
		return nil, schemas.Key{}, fmt.Errorf("reading the canary's webhook: %w", err)
	}
	return text, event.Key, nil
}
