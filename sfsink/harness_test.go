package sfsink

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// t0 is when the calls of these tests begin.
const t0 = 1_780_000_000

// The people of the tests. Ids are in the short form; the simulator completes them.
const (
	integration = "005000000000001"
	ada         = "005000000000002"
	bob         = "005000000000003"
	gone        = "005000000000004" // inactive
	curie       = "003000000000001" // a Contact of Ada's
	curieCo     = "001000000000001"
)

const orgFile = `{
 "integration_user": "005000000000001AAA",
 "User": [
  {"Id":"005000000000001AAA","Name":"Integration","Username":"bot@example.com","Email":"bot@example.com","IsActive":true,"CreatedDate":"2024-01-01T00:00:00.000+0000"},
  {"Id":"005000000000002AAA","Name":"Ada Agent","Username":"ada@example.com","Email":"Ada@Example.com","IsActive":true,"CreatedDate":"2024-01-01T00:00:00.000+0000"},
  {"Id":"005000000000003AAA","Name":"Bob Agent","Username":"bob@example.com","Email":"bob@example.com","IsActive":true,"CreatedDate":"2024-01-01T00:00:00.000+0000"},
  {"Id":"005000000000004AAA","Name":"Gone Agent","Username":"gone@example.com","Email":"gone@example.com","IsActive":false,"CreatedDate":"2024-01-01T00:00:00.000+0000"}],
 "Account": [{"Id":"001000000000001AAA","Name":"Curie & Co","Phone":"+33 1 99 00 00 99","OwnerId":"005000000000002AAA","LastModifiedDate":"2026-01-01T00:00:00.000+0000"}],
 "Contact": [{"Id":"003000000000001AAA","Name":"Marie Curie","Phone":"01 23 45 67 89","OwnerId":"005000000000002AAA","AccountId":"001000000000001AAA","LastModifiedDate":"2026-01-01T00:00:00.000+0000"}]
}`

// bench is a sink with a simulated org and one partition of an engine.
type bench struct {
	testing.TB
	sim     *sfsim.Server
	sink    *Sink
	clock   time.Time
	clockMu sync.Mutex      // of its changes and of now
	pauses  []time.Duration // that the sink would have slept
	offset  int64
	states  map[string]schemas.CallRecord
	table   *table
	pending []*kgo.Record
	repeats int // of pending
	since   time.Time
	owned   func() error
	mu      sync.Mutex
	seen    []string // requests
	before  func(*http.Request)
}

// newBench makes a bench; change (may be nil) changes settings and options.
func newBench(t testing.TB, change func(*Options)) *bench {
	t.Helper()
	return newBenchOn(t, sfsim.Options{Seed: 1}, change)
}

// newBenchOn is newBench with a simulator of these options.
func newBenchOn(t testing.TB, o sfsim.Options, change func(*Options)) *bench {
	t.Helper()
	b := emptyBench(t)
	o.Now = b.now
	var err error
	if b.sim, err = sfsim.New(o); err != nil {
		t.Fatal(err)
	}
	b.load(orgFile)
	b.sink = b.newSink(change)
	return b
}

// emptyBench has no simulator and no sink yet.
func emptyBench(t testing.TB) *bench {
	return &bench{TB: t, clock: time.Unix(t0+1000, 0), states: map[string]schemas.CallRecord{}, table: newTable(), owned: func() error { return nil }}
}

func (b *bench) newSink(change func(*Options)) *Sink {
	b.Helper()
	server := httptest.NewServer(b)
	b.Cleanup(server.Close)
	return b.newSinkAt(server.URL, nil, change)
}

// ServeHTTP notes the request and gives it to the simulator.
func (b *bench) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.seen = append(b.seen, r.Method+" "+r.URL.Path)
	before := b.before
	b.mu.Unlock()
	if before != nil {
		before(r)
	}
	b.sim.ServeHTTP(w, r)
}

