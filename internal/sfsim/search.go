package sfsim

import (
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

// Limits of SOSL ("SOSL Limits on Search Results", "FIND {SearchQuery}").
const (
	maxSearchRows = 2000   // of all objects together
	maxSearchText = 4000   // characters; beyond them Salesforce drops the operators, here it is refused
	maxSOSL       = 20_000 // characters of a whole statement
)

// defaultSearchLag is [Options.SearchLag] when nothing is said.
const defaultSearchLag = 5 * time.Second

// searchable are the objects that a search looks at, in the order in which their
// records are answered when the search does not name objects.
var searchable = []string{"Account", "Contact", "Lead", "Case", "Opportunity", "User"}

// searchIndex is what a search looks through: the records as they were some time
// ago. A search finds a record by what is indexed, and answers with what the
// record holds now, as Salesforce does; so it misses what is new and finds what
// has changed since.
type searchIndex struct {
	mu      sync.Mutex
	known   map[string]map[string]row // object → Id → the record as indexed
	pending []indexed                 // changes that are not findable yet, oldest first
}

// indexed is a change on its way into the index; nil stands for a record that is gone.
type indexed struct {
	at     time.Time
	object string
	id     string
	row    row
}

// changed notes what a transaction has done, when it is done. What an org file
// says counts as long known.
func (x *searchIndex) changed(t *tx) {
	now, lag := t.s.now(), t.s.searchLag()
	if t.load {
		now = now.Add(-lag)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range t.changes {
		if slices.Contains(searchable, c.table.object.name) {
			x.pending = append(x.pending, indexed{now, c.table.object.name, c.id, c.table.get(c.id)})
		}
	}
	x.settle(t.s.now().Add(-lag))
}

// settle takes in every change that is old enough.
func (x *searchIndex) settle(until time.Time) {
	n := 0
	for ; n < len(x.pending) && !x.pending[n].at.After(until); n++ {
		p := x.pending[n]
		if x.known == nil {
			x.known = map[string]map[string]row{}
		}
		if x.known[p.object] == nil {
			x.known[p.object] = map[string]row{}
		}
		if p.row == nil {
			delete(x.known[p.object], p.id)
		} else {
			x.known[p.object][p.id] = p.row
		}
	}
	x.pending = slices.Delete(x.pending, 0, n)
}

// restored indexes the records that were read from the disk, by when they were changed last.
func (x *searchIndex) restored(s *Server) {
	for _, name := range searchable {
		t := s.tables[name]
		for _, r := range t.rows {
			at, err := time.Parse(dateTimeLayout, r.text(t.object.modstamp))
			if err != nil {
				at = time.Time{}
			}
			x.pending = append(x.pending, indexed{at, name, r.text(t.object.id), r})
		}
	}
	slices.SortStableFunc(x.pending, func(a, b indexed) int { return a.at.Compare(b.at) })
}

// candidates returns the Ids of the records of an object that match, in the order of their Ids.
func (x *searchIndex) candidates(o *object, until time.Time, matches func(row) bool) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.settle(until)
	var ids []string
	for id, r := range x.known[o.name] {
		if matches(r) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (s *Server) searchLag() time.Duration {
	switch {
	case s.options.SearchLag == 0:
		return defaultSearchLag
	case s.options.SearchLag < 0:
		return 0
	}
	return s.options.SearchLag
}

// search is GET search?q= ("Search").
func search(c *call) *response {
	text := c.query.Get("q")
	if text == "" {
		return failure(badRequest("MALFORMED_SEARCH", "The required parameter q is missing"))
	}
	st, err := parseSOSL(text)
	if err != nil {
		return failure(searchError(text, err))
	}
	return c.find(st)
}

// parameterizedSearch is POST parameterizedSearch ("Search with Parameters in the Request Body").
func parameterizedSearch(c *call) *response {
	type target struct {
		Name   string   `json:"name"`
		Fields []string `json:"fields"`
		Where  string   `json:"where"`
		Order  string   `json:"orderBy"`
		Limit  int      `json:"limit"`
	}
	var in struct {
		Query        string   `json:"q"`
		In           string   `json:"in"`
		Fields       []string `json:"fields"`
		Objects      []target `json:"sobjects"`
		OverallLimit int      `json:"overallLimit"`
		DefaultLimit int      `json:"defaultLimit"`
	}
	if err := c.unmarshal(&in); err != nil {
		return failure(err)
	}
	st := &sosl{scope: "ALL", limit: maxSearchRows}
	var err error
	if st.term, err = parseSearchText(in.Query); err == nil {
		st.scope, err = searchScope(in.In)
	}
	if err != nil {
		return failure(searchError(in.Query, err))
	}
	if in.OverallLimit > 0 {
		st.limit = min(in.OverallLimit, maxSearchRows)
	}
	if len(in.Objects) == 0 && (len(in.Fields) > 0 || in.DefaultLimit > 0) {
		return failure(badRequest("MALFORMED_SEARCH", "fields and defaultLimit need at least one of sobjects"))
	}
	for _, o := range in.Objects {
		fields, limit := o.Fields, o.Limit
		if len(fields) == 0 {
			fields = in.Fields
		}
		if limit == 0 {
			limit = in.DefaultLimit
		}
		clause := strings.Join(fields, ",")
		if o.Where != "" {
			clause += " WHERE " + o.Where
		}
		if o.Order != "" {
			clause += " ORDER BY " + o.Order
		}
		if limit > 0 {
			clause += " LIMIT " + strconv.Itoa(limit)
		}
		q, err := returning(o.Name, clause)
		if err != nil {
			return failure(searchError(clause, err))
		}
		st.returning = append(st.returning, q)
	}
	return c.find(st)
}

// searchError words a fault of a search as Salesforce does. One of a condition
// within RETURNING is worded as that of a query.
func searchError(text string, err error) *apiError {
	var fault *searchFault
	if errors.As(err, &fault) {
		return badRequest(fault.code, "%s", fault.message)
	}
	return queryError(text, err)
}

// find answers a search: the records of each object that match, in the order in
// which RETURNING names the objects.
func (c *call) find(st *sosl) *response {
	targets := st.returning
	if len(targets) == 0 {
		for _, name := range searchable {
			q, err := returning(name, "")
			if err != nil {
				return failure(searchError("", err))
			}
			targets = append(targets, q)
		}
	}
	out := []byte(`{"searchRecords":[`)
	left := st.limit
	for _, q := range targets {
		o := c.s.schema.object(q.From.Text)
		if o != nil && !slices.Contains(searchable, o.name) {
			return failure(badRequest("INVALID_TYPE", "Entity '%s' is not searchable", o.name))
		}
		p, err := c.view().plan(q, false)
		if err != nil {
			return failure(queryError(fmt.Sprintf("RETURNING %s", q.From.Text), err))
		}
		p.ids, p.narrow = c.s.index.candidates(o, c.s.now().Add(-c.s.searchLag()), st.matcher(c.user, o)), true
		for _, r := range p.run() {
			if left == 0 {
				break
			}
			left--
			if out[len(out)-1] == '}' {
				out = append(out, ',')
			}
			out = p.output.append(c, out, o, r)
		}
	}
	return newResponse(http.StatusOK, append(out, ']', '}'))
}

// returning makes the query behind one object of RETURNING: the fields, and
// whatever conditions follow them; without fields the Id.
func returning(name, clause string) (*soql.Query, error) {
	fields, rest := clause, ""
	if i := clauseStart(clause); i >= 0 {
		fields, rest = clause[:i], clause[i:]
	}
	if strings.TrimSpace(fields) == "" {
		fields = "Id"
	}
	q, err := soql.Parse("SELECT " + fields + " FROM " + name + " " + rest)
	if err != nil {
		return nil, malformedSearch("RETURNING %s(%s): %v", name, clause, err)
	}
	if q.Limit < 0 || q.Limit > maxSearchRows {
		q.Limit = maxSearchRows
	}
	return q, nil
}

// clauseStart finds where the conditions begin in the parentheses of RETURNING.
func clauseStart(clause string) int {
	upper := strings.ToUpper(clause)
	start := -1
	for _, word := range []string{"WHERE", "ORDER BY", "LIMIT", "OFFSET"} {
		i := strings.Index(" "+upper, " "+word+" ")
		if i >= 0 && (start < 0 || i < start) {
			start = i
		}
	}
	return start
}
