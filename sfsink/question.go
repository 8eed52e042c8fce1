package sfsink

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
)

const (
	// maxLookupSOQL is about how long a query for numbers gets, in characters.
	// Salesforce takes 100,000, but calls queries of very many conditions too
	// complicated.
	maxLookupSOQL = 16_000
	// lookupRows is how many records a query gives at most: one page.
	lookupRows = 2000
	// narrowest is the level at which a query asks for one number. Each level
	// halves what a query asks for; above 0 a request has one query.
	narrowest = 6
)

// question is a query for the records of one object that may hold one of some
// numbers.
type question struct {
	object  string
	lookups []*lookup
	// after is where to read on, in the order of the query: the Id of the last
	// record that was read, and when it was modified. Empty for the beginning.
	after    string
	modified time.Time
}

// queriesAt is how many queries a request has at a level.
func queriesAt(level int32) int {
	if level > 0 {
		return 1
	}
	return salesforce.MaxQueries
}

// split makes questions small enough for a level.
func (t *turn) split(questions []question, level int32) []question {
	most := maxLookupSOQL >> level
	var out []question
	for _, q := range questions {
		piece := q
		piece.lookups = nil
		size := 0
		for _, l := range q.lookups {
			n := 0
			for _, c := range t.conditions(q.object, l) {
				n += len(c) + len(" OR ")
			}
			if size > 0 && size+n > most {
				out = append(out, piece)
				piece.lookups, size = nil, 0
			}
			piece.lookups = append(piece.lookups, l)
			size += n
		}
		out = append(out, piece)
	}
	return out
}

// conditions find what may be the number. Numbers are stored as people typed
// them, in more ways than could be listed, so the query asks by pattern;
// projector.Choose verifies.
func (t *turn) conditions(object string, l *lookup) []string {
	var conditions []string
	for _, f := range t.org.phoneFields[object] {
		for _, pattern := range l.Patterns {
			conditions = append(conditions, f+" LIKE "+salesforce.QuoteSOQL(pattern))
		}
	}
	return conditions
}

// soql is the query, in the order of M2.
func (t *turn) soql(q question) string {
	fields := append([]string{"Id", "Name", "OwnerId", "LastModifiedDate"}, t.org.phoneFields[q.object]...)
	var also []string
	switch q.object {
	case projector.Contact:
		fields = append(fields, "AccountId")
	case projector.Lead:
		fields = append(fields, "IsConverted")
		also = append(also, "IsConverted = false")
	}
	if t.org.personAccounts && q.object != projector.Lead {
		fields = append(fields, "IsPersonAccount")
	}
	if q.after != "" {
		modified := q.modified.UTC().Format("2006-01-02T15:04:05.000Z")
		also = append(also, fmt.Sprintf("(LastModifiedDate < %s OR (LastModifiedDate = %s AND Id > %s))", modified, modified, salesforce.QuoteSOQL(q.after)))
	}
	var conditions []string
	for _, l := range q.lookups {
		conditions = append(conditions, t.conditions(q.object, l)...)
	}
	where := append([]string{"(" + strings.Join(conditions, " OR ") + ")"}, also...)
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY LastModifiedDate DESC, Id LIMIT %d",
		strings.Join(fields, ", "), q.object, strings.Join(where, " AND "), lookupRows)
}

// tooMuch tells whether a query failed because it asked for too much at once: in
// an org with millions of records, patterns take long. The client gives up
// before Salesforce does.
func tooMuch(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	var refusal *salesforce.Error
	if !errors.As(err, &refusal) {
		return false
	}
	switch refusal.Code {
	case "QUERY_TIMEOUT", "QUERY_TOO_COMPLICATED", "OPERATION_TOO_LARGE":
		return true
	}
	return refusal.Status == http.StatusRequestURITooLong || refusal.Status == http.StatusRequestHeaderFieldsTooLarge
}
