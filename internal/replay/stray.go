package replay

import (
	"context"
	"fmt"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/sfsink"
)

// StrayKind says in which way Tasks are wrong that no rewrite mends.
type StrayKind string

// The kinds.
const (
	// Duplicated are several Tasks with the external id of one call: the field is not
	// unique, and the sink writes none of them.
	Duplicated StrayKind = "duplicated"
	// Foreign are Tasks that another integration made of a call that has a Task of
	// ours: they have its id in CallObject, where ours have nothing.
	Foreign StrayKind = "foreign"
	// Orphaned are Tasks with an external id that is no call's of the log.
	Orphaned StrayKind = "orphaned"
)

// Stray are Tasks that no rewrite mends: whose they are, or which of them is to stay,
// a person must say.
type Stray struct {
	Kind StrayKind
	// Key is the call's id as the Tasks have it; that of an orphan may be any text.
	Key string
	// TaskIDs are their Salesforce ids.
	TaskIDs []string
}

// callObject is the field in which telephone systems keep their own id of a call
// ("Object Reference", Task).
const callObject = "CallObject"

// orphans tells whether Tasks without a call are looked for: only where all calls are.
func (o *Options) orphans() bool { return o.Stray != nil && o.Filter.all() }

// readForeign copies the ids of all Tasks with a call's id in CallObject to a table. It
// is a bulk query, since the field has no index: an ordinary one takes Salesforce too
// long where there are many Tasks.
func (o *Options) readForeign(ctx context.Context, to *table.Table) (held, error) {
	c := &taskCopy{to: to, pending: map[string]*heldTasks{}}
	soql := "SELECT Id, " + callObject + ", " + o.Sink.ExternalID() + " FROM Task WHERE " + callObject + " != null"
	err := o.Org.BulkQuery(ctx, soql, false, func(row map[string]string) error {
		key := row[callObject]
		if row[o.Sink.ExternalID()] == key {
			return nil // ours, though somebody filled the field in
		}
		return c.add(key, salesforce.Record{"Id": row["Id"]})
	})
	if err != nil {
		return nil, fmt.Errorf("reading from Salesforce which Tasks other integrations made (%s): %w", callObject, err)
	}
	return c.read, c.flush()
}

// tellStrays tells of the Tasks of one call that no rewrite mends.
func (p *planner) tellStrays(key string, preview sfsink.Preview, there *heldTasks) error {
	if p.Stray == nil || preview.Decision.Action != projector.Log {
		return nil
	}
	if len(there.Alive) > 1 {
		if err := p.Stray(Stray{Duplicated, key, there.ids()}); err != nil {
			return err
		}
	}
	foreign, err := p.foreign(key)
	if err != nil || len(foreign.Alive) == 0 {
		return err
	}
	return p.Stray(Stray{Foreign, key, foreign.ids()})
}

// tellOrphans tells of the Tasks of ours whose call the log does not have, and had not
// when they were read.
func (p *planner) tellOrphans(tasks *table.Table) error {
	return tasks.Each(func(key string, _ []byte) error {
		there, err := p.held(key)
		if err != nil || len(there.Alive) == 0 || p.moved[key] {
			return err
		}
		n, err := p.log.topics.NumberOf(p.Calls, key)
		if err != nil {
			return err
		}
		if _, known, err := p.log.calls[n].Get(key); err != nil || known {
			return err
		}
		return p.Stray(Stray{Orphaned, key, there.ids()})
	})
}

// ids are the Salesforce ids of those that are not deleted.
func (h *heldTasks) ids() (ids []string) {
	for _, task := range h.Alive {
		id, _ := task["Id"].(string)
		ids = append(ids, id)
	}
	return ids
}