func (b *bench) newSinkAt(url string, way *http.Client, change func(*Options)) *Sink {
	b.Helper()
	client, err := salesforce.New(salesforce.Options{
		LoginURL: url, HTTPClient: way, APIVersion: "64.0", Flow: salesforce.ClientCredentials{ClientID: "dev", ClientSecret: "dev"},
		Now: b.now,
	})
	if err != nil {
		b.Fatal(err)
	}
	o := Options{
		Client:   client,
		Settings: projector.DefaultSettings(),
		Now:      b.now,
		Random:   func() float64 { return 0 },
		Sleep: func(ctx context.Context, d time.Duration) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.pauses = append(b.pauses, d)
			return ctx.Err()
		},
	}
	if change != nil {
		change(&o)
	}
	sink, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	return sink
}

func (b *bench) load(org string) {
	b.Helper()
	if err := b.sim.Load([]byte(org)); err != nil {
		b.Fatal(err)
	}
}

// event folds an Aircall event into a call, whose new state will be in the next
// batch. fields are more members of data, as JSON without the braces.
func (b *bench) event(id int64, event string, after int, fields string) {
	b.Helper()
	if fields != "" {
		fields = "," + fields
	}
	at := t0 + after
	resource, _, _ := strings.Cut(event, ".")
	body := fmt.Sprintf(`{"resource":%q,"event":%q,"timestamp":%d,"data":{"id":%d,"number":{"id":7,"name":"Paris","digits":"+33 1 76 36 00 11","country":"FR","time_zone":"Europe/Paris"}%s}}`, resource, event, at, id, fields)
	e, err := schemas.ParseEvent([]byte(body))
	if err != nil {
		b.Fatalf("%v in %s", err, body)
	}
	key := strconv.FormatInt(id, 10)
	b.states[key] = schemas.Fold(b.states[key], e, b.offset)
	b.put(key, b.states[key])
}

func (b *bench) put(key string, record schemas.CallRecord) {
	b.Helper()
	value, err := schemas.Calls.Encode(record)
	if err != nil {
		b.Fatal(err)
	}
	b.pending = append(b.pending, &kgo.Record{
		Key: []byte(key), Value: value, Offset: b.offset, Timestamp: b.clock,
		Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())}},
	})
	b.offset++
}

// The moments of a call from (or to) a number.
func (b *bench) answered(id int64, number, by string) {
	b.event(id, "call.answered", 10, fmt.Sprintf(`"direction":"inbound","status":"answered","started_at":%d,"answered_at":%d,"raw_digits":%q,%s`, t0, t0+10, number, user(by)))
}

func (b *bench) missed(id int64, number string) {
	b.event(id, "call.hungup", 20, fmt.Sprintf(`"direction":"inbound","status":"done","started_at":%d,"ended_at":%d,"raw_digits":%q,"missed_call_reason":"agents_did_not_answer"`, t0, t0+20, number))
}

func (b *bench) hungup(id int64) {
	b.event(id, "call.hungup", 70, fmt.Sprintf(`"direction":"inbound","status":"done","started_at":%d,"answered_at":%d,"ended_at":%d`, t0, t0+10, t0+70))
}

func (b *bench) tagged(id int64, after int, tags ...string) {
	var list []string
	for i, tag := range tags {
		list = append(list, fmt.Sprintf(`{"id":%d,"name":%q,"tagged_at":%d}`, i+1, tag, t0+after))
	}
	b.event(id, "call.tagged", after, `"tags":[`+strings.Join(list, ",")+`]`)
}

func user(name string) string {
	ids := map[string]int{"ada": 11, "bob": 12, "gone": 13, "stranger": 14}
	return fmt.Sprintf(`"user":{"id":%d,"name":%q,"email":"%s@example.com"}`, ids[name], name, name)
}

// turn gives the sink all that is new, and all that is due.
func (b *bench) turn() {
	b.Helper()
	if err := b.try(); err != nil {
		b.Fatalf("the turn failed: %v", err)
	}
}

