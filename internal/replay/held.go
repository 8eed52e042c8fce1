package replay

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/projector"
)

// Org is asked what it holds; a [*salesforce.Client] is one.
type Org interface {
	QueryAll(ctx context.Context, soql string) ([]salesforce.Record, error)
	BulkQuery(ctx context.Context, soql string, all bool, each func(row map[string]string) error) error
}

// fewCalls is up to how many calls their Tasks are asked for by key. Above it all Tasks
// of ours are read by one bulk query, which takes a handful of API requests.
var fewCalls = 2000 // of tests: fewer

// keysAQuery is for how many calls one query asks.
const keysAQuery = 500

// heldTasks are the Tasks of one call, as Salesforce holds them.
type heldTasks struct {
	// Alive are those that are not deleted: one, unless the external id is not unique.
	Alive []salesforce.Record `json:"alive,omitempty"`
	// Deleted is how many are in the recycle bin.
	Deleted int `json:"deleted,omitzero"`
}

// add takes one Task, as a query gives it.
func (h *heldTasks) add(task salesforce.Record) {
	if task["IsDeleted"] == true || task["IsDeleted"] == "true" {
		h.Deleted++
		return
	}
	h.Alive = append(h.Alive, task)
}

// held gives what Salesforce holds of a call.
type held func(key string) (*heldTasks, error)

// askTasks asks for the Tasks of calls, by their keys.
func (o *Options) askTasks(ctx context.Context, keys []string) (held, error) {
	tasks := map[string]*heldTasks{}
	for some := range slices.Chunk(keys, keysAQuery) {
		soql := "SELECT " + strings.Join(o.Sink.Fields(), ", ") + " FROM Task WHERE " + o.Sink.ExternalID() + " IN " + salesforce.InSOQL(some)
		records, err := o.Org.QueryAll(ctx, soql)
		if err != nil {
			return nil, fmt.Errorf("asking Salesforce for the Tasks: %w", err)
		}
		for _, r := range records {
			key, _ := r[o.Sink.ExternalID()].(string)
			if tasks[key] == nil {
				tasks[key] = &heldTasks{}
			}
			tasks[key].add(r)
		}
	}
	return func(key string) (*heldTasks, error) {
		if h := tasks[key]; h != nil {
			return h, nil
		}
		return &heldTasks{}, nil
	}, nil
}

// readTasks copies all Tasks of ours to a table.
func (o *Options) readTasks(ctx context.Context, to *table.Table) (held, error) {
	c := &taskCopy{to: to, pending: map[string]*heldTasks{}}
	soql := "SELECT " + strings.Join(o.Sink.Fields(), ", ") + " FROM Task WHERE " + o.Sink.ExternalID() + " != null"
	err := o.Org.BulkQuery(ctx, soql, true, func(row map[string]string) error {
		task := make(salesforce.Record, len(row))
		for name, value := range row {
			if value != "" {
				task[name] = value
			}
		}
		return c.add(row[o.Sink.ExternalID()], task)
	})
	if err != nil {
		return nil, fmt.Errorf("reading all Tasks from Salesforce: %w", err)
	}
	return c.read, c.flush()
}

// taskCopy is a copy of Tasks on disk, by the key of their call.
type taskCopy struct {
	to      *table.Table
	pending map[string]*heldTasks
}

func (c *taskCopy) add(key string, task salesforce.Record) error {
	h := c.pending[key]
	if h == nil {
		var err error
		if h, err = c.read(key); err != nil {
			return err
		}
		c.pending[key] = h
	}
	h.add(task)
	if len(c.pending) < together {
		return nil
	}
	return c.flush()
}

func (c *taskCopy) read(key string) (*heldTasks, error) {
	h := &heldTasks{}
	value, ok, err := c.to.Get(key)
	if err == nil && ok {
		err = json.Unmarshal(value, h)
	}
	return h, err
}

func (c *taskCopy) flush() error {
	changes := make([]table.Change, 0, len(c.pending))
	for key, h := range c.pending {
		value, err := json.Marshal(h)
		if err != nil {
			return fmt.Errorf("keeping a Task: %w", err)
		}
		changes = append(changes, table.Change{Key: key, Value: value})
	}
	clear(c.pending)
	return c.to.Apply(changes, table.Checkpoint{})
}

// typed gives the values of a Task that was read by a bulk query, which has texts only,
// the types of the values wanted.
func typed(task salesforce.Record, wanted []projector.Field) salesforce.Record {
	for _, f := range wanted {
		text, ok := task[f.Name].(string)
		if !ok {
			continue
		}
		switch f.Value.(type) {
		case bool:
			task[f.Name] = text == "true"
		case int64:
			if n, err := strconv.ParseFloat(text, 64); err == nil {
				task[f.Name] = n
			}
		}
	}
	return task
}
