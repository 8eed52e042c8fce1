package sfsim

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callfold/callfold/internal/sfsim/soql"
)

// Batch sizes of query ("Query Options Header").
const (
	maxQueryBatch = 2000
	minQueryBatch = 200
	maxCursors    = 10 // open ones; the oldest is dropped, as Salesforce does for a user
)

// query is GET query?q=.
func query(c *call) *response { return c.runQuery(false) }

// queryAll is GET queryAll?q=: deleted records too.
func queryAll(c *call) *response { return c.runQuery(true) }

func (c *call) runQuery(all bool) *response {
	text := c.query.Get("q")
	if text == "" {
		return failure(badRequest("MALFORMED_QUERY", "The required parameter q is missing"))
	}
	size := maxQueryBatch
	if option := c.header.Get("Sforce-Query-Options"); option != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(strings.ReplaceAll(option, " ", ""), "batchSize="))
		if err == nil {
			size = min(max(n, minQueryBatch), maxQueryBatch)
		}
	}
	parsed, err := soql.Parse(text)
	if err != nil {
		return failure(queryError(text, err))
	}
	all = all || parsed.AllRows
	p, err := c.view().plan(parsed, all)
	if err != nil {
		return failure(queryError(text, err))
	}
	rows := p.run()
	if parsed.Count {
		return newResponse(http.StatusOK, fmt.Appendf(nil, `{"totalSize":%d,"done":true,"records":[]}`, len(rows)))
	}
	return c.page(&cursor{user: c.user, plan: p, rows: rows, size: size}, 0)
}

// queryError words a fault of a query as Salesforce does.
func queryError(text string, err error) *apiError {
	var fault *soql.Error
	if errors.As(err, &fault) {
		return badRequest(fault.Code, "%s", fault.Render(text))
	}
	return fail(http.StatusInternalServerError, "UNKNOWN_EXCEPTION", "%v", err)
}

// cursor is the finished result of a query whose later pages are still to be
// fetched, by the user who asked: others may not be let see its fields.
type cursor struct {
	user string // Id
	plan *plan
	rows []row
	size int
}

// page answers the rows of a cursor from an offset on.
func (c *call) page(cur *cursor, offset int) *response {
	end := min(offset+cur.size, len(cur.rows))
	done := end == len(cur.rows)
	out := fmt.Appendf(nil, `{"totalSize":%d,"done":%t,`, len(cur.rows), done)
	if !done {
		out = fmt.Appendf(out, `"nextRecordsUrl":"/services/data/%s/query/%s-%d",`, c.version, c.s.cursors.keep(cur), end)
	}
	out = append(out, `"records":[`...)
	for i, r := range cur.rows[offset:end] {
		if i > 0 {
			out = append(out, ',')
		}
		out = cur.plan.output.append(c, out, cur.plan.table.object, r)
	}
	return newResponse(http.StatusOK, append(out, ']', '}'))
}

// queryMore is GET query/LOCATOR-OFFSET: the page that nextRecordsUrl named. A
// locator is good only for the user who was given it, which Salesforce's documents
// do not say: the harsher choice.
func queryMore(c *call) *response {
	locator, at, _ := strings.Cut(c.args[0], "-")
	offset, err := strconv.Atoi(at)
	cur := c.s.cursors.get(locator)
	if err != nil || cur == nil || cur.user != c.user || offset < 0 || offset > len(cur.rows) {
		return failure(badRequest("INVALID_QUERY_LOCATOR", "invalid query locator"))
	}
	return c.page(cur, offset)
}

// cursors are the results that clients may still page through. They do not
// survive the process.
type cursors struct {
	mu    sync.Mutex
	count uint64
	open  []openCursor // oldest first
}

type openCursor struct {
	locator string
	*cursor
}

// keep gives the cursor a locator, or returns the one it has.
func (cs *cursors) keep(cur *cursor) string {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, o := range cs.open {
		if o.cursor == cur {
			return o.locator
		}
	}
	cs.count++
	o := openCursor{newID("01g", cs.count), cur}
	cs.open = append(cs.open, o)
	if len(cs.open) > maxCursors {
		cs.open = cs.open[1:]
	}
	return o.locator
}

func (cs *cursors) get(locator string) *cursor {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, o := range cs.open {
		if o.locator == locator {
			return o.cursor
		}
	}
	return nil
}

// view is the org as the queries of one user see it.
type view struct {
	*Server
	user string // Id
}

func (c *call) view() view { return view{c.s, c.user} }

