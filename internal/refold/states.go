package refold

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/eventlog"
	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/schemas"
)

// together is how many changes go into a table at once.
const together = 1000

// mostHot is how many decoded states are held in memory, in each of two halves: some
// 4 KiB each. The events of a call lie near each other in the log, so most states go
// to the table once.
var mostHot = 4_000 // of tests: fewer

// States are the states of a partition: those that were folded last decoded in
// memory, all others in a table. What is in young was used since the last change
// of generations, what is in old only before.
type States struct {
	// Folded and Unfoldable count the records by whether they could be folded.
	Folded, Unfoldable int64

	table      *table.Table
	young, old map[int64]*schemas.CallRecord
	written    seen // the calls whose states the table may have
	changes    []table.Change
}

// NewStates begins with an empty table, in which all states are after [States.Flush].
func NewStates(t *table.Table) *States {
	return &States{table: t, young: map[int64]*schemas.CallRecord{}, old: map[int64]*schemas.CallRecord{}, written: newSeen()}
}

// Fold folds a record of the topic events as the processor does. One that cannot be
// folded, which is in the topic rejected, is only counted.
func (s *States) Fold(r *kgo.Record) error {
	event, err := eventlog.Read(r)
	if rejection := (*schemas.Rejection)(nil); errors.As(err, &rejection) {
		s.Unfoldable++
		return nil
	}
	if err == nil {
		err = s.add(event, r.Offset)
	}
	if err != nil {
		return fmt.Errorf("partition %d, offset %d: %w", r.Partition, r.Offset, err)
	}
	s.Folded++
	return nil
}

// add adds an event to its call's state.
func (s *States) add(e schemas.Event, offset int64) error {
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

func (s *States) get(id int64) (*schemas.CallRecord, error) {
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
func (s *States) load(id int64) (*schemas.CallRecord, error) {
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

// Flush writes all states to the table.
func (s *States) Flush() error {
	if err := s.write(s.old); err != nil {
		return err
	}
	return s.write(s.young)
}

func (s *States) write(records map[int64]*schemas.CallRecord) error {
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

func (s *States) apply() error {
	err := s.table.Apply(s.changes, table.Checkpoint{})
	s.changes = s.changes[:0]
	return err
}
