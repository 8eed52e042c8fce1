package projector

import (
	"time"

	"github.com/callfold/callfold/schemas"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Projection is the whole answer for one call: what `callfold project` prints.
type Projection struct {
	CallID     int64
	Decision   Decision
	Resolution Resolution // with Log only
	Task       Task       // with Log only
}

// Project decides, matches, owns and projects one call against an org in
// memory, as on the first write of a call. A record that a setting wants to be
// created (M6) is not: the call then has no match.
func (r *Rules) Project(record schemas.CallRecord, org *OrgFile, now time.Time) Projection {
	out := Projection{CallID: record.State.ID, Decision: r.Decide(record, now)}
	if out.Decision.Action != Log {
		return out
	}
	res := Resolution{Lookup: r.Lookup(record)}
	res.Match = r.Relate(r.Choose(res.Lookup, org.Records), org.Related)
	res.Owner, res.OwnerReason = r.Own(record, res.Match, nil, org.Org)
	out.Resolution = res
	out.Task = r.Task(record, out.Decision, res, org.Org)
	return out
}

// MarshalJSONTo writes {"call_id", "decision", "rule", "why", "kind", "task",
// "reasons"}, the fields in the contract's order. A field that a rule leaves
// out is absent in task and has its reason in reasons; an empty one is null. A
// call that is not logged has neither task nor reasons.
func (p Projection) MarshalJSONTo(enc *jsontext.Encoder) error {
	w := tokenWriter{enc: enc}
	w.token(jsontext.BeginObject)
	w.member("call_id", p.CallID)
	w.member("decision", string(p.Decision.Action))
	w.member("rule", p.Decision.Rule)
	w.member("why", p.Decision.Why)
	if p.Decision.Kind != "" {
		w.member("kind", string(p.Decision.Kind))
	}
	if p.Decision.Action == Log {
		w.token(jsontext.String("task"))
		w.token(jsontext.BeginObject)
		for _, f := range p.Task.Fields {
			w.member(f.Name, f.Value)
		}
		w.token(jsontext.EndObject)
		w.token(jsontext.String("reasons"))
		w.token(jsontext.BeginObject)
		for _, list := range [][]Field{p.Task.Fields, p.Task.LeftOut} {
			for _, f := range list {
				w.member(f.Name, f.Reason)
			}
		}
		w.token(jsontext.EndObject)
	}
	w.token(jsontext.EndObject)
	return w.err
}

// tokenWriter keeps the first error of an encoder.
type tokenWriter struct {
	enc *jsontext.Encoder
	err error
}

func (w *tokenWriter) token(t jsontext.Token) {
	if w.err == nil {
		w.err = w.enc.WriteToken(t)
	}
}

func (w *tokenWriter) member(name string, value any) {
	w.token(jsontext.String(name))
	if w.err == nil {
		w.err = json.MarshalEncode(w.enc, value)
	}
}
