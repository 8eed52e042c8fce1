package sfsim

import (
	"strings"
	"time"
)

// locks are what the writing requests under way hold of the org, so that others
// cannot have it. They are guarded by [Server.mu].
//
// A request that takes time does its work at once, takes it back, and puts it
// into the tables when its time has passed ([Server.writeDuring]). Nobody sees
// its work before that, and nobody comes in between: what it changed, and what
// Salesforce locks together with it, is locked.
type locks struct {
	rows     map[string]*tx           // by record Id
	values   map[uniqueValue]reserved // what will be in unique fields
	added    map[string]int           // by object: records that will be there
	released chan struct{}            // closed when a request lets go
}

// uniqueValue is a value of a unique field, in lower case.
type uniqueValue struct {
	field *field
	value string
}

// reserved is the record that will have a unique value, and whose it is.
type reserved struct {
	tx *tx
	id string
}

func newLocks() locks {
	return locks{rows: map[string]*tx{}, values: map[uniqueValue]reserved{}, added: map[string]int{}, released: make(chan struct{})}
}

// lockedFields are the references whose targets are locked together with a record
// ("Record Locking Cheat Sheet", Salesforce; Tasks by the matrix there). A
// lookup that Salesforce locks in some orgs only is locked here in all.
var lockedFields = map[string][]string{
	"Task":        {"AccountId", "WhoId", "WhatId"},
	"Contact":     {"AccountId"},
	"Case":        {"AccountId", "ContactId"},
	"Opportunity": {"AccountId"},
}

// lock takes the locks of one change: old is nil for a new record, next is nil for
// one that is deleted. A change of a record locks it, and what its references name
// before and after; a new record locks what it names, but for a Task that is
// completed or has no date, which locks nothing.
func (t *tx) lock(o *object, old, next row) *rowError {
	held := t.s.locks.rows
	if t.load || !t.takesTime && len(held) == 0 {
		return nil
	}
	var ids []string
	if old != nil {
		ids = append(ids, old.text(o.id))
	}
	free := o.name == "Task" && old == nil && (next.flag(o.at("IsClosed")) || next[o.at("ActivityDate")] == nil)
	for _, r := range []row{old, next} {
		if r == nil || free {
			continue
		}
		for _, name := range lockedFields[o.name] {
			if id := r.text(o.at(name)); id != "" {
				ids = append(ids, id)
			}
		}
	}
	for _, id := range ids {
		if held[id] != nil {
			t.blocked = true
			return refuse("UNABLE_TO_LOCK_ROW", nil, "unable to obtain exclusive access to this record or 1 records: %s", id)
		}
	}
	t.locked = append(t.locked, ids...)
	return nil
}

// writeDuring runs a change of the org that takes as long as pause does (nil: no
// time), as one transaction. It is seen, and durable, when it returns nil.
func (s *Server) writeDuring(pause func(), work func(*tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.attempt(pause != nil, work)
	if err != nil {
		return err
	}
	if pause != nil || len(t.after) > 0 {
		s.suspend(t, pause)
	}
	return t.commit(nil)
}

// attempt does the work. When a lock that it needs is held, it is taken back and
// done again as soon as any lock was released, until [Options.LockWait] is over:
// then the rows that still need one are refused.
func (s *Server) attempt(takesTime bool, work func(*tx) error) (*tx, error) {
	var timeout <-chan time.Time
	for patient := s.options.LockWait > 0; ; {
		t := s.begin()
		t.takesTime = takesTime
		if err := work(t); err != nil {
			t.rollback(0)
			return nil, err
		}
		if !t.blocked || !patient {
			return t, nil
		}
		t.rollback(0)
		if timeout == nil {
			timeout = time.After(s.options.LockWait)
		}
		released := s.locks.released
		s.mu.Unlock()
		select {
		case <-released:
		case <-timeout:
			patient = false
		}
		s.mu.Lock()
	}
}

// suspend lets time pass between a request's work and its effect, with the
// request's locks held and the server's lock free for others.
func (s *Server) suspend(t *tx, pause func()) {
	work := t.takeBack()
	t.claim(work)
	s.mu.Unlock()
	if pause != nil {
		pause()
	}
	// Whoever lost the race for a unique value learns of it when the winner is
	// through. A request only ever waits for ones that worked before it, so they
	// never wait for each other.
	for _, winner := range t.after {
		<-winner.done
	}
	s.mu.Lock()
	t.release(work)
	for _, c := range work {
		t.put(c.table, c.id, c.new)
	}
}

// pending is one record's change as a whole, while it waits for its time.
type pending struct {
	table *table
	id    string
	new   row
	added bool
}

// takeBack undoes the transaction's changes and returns them.
func (t *tx) takeBack() []pending {
	var out []pending
	seen := map[string]bool{}
	for _, c := range t.changes {
		if !seen[c.id] {
			seen[c.id] = true
			out = append(out, pending{c.table, c.id, c.table.get(c.id), c.old == nil})
		}
	}
	t.rollback(0)
	return out
}

// claim marks as taken what the suspended work locks and what it will put into unique fields.
func (t *tx) claim(work []pending) {
	l := &t.s.locks
	t.done = make(chan struct{})
	for _, c := range work {
		t.locked = append(t.locked, c.id)
		if c.added {
			l.added[c.table.object.name]++
		}
		for _, key := range c.uniqueValues() {
			if _, taken := l.values[key]; !taken {
				l.values[key] = reserved{t, c.id}
			}
		}
	}
	for _, id := range t.locked {
		if l.rows[id] == nil {
			l.rows[id] = t
		}
	}
}

func (c pending) uniqueValues() (keys []uniqueValue) {
	o := c.table.object
	if c.new == nil || c.new.flag(o.isDeleted) {
		return nil
	}
	for _, f := range o.uniques {
		if v := c.new.text(f.index); v != "" && f.unique {
			keys = append(keys, uniqueValue{f, strings.ToLower(v)})
		}
	}
	return keys
}

// release ends what claim began.
func (t *tx) release(work []pending) {
	l := &t.s.locks
	for _, c := range work {
		if c.added {
			l.added[c.table.object.name]--
		}
		for _, key := range c.uniqueValues() {
			if l.values[key].tx == t {
				delete(l.values, key)
			}
		}
	}
	for _, id := range t.locked {
		if l.rows[id] == t {
			delete(l.rows, id)
		}
	}
	close(t.done)
	close(l.released)
	l.released = make(chan struct{})
}

// lostRace finds the record of a request under way that will have this value in a
// unique field: two requests that create one key at the same time both believe
// that it is free, and the database lets only the first one have it.
func (t *tx) lostRace(f *field, value string) (id string, lost bool) {
	winner, lost := t.s.locks.values[uniqueValue{f, strings.ToLower(value)}]
	if lost {
		t.after = append(t.after, winner.tx)
	}
	return winner.id, lost
}
