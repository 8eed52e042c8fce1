package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

// Options say what is to be planned.
type Options struct {
	// Kafka asks Kafka; Calls and Tasks are the names of the topics.
	Kafka        *kgo.Client
	Calls, Tasks string
	// Sink says what would be written; it is one for a dry run. Org is its org.
	Sink *sfsink.Sink
	Org  Org
	// Filter chooses the calls.
	Filter Filter
	// Rematch looks for the record of each call anew, instead of what is remembered
	// (M9).
	Rematch bool
	// Stray is told of Tasks that no rewrite mends; nil = they are not looked for.
	Stray func(Stray) error
	// Lot is how many rewrites at once an apply would have written by bulk jobs, see
	// [Lot].
	Lot int
	// Dir takes files while the work goes on; they are left to the caller to remove.
	// Empty keeps everything in memory.
	Dir string
	// Progress is kept up to date.
	Progress *Progress
}

// Summary counts what a plan found.
type Summary struct {
	// Calls is how many were chosen. The next ten say what is to be done about them.
	Calls      int64 `json:"calls"`
	Create     int64 `json:"create"`
	Recreate   int64 `json:"recreate"`
	Update     int64 `json:"update"`
	Unchanged  int64 `json:"unchanged"`
	Waiting    int64 `json:"waiting"`    // not yet time to log (L2)
	Skipped    int64 `json:"skipped"`    // no Task is wanted (L3, L4, L7)
	Erased     int64 `json:"erased"`     // by an operator
	Duplicated int64 `json:"duplicated"` // several Tasks are of one call: somebody must merge them
	Moving     int64 `json:"moving"`     // differs, and the sink is at it: live traffic
	// Edited is how many calls have fields that people changed and that would be
	// overwritten; Kept how many have some that stay (tasks.preserve_edits).
	Edited int64 `json:"edited"`
	Kept   int64 `json:"kept"`
	// Fields counts the changes by field, of updates.
	Fields map[string]int64 `json:"fields"`
	// Requests and Minutes are what applying takes, about; lot is what they were made
	// with, see [Options.Lot].
	Requests int64   `json:"api_requests"`
	Minutes  float64 `json:"minutes"`
	lot      int64
	// Hidden are the partitions in which a transaction that stays open hides what was
	// committed behind it: what is there was not looked at.
	Hidden []int32 `json:"hidden_partitions,omitempty"`
}

// Changes is how many calls a rebuild would change.
func (s *Summary) Changes() int64 { return s.Create + s.Recreate + s.Update }

// Part is the summary of a plan that has only so many of the rows.
func (s Summary) Part(create, recreate, update int64) Summary {
	s.Create, s.Recreate, s.Update = create, recreate, update
	s.Requests, s.Minutes = cost(s.Changes(), s.lot)
	return s
}

// callsAtATime is how many calls the sink is asked about at once, rowsInMemory about how
// many rows of a plan wait for those of the other partitions.
const (
	callsAtATime = 1000
	rowsInMemory = 12_000
)

// Make plans a rebuild: it gives a row for each call that it would change, of all
// partitions in turns and by key in each, and counts the others. It writes nothing to Salesforce. The
// error may be a [*sfsink.Stopped].
func Make(ctx context.Context, o Options, each func(Row) error) (s Summary, err error) {
	store, err := table.Open(table.Options{Dir: o.Dir, Schema: schemas.Calls.Schema()})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	l, err := readLog(ctx, &o, store)
	if err != nil {
		return s, err
	}
	defer l.release()
	chosen, err := l.choose(&o)
	if err != nil {
		return s, err
	}
	t, err := store.Acquire(ctx, int32(2*len(l.calls)))
	if err != nil {
		return s, err
	}
	defer t.Release()
	p := planner{Options: &o, log: l, summary: &s}
	if o.Progress.Chosen.Load() > int64(fewCalls) || o.orphans() {
		p.held, err = o.readTasks(ctx, t)
	} else {
		p.held, err = o.askTasks(ctx, slices.Concat(chosen...))
	}
	if err == nil && o.Stray != nil {
		foreign, problem := store.Acquire(ctx, int32(2*len(l.calls)+1))
		if problem != nil {
			return s, problem
		}
		defer foreign.Release()
		p.foreign, err = o.readForeign(ctx, foreign)
	}
	if err == nil {
		// Salesforce was read between two looks at the log: of a call of which nothing
		// came meanwhile, it holds what the log says it does.
		p.moved, err = l.since(ctx, &o)
	}
	if err != nil {
		return s, err
	}
	s.Fields, s.lot = map[string]int64{}, int64(o.Lot)
	s.Hidden = slices.Compact(slices.Sorted(slices.Values(l.hidden)))
	if err := p.planAll(ctx, chosen, each); err != nil {
		return s, err
	}
	if o.orphans() && len(s.Hidden) == 0 {
		if err := p.tellOrphans(t); err != nil {
			return s, err
		}
	}
	s.Requests, s.Minutes = cost(s.Changes(), s.lot)
	return s, nil
}

