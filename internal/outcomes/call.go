package outcomes

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidwall/gjson"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/schemas"
)

// Call is the newest outcome of a call, as far as a list shows it.
type Call struct {
	ID int64
	*Verdict
	// DecidedAt is when the sink decided, NextAttempt when it looks at the call
	// again, both in UNIX milliseconds; a NextAttempt of 0 is when its state changes.
	DecidedAt   int64
	NextAttempt int64
	// Attempts counts the failed writes since the last success.
	Attempts int
	// TaskID is the Task's Salesforce id, empty while none is known.
	TaskID string

	// stateHash is the hash of the state that the outcome is about.
	stateHash string
	// retried is the time of the newest retry command that was obeyed, in UNIX
	// seconds, 0 for none.
	retried int64
}

// Verdict is what many calls have in common: how the last look at them ended, and
// why.
type Verdict struct {
	Result schemas.Result
	Rule   string
	Kind   string
	// Code, Class, Fields (API names, separated by commas) and Fix are of the error
	// of a retrying or rejected call.
	Code, Class, Fields, Fix string
}

var errOutcome = errors.New("not an outcome: it has no result")

// parse reads what a list shows of the outcome of the call with this id; verdicts
// holds one of each. Outcomes are large, of reasons mostly, and there may be
// millions: they are only searched.
func parse(id int64, value []byte, verdicts map[Verdict]*Verdict) (Call, error) {
	c := Call{ID: id}
	var v Verdict
	gjson.ParseBytes(value).ForEach(func(name, value gjson.Result) bool {
		switch name.Str {
		case "result":
			v.Result = schemas.Result(value.Str)
		case "rule":
			v.Rule = value.Str
		case "kind":
			v.Kind = value.Str
		case "state_hash":
			c.stateHash = strings.Clone(value.Str)
		case "decided_at":
			c.DecidedAt = value.Int()
		case "task_id":
			c.TaskID = strings.Clone(value.Str)
		case "attempts":
			c.Attempts = int(value.Int())
		case "next_attempt":
			c.NextAttempt = value.Int()
		case "obeyed":
			c.retried = timeOf(value.Get("retry").Str)
		case "error":
			v.problem(value)
		}
		return true
	})
	if v.Result == "" {
		return c, errOutcome
	}
	c.Verdict = verdicts[v]
	if c.Verdict == nil {
		c.Verdict = v.clone()
		verdicts[*c.Verdict] = c.Verdict
	}
	return c, nil
}

// timeOf is the time of a key in its text form, 0 where there is none.
func timeOf(key string) int64 {
	var k schemas.Key
	if key == "" || k.UnmarshalText([]byte(key)) != nil {
		return 0
	}
	return k.Time
}

// problem takes over what is shown of an error.
func (v *Verdict) problem(e gjson.Result) {
	v.Code, v.Class, v.Fix = e.Get("code").Str, e.Get("class").Str, e.Get("fix").Str
	var fields []string
	for _, f := range e.Get("fields").Array() {
		fields = append(fields, f.Str)
	}
	v.Fields = strings.Join(fields, ", ")
}

// clone is a copy that does not keep the text of a whole outcome in memory.
func (v *Verdict) clone() *Verdict {
	return &Verdict{
		Result: schemas.Result(strings.Clone(string(v.Result))), Rule: strings.Clone(v.Rule), Kind: strings.Clone(v.Kind),
		Code: strings.Clone(v.Code), Class: strings.Clone(v.Class), Fields: strings.Clone(v.Fields), Fix: strings.Clone(v.Fix),
	}
}

// MarshalJSONTo writes a call with the names of the topic's records, times as in
// RFC 3339.
func (c Call) MarshalJSONTo(e *jsontext.Encoder) error {
	var fields []string
	if c.Fields != "" {
		fields = strings.Split(c.Fields, ", ")
	}
	var next time.Time
	if c.NextAttempt != 0 {
		next = time.UnixMilli(c.NextAttempt).UTC()
	}
	return json.MarshalEncode(e, struct {
		CallID      int64          `json:"call_id"`
		Result      schemas.Result `json:"result"`
		Rule        string         `json:"rule,omitzero"`
		Kind        string         `json:"kind,omitzero"`
		DecidedAt   time.Time      `json:"decided_at"`
		TaskID      string         `json:"task_id,omitzero"`
		Code        string         `json:"code,omitzero"`
		Class       string         `json:"class,omitzero"`
		Fields      []string       `json:"fields,omitempty"`
		Fix         string         `json:"fix,omitzero"`
		Attempts    int            `json:"attempts,omitzero"`
		NextAttempt time.Time      `json:"next_attempt,omitzero"`
	}{c.ID, c.Result, c.Rule, c.Kind, time.UnixMilli(c.DecidedAt).UTC(), c.TaskID, c.Code, c.Class, fields, c.Fix, c.Attempts, next})
}

// Retry is the command that makes the sink try the call again.
func (c Call) Retry() command.Command {
	return command.Command{Event: schemas.EventRetry, CallID: c.ID, StateHash: c.stateHash, After: c.retried}
}

// newestFirst orders calls by when they were decided, then by their ids.
func newestFirst(a, b Call) int {
	return cmp.Or(cmp.Compare(b.DecidedAt, a.DecidedAt), cmp.Compare(a.ID, b.ID))
}
