package sfsink

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// turn is one call of Handle at work.
type turn struct {
	*Sink
	now time.Time
	// owned returns an error once the turn can only be given up.
	owned func() error
	org   *org
	jobs  []*job
	// wrote is true once a request may have changed a Task.
	wrote atomic.Bool
	// probed is true once a refused request was looked into for whether it is its rows.
	probed atomic.Bool
}

// newTurn reads the input and decides about each call; those that need
// Salesforce stay open.
func (s *Sink) newTurn(ctx context.Context, now time.Time, owned func() error, inputs []input) (*turn, error) {
	t := &turn{Sink: s, now: now, owned: owned}
	for _, in := range inputs {
		if err := t.read(in); err != nil {
			return nil, err
		}
	}
	if err := t.readBulk(ctx); err != nil {
		return nil, err
	}
	for _, j := range t.open() {
		j.decide()
	}
	if len(t.open()) > 0 {
		err := s.governor.room(ctx)
		if err == nil {
			t.org, err = s.theOrg(ctx)
		}
		if err == nil {
			err = t.revive(ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

// read makes a job for each call of a partition: the newest of its records, or
// the state that is parked and due.
func (t *turn) read(in input) error {
	byKey := map[string]*job{}
	add := func(key string, record schemas.CallRecord, arrived, repeated bool) error {
		if j := byKey[key]; j != nil {
			j.record = record // later in the log is newer
			return nil
		}
		prev, _, err := in.Get(key)
		if err != nil {
			return err
		}
		// What was due may have been written by a turn that did not commit, also when
		// a newer state has come meanwhile.
		repeated = repeated || prev.NextAttempt != 0 && time.UnixMilli(prev.NextAttempt).Before(in.since.Add(clockSkew))
		j := &job{turn: t, states: in.states, key: key, record: record, prev: prev, arrived: arrived, repeated: repeated}
		byKey[key] = j
		t.jobs = append(t.jobs, j)
		return nil
	}
	for i, r := range in.records {
		if r.Value == nil {
			continue // a state that no event makes was taken away ('callfold verify --repair')
		}
		record, err := Decode(r)
		if rejection := (*schemas.Rejection)(nil); errors.As(err, &rejection) {
			if err := in.Reject(r, rejection.Reason, rejection.Detail); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if err := add(string(r.Key), record, true, i < in.repeats); err != nil {
			return err
		}
	}
	for _, key := range in.due {
		if byKey[key] != nil {
			continue
		}
		prev, _, err := in.Get(key)
		if err != nil {
			return err
		}
		if prev.Parked == nil {
			// Nothing of ours writes this; the timer must end all the same.
			s := prev
			s.NextAttempt = 0
			in.Put(key, s)
			t.log.Error("a call was due but has no state to look at", "call_id", key, "result", prev.Result)
			continue
		}
		if err := add(key, *prev.Parked, false, false); err != nil {
			return err
		}
	}
	return nil
}

// Decode reads a record of the topic calls. The error is a [*schemas.Rejection]
// for what can never be read, or [schemas.ErrNewerSchema].
func Decode(r *kgo.Record) (schemas.CallRecord, error) {
	record, err := schemas.Calls.Decode(stream.Header(r, schemas.HeaderSchema), r.Value)
	switch {
	case errors.Is(err, schemas.ErrNewerSchema):
		return record, err
	case errors.Is(err, schemas.ErrUnknownSchema):
		return record, &schemas.Rejection{Reason: schemas.NotACall, Detail: "the record's schema header is not that of a call"}
	case err != nil:
		return record, &schemas.Rejection{Reason: schemas.NotJSON, Detail: "the record is not the JSON of a call"}
	case string(r.Key) != strconv.FormatInt(record.State.ID, 10):
		return record, &schemas.Rejection{Reason: schemas.KeyMismatch, Detail: "the record's key is not the state's call id"}
	}
	return record, nil
}

// open are the calls without an outcome.
func (t *turn) open() []*job {
	var open []*job
	for _, j := range t.jobs {
		if j.outcome == nil {
			open = append(open, j)
		}
	}
	return open
}

// news is of how many calls something came in, and how many an operator wants to have
// rewritten.
func (t *turn) news() (calls, rewrites int) {
	for _, j := range t.jobs {
		switch {
		case j.rewrite:
			rewrites++
		case j.arrived:
			calls++
		}
	}
	return calls, rewrites
}
