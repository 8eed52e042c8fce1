package projector

import (
	"slices"

	"github.com/callfold/callfold/schemas"
)

// Resolution is whom a call belongs to: what was looked up, matched and chosen
// for it. Match and Owner are nil for none.
type Resolution struct {
	Lookup      Lookup
	Match       *schemas.Match
	Owner       *schemas.Owner
	OwnerReason schemas.Reason
}

// Field is one field of a Task.
type Field struct {
	Name    string // API name
	Logical string // the name in the setting tasks.fields
	// Value is a string, an int64, a bool, or nil for empty. For a field that is
	// left out it is nil too.
	Value any
	// Compare is what a change is to be judged by: Value without the signatures
	// of media links, which are new on every event (F11).
	Compare any
	// CreateOnly fields can be sent at creation only.
	CreateOnly bool
	Reason     schemas.Reason
}

// Task is the Task wanted. The external id is not among its fields (L1): it is
// the call's id, under the name of the setting tasks.external_id_field.
type Task struct {
	// Fields are what to write, in the order of the contract's table.
	Fields []Field
	// LeftOut are fields that a rule leaves as they are in Salesforce.
	LeftOut []Field
}

// Reasons are the reasons of all fields by API name, also of those left out.
func (t Task) Reasons() map[string]schemas.Reason {
	out := make(map[string]schemas.Reason, len(t.Fields)+len(t.LeftOut))
	for _, list := range [][]Field{t.Fields, t.LeftOut} {
		for _, f := range list {
			out[f.Name] = f.Reason
		}
	}
	return out
}

// projection is all that a field may be computed from.
type projection struct {
	rules    *Rules
	call     *schemas.Call
	trace    *schemas.Trace
	decision Decision
	Resolution

	// Views that several fields need.
	answerer *schemas.Agent
	handed   []handover
	media    media
	number   string      // the Aircall number in E.164 without "+"
	answered schemas.Key // of the event that told answered_at
	created  schemas.Key // of the event that told started_at

	// named are the events that were named so far: most fields come from the
	// same few.
	named []namedEvent
	// names is the memory that the reasons' lists of events are parts of.
	names []string
}

type namedEvent struct {
	key  schemas.Key
	name string
}

// event names the event of a key, empty for the zero key.
func (p *projection) event(k schemas.Key) string {
	for i := range p.named {
		if p.named[i].key == k {
			return p.named[i].name
		}
	}
	name := p.trace.EventAt(k)
	p.named = append(p.named, namedEvent{k, name})
	return name
}

// because is a reason with the names of the events of some keys.
func (p *projection) because(why string, keys []schemas.Key) schemas.Reason {
	start := len(p.names)
	for _, k := range keys {
		if k.IsZero() {
			continue
		}
		if name := p.event(k); !slices.Contains(p.names[start:], name) {
			p.names = append(p.names, name)
		}
	}
	out := schemas.Reason{Why: why}
	if end := len(p.names); end > start {
		out.Events = p.names[start:end:end]
	}
	return out
}

// Task computes the Task wanted for a call that Decide says to log.
func (r *Rules) Task(record schemas.CallRecord, d Decision, res Resolution, org Org) Task {
	p := &projection{rules: r, call: &record.State, trace: &record.Trace, decision: d, Resolution: res}
	p.named = make([]namedEvent, 0, 12)
	p.names = make([]string, 0, 3*len(r.fields)/2)
	p.answerer = answerer(p.call)
	p.handed = handovers(p.call)
	p.media = mediaOf(p.call, d.Kind)
	p.number = r.aircallNumber(p.call)
	p.answered = firstWith(p.trace, "call.answered", p.call.AnsweredAt)
	p.created = firstWith(p.trace, "call.created", p.call.StartedAt)

	t := Task{Fields: make([]Field, 0, len(r.fields))}
	for i := range r.fields {
		def := &r.fields[i]
		info, known := org.TaskFields[def.name]
		f := Field{Name: def.name, Logical: def.logical, CreateOnly: def.createOnly}
		if known && !info.Createable && !info.Updateable {
			f.Reason = schemas.Reason{Rule: def.rule, Why: "Left out: the integration user can write this field neither at creation nor later, as describe shows (a formula, or field-level security)."}
			t.LeftOut = append(t.LeftOut, f)
			continue
		}
		if known && info.Createable && !info.Updateable {
			f.CreateOnly = true
		}
		c := def.compute(p, def.longest(info))
		f.Reason = c.reason
		if f.Reason.Rule == "" {
			f.Reason.Rule = def.rule
		}
		if c.absent {
			t.LeftOut = append(t.LeftOut, f)
			continue
		}
		f.Value, f.Compare = c.value, c.value
		if c.compare != nil {
			f.Compare = c.compare
		}
		t.Fields = append(t.Fields, f)
	}
	return t
}

// is makes a cell of a value.
func (p *projection) is(value any, why string, keys ...schemas.Key) cell {
	return cell{value: value, reason: p.because(why, keys)}
}

// text makes a cell of a text, cut to limit; an empty text makes an empty field.
func (p *projection) text(s string, limit int, why string, keys ...schemas.Key) cell {
	c := cell{reason: p.because(why, keys)}
	if s != "" {
		c.value = cut(s, limit)
	}
	return c
}