// plan is a query whose names are resolved: what to scan, what to keep, how to
// sort, what to write.
type plan struct {
	table  *table
	all    bool     // queryAll
	ids    []string // the only Ids that can match, when the condition tells; nil: scan all
	narrow bool     // whether ids counts
	keep   func(row) bool
	hidden func(row) bool     // rows that only queryAll sees
	order  func(a, b row) int // nil: as stored
	limit  int
	offset int
	output *output
}

// archiveAge is how old a closed task's date must be for it to be archived. The
// archiving job runs by night: what was written within a day is not archived yet.
const archiveAge = 365 * 24 * time.Hour

// hidden tells which records of an object only queryAll sees: deleted ones and, of
// Tasks, archived ones ("Archived Activities", Salesforce Help).
func (s *Server) hidden(o *object) func(row) bool {
	deleted := func(r row) bool { return r.flag(o.isDeleted) }
	if o.name != "Task" {
		return deleted
	}
	closed, date := o.at("IsClosed"), o.at("ActivityDate")
	oldest := s.now().UTC().Add(-archiveAge).Format(time.DateOnly)
	yesterday := s.now().UTC().AddDate(0, 0, -1).Format(dateTimeLayout)
	return func(r row) bool {
		return deleted(r) || r.flag(closed) && r[date] != nil && r.text(date) < oldest && r.text(o.modifiedDate) < yesterday
	}
}

// plan resolves a query against what the user sees of the schema.
func (v view) plan(q *soql.Query, all bool) (*plan, error) {
	o := v.schema.object(q.From.Text)
	if o == nil {
		return nil, &soql.Error{Code: "INVALID_TYPE", Pos: q.From.Pos, Message: fmt.Sprintf(
			"sObject type '%s' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.", q.From.Text)}
	}
	p := &plan{
		table: v.tables[o.name], hidden: v.hidden(o), all: all,
		keep: func(row) bool { return true }, limit: q.Limit, offset: q.Offset,
	}
	var err error
	if p.output, err = v.output(o, q.Fields); err != nil {
		return nil, err
	}
	if q.Where != nil {
		if p.keep, err = v.condition(o, q.Where); err != nil {
			return nil, err
		}
		p.ids, p.narrow = p.lookUps(q.Where)
	}
	for _, key := range q.OrderBy {
		compare, err := v.orderBy(o, key)
		if err != nil {
			return nil, err
		}
		if before := p.order; before != nil {
			p.order = func(a, b row) int { return cmp.Or(before(a, b), compare(a, b)) }
		} else {
			p.order = compare
		}
	}
	return p, nil
}

// run returns the rows of the query.
func (p *plan) run() []row {
	rows := []row{}
	take := func(r row) {
		if r != nil && (p.all || !p.hidden(r)) && p.keep(r) {
			rows = append(rows, r)
		}
	}
	if p.narrow {
		for _, id := range p.ids {
			take(p.table.get(id))
		}
	} else {
		for _, r := range p.table.rows {
			take(r)
		}
	}
	if p.order != nil {
		slices.SortStableFunc(rows, p.order)
	}
	rows = rows[min(p.offset, len(rows)):]
	if p.limit >= 0 {
		rows = rows[:min(p.limit, len(rows))]
	}
	return rows
}

// lookUps finds the Ids that can match from an equality or IN on Id, or on a
// unique field, which the whole condition or one term of its AND is.
func (p *plan) lookUps(e soql.Expr) ([]string, bool) {
	switch e := e.(type) {
	case soql.And:
		for _, term := range e.Terms {
			if ids, ok := p.lookUps(term); ok {
				return ids, true
			}
		}
	case soql.Comparison:
		if e.Op == soql.Equal {
			return p.lookUp(e.Path, []soql.Literal{e.Literal})
		}
	case soql.Membership:
		if !e.Negated && e.Subquery == nil {
			return p.lookUp(e.Path, e.List)
		}
	}
	return nil, false
}

func (p *plan) lookUp(path soql.Path, values []soql.Literal) ([]string, bool) {
	f := p.table.object.field(path.Parts[0])
	// The index of a unique field does not hold what is in the recycle bin.
	indexed := f != nil && len(path.Parts) == 1 && (f.kind == typeID || f.unique && !p.all)
	if !indexed {
		return nil, false
	}
	var ids []string
	seen := map[string]bool{}
	for _, v := range values {
		if v.Kind != soql.Text {
			return nil, false // null, or a fault that the condition reports
		}
		id := p.table.uniques[f.index][strings.ToLower(v.Text)]
		if f.kind == typeID {
			id, _ = canonicalID(v.Text)
		}
		if id != "" && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids, true
}
