package sfsink

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// contactsWith loads Contacts that all hold one number, modified at one time.
func (b *bench) contactsWith(n int, phone, modified string) {
	b.Helper()
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"Id":"00300000001%04dAAA","Name":"C %d","Phone":%q,"OwnerId":"005000000000002AAA","AccountId":null,"LastModifiedDate":"%sT00:00:00.000+0000"}`, i, i, phone, modified))
	}
	b.load(`{"Contact":[` + strings.Join(list, ",") + `]}`)
}

// asked gives the queries of each request since it was called last.
func (b *bench) asked() func() []string {
	var mu sync.Mutex
	var requests []string
	b.before = func(r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			b.Error(err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		soql, err := url.QueryUnescape(string(body) + r.URL.RawQuery)
		if err != nil {
			return // no query
		}
		mu.Lock()
		defer mu.Unlock()
		requests = append(requests, soql)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		defer func() { requests = nil }()
		return requests
	}
}

// lookupsSent counts the requests for records of numbers, and forgets all requests.
func (b *bench) lookupsSent() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, request := range b.seen {
		if strings.HasSuffix(request, "/composite") || strings.Contains(request, "/query") {
			n++
		}
	}
	b.seen = nil
	return n
}

// The number of a switchboard is on thousands of records: the newest is found
// without reading the others, and the other numbers of the query all the same (M2).
func TestNumberOnThousandsOfRecords(t *testing.T) {
	b := newBench(t, nil)
	b.contactsWith(5000, "01 40 00 00 00", "2026-02-01")
	b.set("Contact", "003000000014321", `"LastModifiedDate":"2026-03-01T00:00:00.000+0000"`)
	b.missed(1, "+33 1 40 00 00 00")
	b.missed(2, curieNumber) // modified before all of them
	b.missed(3, unknownNumber)
	b.missed(9, "anonymous")
	b.turn()
	b.task(1, "WhoId", "003000000014321")
	b.task(2, "WhoId", curie)
	b.task(3, "WhoId", nil)
	b.later(time.Hour)
	b.lookupsSent()
	b.missed(4, "+33 1 40 00 00 00")
	b.turn()
	if n := b.lookupsSent(); n > 2 { // with the writing of the Task
		t.Errorf("%d requests to match a number that 5000 records hold", n)
	}
	if o := b.outcome(4, schemas.Created); o.Match.Reason.Rule != "M2" || len(o.Match.Reason.Considered) > 20 {
		t.Errorf("the reason is %+v", o.Match.Reason)
	}
}

// What the patterns find and is another number hides no match behind it, though
// all records were modified at the same time.
func TestMatchBehindThousandsOfOthers(t *testing.T) {
	b := newBench(t, nil)
	b.contactsWith(4500, "02 23 45 67 89", "2026-02-01") // ends as Curie's does
	b.missed(1, curieNumber)
	b.turn()
	b.task(1, "WhoId", curie)
	b.set("Contact", "003000000014499", `"Phone":"01 23 45 67 89"`)
	b.set("Contact", curie, `"Phone":null`)
	b.later(time.Hour)
	b.missed(2, curieNumber)
	b.turn()
	b.task(2, "WhoId", "003000000014499")
}

// An org of millions of records takes too long for many numbers at once. The sink
// asks for fewer, at once, and goes back to more after a while.
func TestQueriesThatTakeTooLong(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	asked := b.asked()
	longest := func() (most int) {
		for _, request := range asked() {
			most = max(most, strings.Count(request, "LIKE"))
		}
		return most
	}
	calls := func(from int64) {
		for i := range int64(60) {
			b.missed(from+i, fmt.Sprintf("+33 1 40 00 %02d %02d", from/100, i))
		}
	}
	b.sim.Fail(sfsim.Fault{Path: "/composite", Method: "POST", Status: http.StatusBadRequest, Code: "QUERY_TIMEOUT"})
	calls(100)
	b.turn()
	wide := longest()
	if level := b.sink.lookupLevel.Load(); level != 3 {
		t.Errorf("the level is %d after one query that took too long, want 3", level)
	}
	calls(200)
	b.turn()
	if narrow := longest(); narrow == 0 || narrow > wide/5 {
		t.Errorf("%d conditions a request after one took too long, before %d", narrow, wide)
	}
	for range 3 {
		b.later(2 * time.Hour)
		b.missed(1, curieNumber)
		b.turn()
	}
	longest()
	calls(300)
	b.turn()
	if again := longest(); again != wide {
		t.Errorf("%d conditions a request after a few hours, before %d", again, wide)
	}
	// What takes too long for one number is an outage like any other.
	b.sink.lookupLevel.Store(narrowest)
	b.sim.Fail(sfsim.Fault{Operation: "query", Status: http.StatusBadRequest, Code: "QUERY_TIMEOUT", Times: -1})
	b.missed(400, "+33 1 40 00 99 99")
	if err := b.try(); err == nil || !strings.Contains(err.Error(), "QUERY_TIMEOUT") {
		t.Errorf("got %v", err)
	}
}

func TestTooMuch(t *testing.T) {
	for err, want := range map[error]bool{
		&salesforce.Unanswered{Operation: "query", Err: &url.Error{Op: "Get", Err: context.DeadlineExceeded}}: true,
		&salesforce.Unanswered{Operation: "query", Err: io.ErrUnexpectedEOF}:                                  false,
		&salesforce.Error{Status: http.StatusBadRequest, Code: "QUERY_TOO_COMPLICATED"}:                       true,
		&salesforce.Error{Status: http.StatusRequestURITooLong, Code: "HTTP_414"}:                             true,
		&salesforce.Error{Status: http.StatusServiceUnavailable, Code: "SERVER_UNAVAILABLE"}:                  false,
		&salesforce.Error{Status: http.StatusBadRequest, Code: "INVALID_FIELD"}:                               false,
	} {
		if got := tooMuch(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// Salesforce's search index lags by minutes. A record of a moment ago is found, as
// nobody asks that index.
func TestSearchIndexIsNotAsked(t *testing.T) {
	b := newBench(t, createLeads)
	b.missed(1, unknownNumber)
	b.turn()
	lead := b.sim.Records("Lead")[0]["Id"]
	b.sink.matches.forget(numberKey{"+33198765432", "FR"}) // as another process would not know
	b.missed(2, unknownNumber)
	b.turn()
	b.task(1, "WhoId", lead)
	b.task(2, "WhoId", lead)
	if o := b.outcome(2, schemas.Created); o.Match.Reason.Rule != "M4" {
		t.Errorf("found by %s, not by a query", o.Match.Reason.Rule)
	}
	if n := b.sent("earch"); n != 0 {
		t.Errorf("%d requests to the search index", n)
	}
}

// An org without Person Accounts has no fields of theirs to ask for; one that has
// them is found out by describe.
func TestPersonAccountsByDescribe(t *testing.T) {
	for _, on := range []bool{false, true} {
		b := newBench(t, nil)
		if on {
			b.load(`{"Account":[{"Id":"001000000000009AAA","Name":"Paul Person","FirstName":"Paul","LastName":"Person","IsPersonAccount":true,"Phone":"01 44 44 44 44","OwnerId":"005000000000003AAA","LastModifiedDate":"2026-01-01T00:00:00.000+0000"}]}`)
		}
		asked := b.asked()
		b.missed(1, "+33 1 44 44 44 44")
		b.turn()
		if got := strings.Contains(strings.Join(asked(), ""), "IsPersonAccount"); got != on {
			t.Errorf("Person Accounts %v: asked for %v", on, got)
		}
	}
}

// With match.objects, no other objects are asked for, also where one is created.
func TestOnlyObjectsToMatchAreAskedFor(t *testing.T) {
	b := newBench(t, func(o *Options) {
		o.Settings.Match.Create = "lead"
		o.Settings.Match.Objects = []string{"contact"}
	})
	b.load(`{"Lead":[{"Id":"00Q000000000001AAA","Name":"L","Company":"X","Phone":"+33198765432","OwnerId":"005000000000003AAA","IsConverted":false,"LastModifiedDate":"2026-01-01T00:00:00.000+0000"}]}`)
	if err := b.sink.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if fields := b.sink.loaded.Load().phoneFields; len(fields) != 1 || len(fields["Contact"]) != 5 {
		t.Errorf("compared are %v", fields)
	}
	b.missed(1, unknownNumber)
	b.turn()
	if n := len(b.sim.Records("Lead")); n != 2 {
		t.Errorf("%d Leads, want the one that is not matched and the created one", n)
	}
}

// Calls of one number in one turn share a lookup, and its time in the cache.
func TestCallsOfOneNumberShareALookup(t *testing.T) {
	b := newBench(t, nil)
	asked := b.asked()
	for id := range int64(19) {
		b.missed(id+1, curieNumber)
	}
	b.missed(20, unknownNumber)
	b.turn()
	// 5 fields of Contact, 2 of Lead, 1 of Account.
	if n := strings.Count(strings.Join(asked(), ""), "LIKE"); n != 2*8 {
		t.Errorf("%d conditions for two numbers, want 16", n)
	}
	b.later(noMatchFor - time.Second)
	b.missed(21, unknownNumber)
	b.missed(22, curieNumber)
	b.turn()
	if n := strings.Count(strings.Join(asked(), ""), "LIKE"); n != 0 {
		t.Errorf("%d conditions for numbers that are known", n)
	}
	b.later(2 * time.Second) // that nobody has a number is believed for a shorter time
	b.missed(23, unknownNumber)
	b.missed(24, curieNumber)
	b.turn()
	if n := strings.Count(strings.Join(asked(), ""), "LIKE"); n != 8 {
		t.Errorf("%d conditions after half a minute, want 8 for the number that nobody had", n)
	}
}
