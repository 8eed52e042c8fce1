package verify

import (
	"fmt"
	"strconv"

	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/schemas"
)

// mostHot is how many decoded states are held in memory, in each of two halves: some
// 4 KiB each. The events of a call lie near each other in the log, so most states go
// to the table once.
var mostHot = 4_000 // of tests: fewer

// states are the states of a partition: those that were folded last decoded in
// memory, all others in a table. What is in young was used since the last change
// of generations, what is in old only before.
type states struct {
	table      *table.Table
	young, old map[int64]*schemas.CallRecord
	written    seen // the calls whose states the table may have
	changes    []table.Change
}

func newStates(t *table.Table) *states {
	return &states{table: t, young: map[int64]*schemas.CallRecord{}, old: map[int64]*schemas.CallRecord{}, written: newSeen()}
}

// fold adds an event to its call's state.
func (s *states) fold(e schemas.Event, offset int64) error {
	record, err := s.get(e.CallID)
	if err != nil {
		return err
	}
	*record = schemas.Fold(*record, e, offset)
	if len(s.young) < mostHot {
		return nil
	}
	if err := s.write(s.old); err != nil {
		return err
	}
	s.old, s.young = s.young, make(map[int64]*schemas.CallRecord, mostHot)
	return nil
}

func (s *states) get(id int64) (*schemas.CallRecord, error) {
	if record := s.young[id]; record != nil {
		return record, nil
	}
	record := s.old[id]
	switch {
	case record != nil:
		delete(s.old, id)
	case s.written.has(id):
		var err error
		if record, err = s.load(id); err != nil {
			return nil, err
		}
	default:
		record = new(schemas.CallRecord)
	}
	s.young[id] = record
	return record, nil
}

// load reads the state of a call from the table.
func (s *states) load(id int64) (*schemas.CallRecord, error) {
	record := new(schemas.CallRecord)
	value, ok, err := s.table.Get(strconv.FormatInt(id, 10))
	if err != nil || !ok {
		return record, err
	}
	if *record, err = schemas.Calls.Decode(schemas.Calls.Schema(), value); err != nil {
		return nil, fmt.Errorf("reading what was folded: %w", err)
	}
	return record, nil
}

// flush writes all states to the table.
func (s *states) flush() error {
	if err := s.write(s.old); err != nil {
		return err
	}
	return s.write(s.young)
}

func (s *states) write(records map[int64]*schemas.CallRecord) error {
	for id, record := range records {
		value, err := schemas.Calls.Encode(*record)
		if err != nil {
			return fmt.Errorf("encoding the state of %d: %w", id, err)
		}
		s.written.add(id)
		s.changes = append(s.changes, table.Change{Key: strconv.FormatInt(id, 10), Value: value})
		if len(s.changes) == together {
			if err := s.apply(); err != nil {
				return err
			}
		}
	}
	return s.apply()
}

func (s *states) apply() error {
	err := s.table.Apply(s.changes, table.Checkpoint{})
	s.changes = s.changes[:0]
	return err
}
