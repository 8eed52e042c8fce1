package history

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/jsondiff"
	"github.com/callfold/callfold/schemas"
)

// Change is a field of the state that an event changed.
type Change struct {
	// Field is its name in the state, such as number.name.
	Field string `json:"field"`
	// Before and After are its values, without the keys of the events that they are
	// from; nil where the field was not known.
	Before jsontext.Value `json:"before,omitzero"`
	After  jsontext.Value `json:"after,omitzero"`
}

// fold folds the events that the log has, in their own order, and notes what each
// changed. Of an erased call nothing is told: its state stays what it is.
func (c *Call) fold(records []*kgo.Record) {
	var record schemas.CallRecord
	if c.Erased() {
		record.State = c.record.State
	}
	c.after = make([]schemas.Call, len(records))
	for i, r := range records {
		before := record.State
		if e, ok := parsed(r, c.ID); ok {
			record = schemas.Fold(record, e, r.Offset)
		}
		c.after[i] = record.State
		if came := receivedFirst(r, c.Events[i]); c.began.IsZero() || came.Before(c.began) {
			c.began = came
		}
		switch {
		case !c.Erased():
			c.Events[i].Changed = changes(before, record.State)
		case !schemas.IsCommand(c.Events[i].Name):
			c.Events[i].What = ""
		}
	}
	c.Partial = record.State.Hash() != c.StateHash
}

// receivedFirst is when an event was received, or published where that clock was behind.
func receivedFirst(r *kgo.Record, e Event) time.Time {
	if r != nil && r.Timestamp.Before(e.ReceivedAt) {
		return r.Timestamp
	}
	return e.ReceivedAt
}

// parsed reads an event of the call; ok is false where the log does not have it.
func parsed(r *kgo.Record, id int64) (e schemas.Event, ok bool) {
	if r == nil {
		return e, false
	}
	e, err := schemas.ParseEvent(r.Value)
	return e, err == nil && e.CallID == id
}

// changes are the fields in which two states differ, by name.
func changes(before, after schemas.Call) []Change {
	var changed []Change
	// States come from the codec, so they are JSON.
	differences, _ := jsondiff.Members(values(before), values(after))
	for _, d := range differences {
		changed = append(changed, Change{d.Path, d.A, d.B})
	}
	return changed
}

// values is a state as JSON, without the keys of the events that its fields are
// from: nearly every event is newer than the last, and that is no news.
func values(c schemas.Call) []byte {
	state, err := c.Encode()
	if err != nil {
		return nil
	}
	var members map[string]jsontext.Value
	if json.Unmarshal(state, &members) != nil {
		return nil
	}
	delete(members, "id")
	stripped, err := json.Marshal(without(members), json.Deterministic(true))
	if err != nil {
		return nil
	}
	return stripped
}

// without takes away keys from the members of an object, and gives each
// {"at": …, "v": VALUE} as its VALUE.
func without(members map[string]jsontext.Value) map[string]jsontext.Value {
	for _, name := range []string{"newest", "at", "seen"} {
		delete(members, name)
	}
	for name, v := range members {
		members[name] = plain(v)
	}
	return members
}

func plain(v jsontext.Value) jsontext.Value {
	var stripped any
	switch v.Kind() {
	case '{':
		var members map[string]jsontext.Value
		if json.Unmarshal(v, &members) != nil {
			return v
		}
		members = without(members)
		if value, latest := members["v"]; latest && len(members) == 1 {
			return value
		}
		stripped = members
	case '[':
		var list []jsontext.Value
		if json.Unmarshal(v, &list) != nil {
			return v
		}
		for i := range list {
			list[i] = plain(list[i])
		}
		stripped = list
	default:
		return v
	}
	text, err := json.Marshal(stripped, json.Deterministic(true))
	if err != nil {
		return v
	}
	return text
}
