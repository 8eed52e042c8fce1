package sfsim

import (
	"fmt"
	"maps"
	"time"
)

// tx is the work of one request on the org. Changes are made in the tables at
// once, under the server's lock, so later rows of a request see earlier ones;
// rollback takes them back, commit makes them durable.
type tx struct {
	s       *Server
	user    string // Id of the user who does it
	now     string // date-time of every change, as stored
	changes []change
	ids     uint64    // next-id when the transaction began
	refused *apiError // of a row for whose sake the whole request, or the part of a composite, is refused
	load    bool      // records of an org file: access, requiredness and owners are not checked

	// Of requests that take time; see locks.
	takesTime bool
	blocked   bool          // a row was refused for a lock that another request holds
	locked    []string      // Ids of the records that it locks
	after     []*tx         // those that it lost a race against
	done      chan struct{} // closed when it has let go of its locks
}

// change remembers what a record was before.
type change struct {
	table *table
	id    string
	old   row
}

func (s *Server) begin() *tx {
	return &tx{s: s, user: s.runAs, now: s.now().UTC().Truncate(time.Millisecond).Format(dateTimeLayout), ids: s.nextID}
}

func (t *tx) put(tab *table, id string, next row) {
	t.changes = append(t.changes, change{tab, id, tab.get(id)})
	tab.put(id, next)
}

// mark names the present point, for rollback.
func (t *tx) mark() int { return len(t.changes) }

// rollback takes back every change made since the mark.
func (t *tx) rollback(mark int) {
	for i := len(t.changes) - 1; i >= mark; i-- {
		c := t.changes[i]
		c.table.put(c.id, c.old)
	}
	t.changes = t.changes[:mark]
}

// commit writes the changed records, and extra, to the disk. When that fails
// nothing of the transaction remains.
func (t *tx) commit(extra map[string][]byte) error {
	if len(t.changes) == 0 && len(extra) == 0 {
		return nil
	}
	if t.s.disk == nil {
		t.s.index.changed(t)
		return nil
	}
	writes := map[string][]byte{}
	maps.Copy(writes, extra)
	for _, c := range t.changes {
		key := recordPrefix + c.table.object.name + "/" + c.id
		if _, done := writes[key]; done {
			continue
		}
		if r := c.table.get(c.id); r != nil {
			writes[key] = encodeRow(c.table.object, r)
		} else {
			writes[key] = nil
		}
	}
	if t.s.nextID != t.ids {
		writes[keyNextID] = encodeCount(t.s.nextID)
	}
	if err := t.s.disk.write(writes); err != nil {
		t.rollback(0)
		return fmt.Errorf("writing the simulator's state: %w", err)
	}
	t.s.index.changed(t)
	return nil
}

// newID gives the next record its Id. Ids are never given twice, also after a rollback.
func (t *tx) newID(o *object) string {
	for {
		t.s.nextID++
		id := newID(o.prefix, t.s.nextID)
		if t.s.tables[o.name].get(id) == nil {
			return id
		}
	}
}

// table returns the records of an object.
func (t *tx) table(o *object) *table { return t.s.tables[o.name] }

// find returns the record that an Id names, whatever its type; nil when there is none.
func (s *Server) find(id string) (*object, row) {
	if len(id) < 3 {
		return nil, nil
	}
	o := s.schema.byPrefix[id[:3]]
	if o == nil {
		return nil, nil
	}
	return o, s.tables[o.name].get(id)
}
