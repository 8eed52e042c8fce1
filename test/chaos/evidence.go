package main

import (
	"fmt"
	"io"

	"github.com/tidwall/gjson"
)

// evidence is what a run left behind, for the checker: the ledger, and what is
// in the topics and in Salesforce.
type evidence struct {
	ledger string // its file
	// bodies are those of the ledger, and those of the topic events that are not
	// in the ledger.
	bodies map[digest]*body
	// unanswered counts, by body, the posts that got no 200.
	unanswered map[digest]int
	// journaled tells whether any ingest wrote to its journal: then a body may
	// come twice with one time of reception.
	journaled bool
	calls     map[int64][]byte // the newest record of each call
	nextInput map[int32]int64  // by partition of calls
	// repeated counts the transactions that accounted for input that was
	// accounted for already.
	repeated int
	// tasks are all records of Salesforce's Task.
	tasks []map[string]any
}

// body is a webhook body and where it was found.
type body struct {
	call     int64
	at       int64 // its place in the ledger
	accepted int   // times in the ledger
	found    int   // times in the topic
	offset   int64 // the lowest in the topic
	received []int64
	content  []byte // of one that is not in the ledger
}

// read gives the body as the topic must hold it.
func (b *body) read(ledger io.ReaderAt) ([]byte, error) {
	if b.content != nil {
		return b.content, nil
	}
	content, err := bodyAt(ledger, b.at)
	return stored(content), err
}

func newEvidence(ledger string, unanswered map[digest]int) *evidence {
	return &evidence{
		ledger: ledger, unanswered: unanswered, bodies: map[digest]*body{},
		calls: map[int64][]byte{}, nextInput: map[int32]int64{},
	}
}

// readLedger enters all bodies of the ledger.
func (e *evidence) readLedger() error {
	return readLedger(e.ledger, func(at int64, content []byte) error {
		content = stored(content)
		d := digestOf(content)
		b := e.bodies[d]
		if b == nil {
			id := gjson.GetBytes(content, "data.id").Int()
			if id == 0 {
				return fmt.Errorf("reading the ledger at %d: a body without a call id", at)
			}
			b = &body{call: id, at: at}
			e.bodies[d] = b
		}
		b.accepted++
		return nil
	})
}

// addEvent enters a record of the topic events. The ledger must be read before.
func (e *evidence) addEvent(content []byte, offset, received int64) {
	d := digestOf(content)
	b := e.bodies[d]
	if b == nil {
		b = &body{call: gjson.GetBytes(content, "data.id").Int(), content: content}
		e.bodies[d] = b
	}
	if b.found == 0 || offset < b.offset {
		b.offset = offset
	}
	b.found++
	b.received = append(b.received, received)
}

// addNextInput enters how far the input of a partition is accounted for by a
// transaction, in the order of the transactions.
func (e *evidence) addNextInput(partition int32, next int64) {
	if next <= e.nextInput[partition] {
		e.repeated++
	}
	e.nextInput[partition] = next
}
