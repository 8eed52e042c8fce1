package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/schemas/oracle"
)

// verdict is what the checker found.
type verdict struct {
	Bodies int `json:"bodies"` // in the ledger
	Calls  int `json:"calls"`
	Tasks  int `json:"tasks"` // that must be there
	// Again counts the events that are in the topic more often than they were
	// answered: they were posted before without an answer, or the journal
	// published them twice. The fold does not mind them.
	Again int `json:"events_again"`

	Lost       int `json:"lost"`
	Duplicated int `json:"duplicated"`
	Diverged   int `json:"diverged"`

	// Findings are some of them in words.
	Findings []string `json:"findings,omitempty"`
}

// ok tells whether nothing is wrong.
func (v *verdict) ok() bool { return v.Lost == 0 && v.Duplicated == 0 && v.Diverged == 0 }

// mostFindings bounds what is told in words.
const mostFindings = 50

func (v *verdict) find(counter *int, format string, args ...any) {
	*counter++
	if len(v.Findings) < mostFindings {
		v.Findings = append(v.Findings, fmt.Sprintf(format, args...))
	}
}

// check compares everything with what the ledger means. It folds by the oracle:
// of the code under test it uses the types and the parser, and for the Tasks the
// projector, which is tested by itself.
func check(e *evidence, now time.Time) (*verdict, error) {
	v := &verdict{}
	v.events(e)
	if e.repeated > 0 {
		v.find(&v.Duplicated, "%d transactions wrote states for input that was accounted for already", e.repeated)
		v.Duplicated += e.repeated - 1
	}
	records, err := fold(e)
	if err != nil {
		return nil, err
	}
	v.Calls = len(records)
	if err := v.calls(e, records); err != nil {
		return nil, err
	}
	return v, v.tasks(e, records, now)
}

// events compares the topic events with the ledger, body by body.
func (v *verdict) events(e *evidence) {
	for d, b := range e.bodies {
		v.Bodies += b.accepted
		switch {
		case b.found < b.accepted:
			for range b.accepted - b.found {
				v.find(&v.Lost, "an event of call %d, answered with 200, is not in the topic (%d of %d)", b.call, b.found, b.accepted)
			}
		case b.accepted == 0 && e.unanswered[d] == 0:
			v.find(&v.Diverged, "an event of call %d in the topic, offset %d, was never posted", b.call, b.offset)
		case b.found > b.accepted:
			again := b.found - b.accepted
			v.Again += again
			explained := e.unanswered[d]
			if e.journaled {
				explained += twins(b.received)
			}
			for range again - explained {
				v.find(&v.Duplicated, "an event of call %d was posted %d times and is in the topic %d times", b.call, b.accepted+e.unanswered[d], b.found)
			}
		}
	}
}

// twins counts the copies beyond the first with the same time of reception.
func twins(received []int64) int {
	seen := map[int64]bool{}
	for _, at := range received {
		seen[at] = true
	}
	return len(received) - len(seen)
}

// fold gives what the records of all calls must be.
func fold(e *evidence) (map[int64]schemas.CallRecord, error) {
	file, err := os.Open(e.ledger)
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	defer file.Close()
	byCall := map[int64][]*body{}
	for _, b := range e.bodies {
		byCall[b.call] = append(byCall[b.call], b)
	}
	records := map[int64]schemas.CallRecord{}
	for id, bodies := range byCall {
		var log []oracle.Logged
		for _, b := range bodies {
			content, err := b.read(file)
			if err != nil {
				return nil, err
			}
			event, err := schemas.ParseEvent(content)
			if err != nil {
				return nil, fmt.Errorf("parsing an event of call %d: %w", id, err)
			}
			log = append(log, oracle.Logged{Event: event, Offset: b.offset})
		}
		records[id] = oracle.Records(log)[id]
	}
	return records, nil
}

// calls compares the topic calls with the oracle's records, by bytes.
func (v *verdict) calls(e *evidence, records map[int64]schemas.CallRecord) error {
	for _, id := range slices.Sorted(maps.Keys(records)) {
		got, ok := e.calls[id]
		if !ok {
			v.find(&v.Lost, "call %d is not in the topic calls", id)
			continue
		}
		want, err := schemas.Calls.Encode(records[id])
		if err != nil {
			return err
		}
		if !bytes.Equal(want, got) {
			v.find(&v.Diverged, "call %d is in the topic calls as\n    %s\n  and must be\n    %s", id, got, want)
		}
	}
	for id := range e.calls {
		if _, ok := records[id]; !ok {
			v.find(&v.Diverged, "call %d is in the topic calls, and nobody posted it", id)
		}
	}
	return nil
}
