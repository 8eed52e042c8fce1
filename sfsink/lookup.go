package sfsink

import (
	"context"
	"slices"
	"strings"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
)

// maxLookupSOQL is about how long a query for numbers gets, in characters.
// Salesforce takes 100,000, but calls queries of very many conditions too
// complicated.
const maxLookupSOQL = 16_000

// find matches jobs by asking Salesforce for the records of their numbers: for
// as many numbers in a query, and as many queries in a request, as it takes.
// The queries find what may be one of the numbers; what really matches is for
// the projector to say (M4).
func (t *turn) find(ctx context.Context, jobs []*job) error {
	if len(jobs) == 0 {
		return nil
	}
	byNumber := map[numberKey][]*job{}
	var order []numberKey
	for _, j := range jobs {
		k := keyOf(j.lookup)
		if byNumber[k] == nil {
			order = append(order, k)
		}
		byNumber[k] = append(byNumber[k], j)
	}
	lookups := make([]projector.Lookup, len(order))
	for i, k := range order {
		lookups[i] = byNumber[k][0].lookup
	}
	records, accounts, err := t.candidates(ctx, lookups)
	if err != nil {
		return err
	}
	for i, k := range order {
		match := t.rules.Choose(lookups[i], records)
		if match != nil && match.Object == projector.Contact {
			match.AccountID = accounts[match.ID]
		}
		t.matches.put(k, match, t.now)
		t.metrics.lookups.WithLabelValues("query").Inc()
		for _, j := range byNumber[k] {
			j.match = copied(match)
		}
	}
	return nil
}

// candidates are the records that may have one of the numbers, and the accounts
// of those that are Contacts.
func (t *turn) candidates(ctx context.Context, lookups []projector.Lookup) (records []projector.Record, accounts map[string]string, err error) {
	type ask struct{ object, soql string }
	var asks []ask
	for _, object := range []string{projector.Contact, projector.Lead, projector.Account} {
		for _, soql := range t.lookupQueries(object, lookups) {
			asks = append(asks, ask{object, soql})
		}
	}
	accounts = map[string]string{}
	for some := range slices.Chunk(asks, salesforce.MaxQueries) {
		soqls := make([]string, len(some))
		for i, a := range some {
			soqls[i] = a.soql
		}
		var results [][]salesforce.Record
		if err := t.loading(ctx, func() (err error) {
			results, err = t.client.Queries(ctx, soqls)
			return err
		}); err != nil {
			return nil, nil, err
		}
		for i, found := range results {
			for _, r := range found {
				records = append(records, t.candidate(some[i].object, r))
				if some[i].object == projector.Contact {
					accounts[text(r, "Id")] = text(r, "AccountId")
				}
			}
		}
	}
	return records, accounts, nil
}

func (t *turn) candidate(object string, r salesforce.Record) projector.Record {
	c := projector.Record{
		Object: object, ID: text(r, "Id"), Name: text(r, "Name"), OwnerID: text(r, "OwnerId"),
		LastModified: moment(r, "LastModifiedDate"), Phones: map[string]string{},
	}
	for _, f := range t.org.phoneFields[object] {
		c.Phones[f] = text(r, f)
	}
	c.IsConverted, _ = r["IsConverted"].(bool)
	c.IsPersonAccount, _ = r["IsPersonAccount"].(bool)
	return c
}

// lookupQueries are the queries for all records of an object that may have one
// of the numbers. They have no LIMIT: a cut answer could hide a match.
func (t *turn) lookupQueries(object string, lookups []projector.Lookup) []string {
	fields := t.org.phoneFields[object]
	if len(fields) == 0 {
		return nil
	}
	head := "SELECT Id, Name, OwnerId, LastModifiedDate, " + strings.Join(fields, ", ")
	tail := ""
	switch object {
	case projector.Contact:
		head += ", AccountId"
	case projector.Lead:
		head += ", IsConverted"
		tail = " AND IsConverted = false"
	}
	if t.org.personAccounts && object != projector.Lead {
		head += ", IsPersonAccount"
	}
	head += " FROM " + object + " WHERE ("

	// Numbers are stored as people typed them, in more ways than could be
	// listed, so the query asks by pattern; projector.Choose verifies.
	var queries, conditions []string
	size := 0
	flush := func() {
		if len(conditions) > 0 {
			queries = append(queries, head+strings.Join(conditions, " OR ")+")"+tail)
			conditions, size = nil, 0
		}
	}
	for _, l := range lookups {
		if size > maxLookupSOQL {
			flush()
		}
		for _, f := range fields {
			for _, pattern := range l.Patterns {
				condition := f + " LIKE " + salesforce.QuoteSOQL(pattern)
				conditions = append(conditions, condition)
				size += len(condition) + len(" OR ")
			}
		}
	}
	flush()
	return queries
}