// planAll plans all calls that were chosen, and gives the rows of the partitions in turns:
// so whatever an apply takes of them next is spread over the lanes of the sink.
func (p *planner) planAll(ctx context.Context, chosen [][]string, each func(Row) error) error {
	atATime := min(callsAtATime, max(1, rowsInMemory/len(chosen)))
	for left := true; left; {
		left = false
		rows := make([][]Row, len(chosen))
		for n, keys := range chosen {
			some := keys[:min(atATime, len(keys))]
			if len(some) == 0 {
				continue
			}
			left, chosen[n] = true, keys[len(some):]
			var err error
			if rows[n], err = p.plan(ctx, n, some); err != nil {
				return err
			}
			p.Progress.Planned.Add(int64(len(some)))
		}
		for turn := range atATime {
			for _, of := range rows {
				if turn < len(of) {
					if err := each(of[turn]); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// choose lists the keys of the calls that the filter wants, by partition.
func (l *log) choose(o *Options) ([][]string, error) {
	chosen := make([][]string, len(l.calls))
	for n, calls := range l.calls {
		err := calls.Each(func(key string, value []byte) error {
			known, err := l.known(n, key, value)
			if err != nil {
				return err
			}
			if o.Filter.wants(&known.Record.State, &known.Outcome) {
				chosen[n] = append(chosen[n], key)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		o.Progress.Chosen.Add(int64(len(chosen[n])))
	}
	return chosen, nil
}

// known decodes a call and its outcome.
func (l *log) known(n int, key string, value []byte) (k sfsink.Known, err error) {
	if k.Record, err = schemas.Calls.Decode(schemas.Calls.Schema(), value); err != nil {
		return k, fmt.Errorf("reading the state of call %s: %w", key, err)
	}
	outcome, ok, err := l.outcomes[n].Get(key)
	if err == nil && ok {
		k.Outcome, err = schemas.Outcomes.Decode(schemas.Outcomes.Schema(), outcome)
	}
	if err != nil {
		return k, fmt.Errorf("reading the outcome of call %s: %w", key, err)
	}
	return k, nil
}

// all are calls of a partition with their outcomes.
func (l *log) all(n int, keys []string) ([]sfsink.Known, error) {
	known := make([]sfsink.Known, len(keys))
	for i, key := range keys {
		value, _, err := l.calls[n].Get(key)
		if err == nil {
			known[i], err = l.known(n, key, value)
		}
		if err != nil {
			return nil, err
		}
	}
	return known, nil
}

// planner is a plan in the making.
type planner struct {
	*Options
	log     *log
	held    held
	foreign held            // Tasks of others, by the call id in CallObject; nil = not looked for
	moved   map[string]bool // calls of which something came in since the log was read
	summary *Summary
}

// plan plans some calls of a partition, and gives the rows of those that would change.
func (p *planner) plan(ctx context.Context, n int, keys []string) (rows []Row, err error) {
	known, err := p.log.all(n, keys)
	if err != nil {
		return nil, err
	}
	previews, err := p.Sink.Preview(ctx, known, p.Rematch)
	if err != nil {
		return nil, err
	}
	for i, preview := range previews {
		there, err := p.held(keys[i])
		if err != nil {
			return nil, err
		}
		v := judge(preview, &known[i], there)
		if v.change && (p.moved[keys[i]] || !known[i].Current()) {
			v.change, v.moving = false, true
		}
		p.summary.count(preview.Decision, v)
		if err := p.tellStrays(keys[i], preview, there); err != nil {
			return nil, err
		}
		if v.change {
			rows = append(rows, v.row)
		}
	}
	return rows, nil
}

// count adds one call.
func (s *Summary) count(d projector.Decision, v verdict) {
	s.Calls++
	switch {
	case d.Rule == projector.RuleErased:
		s.Erased++
	case d.Action == projector.Wait:
		s.Waiting++
	case d.Action == projector.Skip:
		s.Skipped++
	case v.duplicated:
		s.Duplicated++
	case v.moving:
		s.Moving++
		return // what looks like an edit may be a write
	case !v.change:
		s.Unchanged++
	case v.row.Action == Create:
		s.Create++
	case v.row.Action == Recreate:
		s.Recreate++
	default:
		s.Update++
		for _, f := range v.row.Fields {
			s.Fields[f.Field]++
		}
	}
	if v.edited {
		s.Edited++
	}
	if v.kept {
		s.Kept++
	}
}

// What a rebuild takes of Salesforce, beside live traffic: [Apply] sends rewrites in lots
// for bulk jobs as long as there are enough, and the rest in small lots. Requests and the
// rate of small lots are what make bench-rebuild counts, of calls that are looked up; the
// rate of bulk jobs is what others published of real orgs. So the time is a guess, until
// the first minutes of an apply have shown a rate.
const (
	rowsARequest    = 25
	rowsASecond     = 80
	rowsAJob        = 2500
	requestsAJob    = 8
	bulkRowsASecond = 1066
)

// cost is about how many API requests and minutes so many rows take, of which each lot of
// so many is written by bulk jobs; 0 where none is.
func cost(rows, lot int64) (requests int64, minutes float64) {
	bulk := int64(0)
	if lot > 0 {
		bulk = max(0, rows-canary) / lot * lot
	}
	rest := rows - bulk
	requests = (bulk+rowsAJob-1)/rowsAJob*requestsAJob + (rest+rowsARequest-1)/rowsARequest
	return requests, (time.Duration(bulk)*time.Second/bulkRowsASecond + time.Duration(rest)*time.Second/rowsASecond).Minutes()
}