// try is turn, for turns that fail: then the same records come again.
func (b *bench) try() error {
	in := input{b.table, 0, b.pending, b.repeats, b.table.due(b.clock), b.since}
	b.table.changed = map[string]schemas.Outcome{}
	err := b.sink.handle(b.Context(), b.clock, b.owned, []input{in})
	b.sink.pauses.turn([]input{in}, err)
	if err != nil {
		return err
	}
	for key, o := range b.table.changed {
		// As the topic would keep it.
		value, err := schemas.Outcomes.Encode(o)
		if err != nil {
			b.Fatal(err)
		}
		if b.table.stored[key], err = schemas.Outcomes.Decode(schemas.Outcomes.Schema(), value); err != nil {
			b.Fatal(err)
		}
	}
	b.pending, b.repeats = nil, 0
	return nil
}

// later turns the clock.
func (b *bench) later(d time.Duration) {
	b.clockMu.Lock()
	defer b.clockMu.Unlock()
	b.clock = b.clock.Add(d)
}

// now is the clock for those who work side by side with the test: a request whose
// connection was cut may still be worked on.
func (b *bench) now() time.Time {
	b.clockMu.Lock()
	defer b.clockMu.Unlock()
	return b.clock
}

// outcome gives a call's outcome, which must have this result.
func (b *bench) outcome(id int64, want schemas.Result) schemas.Outcome {
	b.Helper()
	o, ok := b.table.stored[strconv.FormatInt(id, 10)]
	if !ok || o.Result != want {
		b.Fatalf("call %d: outcome %q, want %q; error %+v, rule %q", id, o.Result, want, o.Error, o.Rule)
	}
	return o
}

// tasks are the Tasks that are not deleted.
func (b *bench) tasks() []salesforce.Record {
	return slices.DeleteFunc(b.sim.Records("Task"), func(r map[string]any) bool { return r["IsDeleted"] == true })
}

// task is the one Task of a call, with these values (field, value, field, …);
// Ids may be in the short form.
func (b *bench) task(id int64, want ...any) salesforce.Record {
	b.Helper()
	var found []salesforce.Record
	for _, r := range b.tasks() {
		if r["Aircall_Call_Id__c"] == strconv.FormatInt(id, 10) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		b.Fatalf("call %d has %d Tasks, want 1", id, len(found))
	}
	for i := 0; i < len(want); i += 2 {
		got, want := found[0][want[i].(string)], want[i+1]
		s, _ := got.(string)
		if w, ok := want.(string); got != want && !(ok && len(w) == 15 && strings.HasPrefix(s, w)) {
			b.Errorf("call %d: field %d is %v, want %v", id, i/2, got, want)
		}
	}
	return found[0]
}

// record is the record with an Id, of any object.
func (b *bench) record(object, id string) salesforce.Record {
	b.Helper()
	for _, r := range b.sim.Records(object) {
		if strings.HasPrefix(r["Id"].(string), id) {
			return r
		}
	}
	b.Fatalf("no %s %s", object, id)
	return nil
}

// sent counts the requests whose method and path hold a text, and forgets all
// that were sent so far.
func (b *bench) sent(part string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, request := range b.seen {
		if strings.Contains(request, part) {
			n++
		}
	}
	b.seen = nil
	return n
}

// set changes a record as an administrator would.
func (b *bench) set(object, id, fields string) {
	b.Helper()
	b.load(fmt.Sprintf(`{%q:[{"Id":%q,%s}]}`, object, b.record(object, id)["Id"], fields))
}

// remove deletes a record as a person would.
func (b *bench) remove(object, id string) { b.Helper(); b.set(object, id, `"IsDeleted":true`) }

// table is what the engine keeps of a partition.
type table struct {
	mu       sync.Mutex
	stored   map[string]schemas.Outcome
	changed  map[string]schemas.Outcome
	rejected []schemas.RejectReason
}

func newTable() *table { return &table{stored: map[string]schemas.Outcome{}} }

func (t *table) Get(key string) (schemas.Outcome, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o, ok := t.changed[key]; ok {
		return o, true, nil
	}
	o, ok := t.stored[key]
	return o, ok, nil
}

func (t *table) Put(key string, o schemas.Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changed[key] = o
}

func (t *table) Reject(_ *kgo.Record, reason schemas.RejectReason, _ string) error {
	t.rejected = append(t.rejected, reason)
	return nil
}

func (t *table) due(now time.Time) []string {
	var keys []string
	for key, o := range t.stored {
		if at, ok := Timer(o); ok && !at.After(now) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
