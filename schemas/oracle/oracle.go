package oracle

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/callfold/callfold/schemas"
)

// Logged is an event with the offset at which it came.
type Logged struct {
	Event  schemas.Event
	Offset int64
}

// Fold gives the final states of all calls in bodies, by call id. What is no
// call event is passed over.
func Fold(bodies [][]byte) map[int64]schemas.Call {
	var log []Logged
	for i, body := range bodies {
		if e, err := schemas.ParseEvent(body); err == nil {
			log = append(log, Logged{e, int64(i)})
		}
	}
	states := map[int64]schemas.Call{}
	for id, r := range Records(log) {
		states[id] = r.State
	}
	return states
}

// Records gives the final records of all calls in log, by call id.
func Records(log []Logged) map[int64]schemas.CallRecord {
	byCall := map[int64][]Logged{}
	for _, l := range log {
		byCall[l.Event.CallID] = append(byCall[l.Event.CallID], l)
	}
	records := map[int64]schemas.CallRecord{}
	for id, events := range byCall {
		records[id] = schemas.CallRecord{State: state(id, events), Trace: trace(events)}
	}
	return records
}

// state applies the events of one call in order.
func state(id int64, log []Logged) schemas.Call {
	events := distinct(log)
	slices.SortStableFunc(events, func(a, b schemas.Event) int { return a.Key.Compare(b.Key) })

	var erasure schemas.Latest[schemas.Command]
	for _, e := range events {
		set(&erasure, schemas.Of(e).Erased)
	}
	if erasure.Known() {
		return schemas.Call{ID: id, Newest: erasure.At, Erased: erasure}
	}

	c := schemas.Call{ID: id}
	for _, e := range events {
		apply(&c, e)
	}
	slices.SortFunc(c.Agents, func(a, b schemas.Agent) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	c.Agents = c.Agents[:min(len(c.Agents), 100)]
	for i := range c.Agents {
		c.Agents[i].Seen = c.Agents[i].Seen[:min(len(c.Agents[i].Seen), 16)]
	}
	c.Transfers = c.Transfers[max(0, len(c.Transfers)-16):]
	return c
}

// distinct drops the duplicates.
func distinct(log []Logged) (events []schemas.Event) {
	for _, l := range log {
		if !slices.ContainsFunc(events, func(e schemas.Event) bool { return reflect.DeepEqual(e, l.Event) }) {
			events = append(events, l.Event)
		}
	}
	return events
}

// apply brings a state up to the next event.
func apply(c *schemas.Call, e schemas.Event) {
	said := schemas.Of(e)
	c.Newest = e.Key
	set(&c.UUID, said.UUID)
	if !c.Direction.Known() {
		c.Direction = said.Direction
	}
	if said.Status > c.Status {
		c.Status = said.Status
	}
	setEarliest(&c.StartedAt, said.StartedAt)
	setEarliest(&c.AnsweredAt, said.AnsweredAt)
	set(&c.EndedAt, said.EndedAt)
	setEarliest(&c.EndedEvent, said.EndedEvent)
	if said.VoicemailLeft {
		c.VoicemailLeft = true
	}
	if said.Conference {
		c.Conference = true
	}
	set(&c.MissedReason, said.MissedReason)
	set(&c.External, said.External)
	set(&c.Number.ID, said.Number.ID)
	set(&c.Number.Name, said.Number.Name)
	set(&c.Number.Digits, said.Number.Digits)
	set(&c.Number.Country, said.Number.Country)
	set(&c.Number.TimeZone, said.Number.TimeZone)
	set(&c.Contact, said.Contact)
	for _, agent := range said.Agents {
		applyAgent(c, e, agent)
	}
	for _, t := range said.Transfers {
		if !slices.Contains(c.Transfers, t) {
			c.Transfers = append(c.Transfers, t)
		}
	}
	set(&c.RESTTransfer, said.RESTTransfer)
	set(&c.ExternalTransfer, said.ExternalTransfer)
	set(&c.AssignedTo, said.AssignedTo)
	set(&c.Archived, said.Archived)
	set(&c.IVROptions, said.IVROptions)
	set(&c.Recording, said.Recording)
	set(&c.Voicemail, said.Voicemail)
	set(&c.Asset, said.Asset)
	set(&c.Tags, said.Tags)
	set(&c.Comments, said.Comments)
	set(&c.Rewrite, said.Rewrite)
	set(&c.Rematch, said.Rematch)
	set(&c.Retry, said.Retry)
}

// set overwrites a field with what an event said, if it said anything. Of two
// events with one key, which Aircall signed anew, the greater value counts.
func set[T any](field *schemas.Latest[T], said schemas.Latest[T]) {
	if !said.Known() {
		return
	}
	if field.At == said.At && strings.Compare(fmt.Sprint(field.Value), fmt.Sprint(said.Value)) > 0 {
		return
	}
	*field = said
}

// setEarliest overwrites a time with an earlier one.
func setEarliest(field *int64, said int64) {
	if said != 0 && (*field == 0 || said < *field) {
		*field = said
	}
}

// applyAgent notes that an event had this user.
func applyAgent(c *schemas.Call, e schemas.Event, said schemas.Agent) {
	i := slices.IndexFunc(c.Agents, func(a schemas.Agent) bool { return a.ID == said.ID })
	if i < 0 {
		c.Agents = append(c.Agents, schemas.Agent{ID: said.ID})
		i = len(c.Agents) - 1
	}
	agent := &c.Agents[i]
	agent.At = e.Key
	set(&agent.Name, said.Name)
	set(&agent.Email, said.Email)
	if !slices.Contains(agent.Seen, e.Key.Time) {
		agent.Seen = append(agent.Seen, e.Key.Time)
	}
}

// trace lists the newest 32 events, each with its lowest offset.
func trace(log []Logged) schemas.Trace {
	type identity struct {
		at    schemas.Key
		event string
	}
	offsets := map[identity]int64{}
	for _, l := range log {
		id := identity{l.Event.Key, l.Event.Name}
		if offset, ok := offsets[id]; !ok || l.Offset < offset {
			offsets[id] = l.Offset
		}
	}
	var t schemas.Trace
	for id, offset := range offsets {
		t.Events = append(t.Events, schemas.TraceEvent{At: id.at, Event: id.event, Offset: offset})
	}
	slices.SortFunc(t.Events, func(a, b schemas.TraceEvent) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.Event, b.Event)
	})
	t.Events = t.Events[max(0, len(t.Events)-32):]
	return t
}
