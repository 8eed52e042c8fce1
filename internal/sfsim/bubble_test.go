//go:build synctests

package sfsim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidwall/gjson"
)

// bubble is an org in virtual time, called without a network.
type bubble struct {
	t     *testing.T
	sim   *Server
	token string
}

// outcome is an answer and when it came; status 0 is a connection that was cut.
type outcome struct {
	status int
	body   gjson.Result
	took   time.Duration
}

func inBubble(t *testing.T, o Options, test func(*bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sim, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		defer sim.Close()
		if err := sim.Load(readFile(t, "testdata/org.json")); err != nil {
			t.Fatal(err)
		}
		test(&bubble{t, sim, sim.sessions.open(sim.runAs, time.Now().Add(2*time.Hour), 0)})
	})
}

func (b *bubble) do(method, path, body string) (out outcome) {
	req := httptest.NewRequest(method, "/services/data/v64.0/"+path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+b.token)
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	begin := time.Now()
	defer func() {
		out.took = time.Since(begin)
		if e := recover(); e != nil && !errors.Is(e.(error), http.ErrAbortHandler) {
			panic(e)
		}
	}()
	b.sim.ServeHTTP(w, req)
	return outcome{status: w.Code, body: gjson.ParseBytes(w.Body.Bytes())}
}

// start begins a request and returns when it, and all others, can get no further
// at this moment.
func (b *bubble) start(method, path, body string) <-chan outcome {
	ch := make(chan outcome, 1)
	go func() { ch <- b.do(method, path, body) }()
	synctest.Wait()
	return ch
}

func (b *bubble) must(status int, method, path, body string) outcome {
	b.t.Helper()
	r := b.do(method, path, body)
	if r.status != status {
		b.t.Fatalf("%s %s: %d, want %d: %s", method, path, r.status, status, r.body.Raw)
	}
	return r
}

const (
	curie    = `"WhoId":"003000000000001AAA"` // of account 001…1, as is the opportunity
	radium   = `"WhatId":"006000000000001AAA"`
	labs     = `"WhatId":"001000000000001AAA"`
	bohr     = `"WhoId":"003000000000002AAA"` // of no account
	lise     = `"WhoId":"00Q000000000001EAA"`
	open     = `"Status":"In Progress","ActivityDate":"2026-03-15"`
	undated  = `"Status":"In Progress"`
	complete = `"Status":"Completed","ActivityDate":"2026-03-15"`
)

// TestLockMatrix: what the first request holds while it is under way, seen by a
// second one that wants it.
func TestLockMatrix(t *testing.T) {
	post := func(fields ...string) [3]string {
		return [3]string{"POST", "sobjects/Task", "{" + strings.Join(fields, ",") + "}"}
	}
	patch := func(path, field string) [3]string { return [3]string{"PATCH", "sobjects/" + path, "{" + field + "}"} }
	task := func(id int, field string) [3]string {
		return patch(fmt.Sprintf("Task/Aircall_Call_Id__c/%d", id), field)
	}
	account, contact := patch("Account/001000000000001AAA", `"Phone":"1"`), patch("Contact/003000000000001AAA", `"Phone":"1"`)
	for _, tt := range []struct {
		name          string
		first, second [3]string
		locked        string // Id that the second is refused for
	}{
		{"completed ones of one account", post(complete, curie), post(complete, curie), ""},
		{"completed, then its contact", post(complete, curie), contact, ""},
		{"open without a date", post(undated, curie), post(open, curie), ""},
		{"open ones of one account", post(open, curie), post(open, radium), "001000000000001AAA"},
		{"open, then a completed one", post(open, curie), post(complete, curie), ""},
		{"open, then its contact", post(open, bohr), patch("Contact/003000000000002AAA", `"Phone":"1"`), "003000000000002AAA"},
		{"open, then its lead", post(open, lise), patch("Lead/00Q000000000001EAA", `"Phone":"1"`), "00Q000000000001EAA"},
		{"open, then its account", post(open, radium), account, "001000000000001AAA"},
		{"open, then its opportunity", post(open, radium), patch("Opportunity/006000000000001AAA", `"Amount":1`), "006000000000001AAA"},
		{"open ones of two people", post(open, curie), post(open, bohr), ""},
		{"update, then the same", task(1, `"Subject":"x"`), task(1, `"Subject":"y"`), "@1"},
		{"update of a completed one, then another of its account", task(1, `"Subject":"x"`), task(2, `"Subject":"y"`), "001000000000001AAA"},
		{"update, then one of nobody", task(1, `"Subject":"x"`), task(3, `"Subject":"y"`), ""},
		{"move to another person", task(3, bohr), patch("Contact/003000000000002AAA", `"Phone":"1"`), "003000000000002AAA"},
		{"move away from a person", task(1, `"WhoId":null,"WhatId":null`), contact, "003000000000001AAA"},
		{"removal", [3]string{"DELETE", "sobjects/Task/Aircall_Call_Id__c/1"}, contact, "003000000000001AAA"},
		{"new contact, then its account", [3]string{"POST", "sobjects/Contact", `{"LastName":"x","AccountId":"001000000000001AAA"}`}, account, "001000000000001AAA"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, Options{}, func(b *bubble) {
				var ids []string
				for i, fields := range []string{complete + "," + curie + "," + labs, complete + "," + labs, complete} {
					ids = append(ids, b.must(http.StatusCreated, "PATCH", fmt.Sprintf("sobjects/Task/Aircall_Call_Id__c/%d", i+1), "{"+fields+"}").body.Get("id").String())
				}
				release := make(chan struct{})
				b.sim.Fail(Fault{HoldLocks: release})
				before := snapshotText(b.sim)
				first := b.start(tt.first[0], tt.first[1], tt.first[2])
				if snapshotText(b.sim) != before {
					t.Error("the work of a request under way is seen")
				}
				second := b.do(tt.second[0], tt.second[1], tt.second[2])
				locked := strings.Replace(tt.locked, "@1", ids[0], 1)
				code, message := second.body.Get("0.errorCode").String(), second.body.Get("0.message").String()
				if locked == "" && second.status >= 300 || locked != "" && (code != "UNABLE_TO_LOCK_ROW" || !strings.HasSuffix(message, locked)) {
					t.Errorf("the second was answered %d %s, want a lock on %q", second.status, second.body.Raw, locked)
				}
				close(release)
				if r := <-first; r.status >= 300 {
					t.Errorf("the first was answered %d %s", r.status, r.body.Raw)
				}
				if snapshotText(b.sim) == before {
					t.Error("the first request left no trace")
				}
				if r := b.do(tt.second[0], tt.second[1], tt.second[2]); r.status >= 300 {
					t.Errorf("afterwards the second was answered %d %s", r.status, r.body.Raw)
				}
			})
		})
	}
}

func snapshotText(s *Server) string { return fmt.Sprint(snapshot(s)) }

// TestLockRefusesRowsAlone: in a collection only the row that needs the lock is refused.
func TestLockRefusesRowsAlone(t *testing.T) {
	inBubble(t, Options{Latency: 100 * time.Millisecond}, func(b *bubble) {
		first := b.start("POST", "sobjects/Task", "{"+open+","+curie+"}")
		r := b.must(http.StatusOK, "POST", "composite/sobjects", `{"records":[
			{"attributes":{"type":"Task"},`+open+`,`+radium+`},{"attributes":{"type":"Task"},`+open+`,`+bohr+`}]}`)
		if r.body.Get("0.errors.0.statusCode").String() != "UNABLE_TO_LOCK_ROW" || !r.body.Get("1.success").Bool() {
			t.Error(r.body.Raw)
		}
		if (<-first).took != 100*time.Millisecond || len(b.sim.Records("Task")) != 2 {
			t.Error("not two tasks after 100 ms")
		}
	})
}

// TestLockWait: with patience the second request gets the lock, or is refused
// when its patience is over.
func TestLockWait(t *testing.T) {
	latency := map[string]time.Duration{"create": 4 * time.Second, "update": time.Second}
	for wait, want := range map[time.Duration]outcome{
		3 * time.Second: {status: http.StatusBadRequest, took: 4 * time.Second}, // refused after 3 s of waiting
		5 * time.Second: {status: http.StatusNoContent, took: 5 * time.Second},
	} {
		inBubble(t, Options{LockWait: wait, LatencyOf: func(operation string) time.Duration { return latency[operation] }}, func(b *bubble) {
			first := b.start("POST", "sobjects/Task", "{"+open+","+curie+"}")
			second := b.do("PATCH", "sobjects/Account/001000000000001AAA", `{"Phone":"1"}`)
			if second.status != want.status || second.took != want.took {
				t.Errorf("waiting %s: %d after %s, want %d after %s", wait, second.status, second.took, want.status, want.took)
			}
			<-first
		})
	}
}

// TestUniqueRace: of two requests that create one key at the same time the second
// one learns of the first one's record when that is there, and not before.
func TestUniqueRace(t *testing.T) {
	inBubble(t, Options{Latency: time.Second}, func(b *bubble) {
		const path = "composite/sobjects/Task/Aircall_Call_Id__c"
		first := b.start("PATCH", path, killBody(0))
		time.Sleep(300 * time.Millisecond)                                                               // virtual
		second := b.start("PATCH", path, strings.ReplaceAll(killBody(5), `_Id__c":"5"`, `_Id__c":"15"`)) // 6 to 9 are the first one's, 10 to 15 are not
		third := b.start("POST", "sobjects/Task", `{"Aircall_Call_Id__c":"0"}`)
		one, two, three := <-first, <-second, <-third
		if one.took != time.Second || two.took != time.Second || three.took != time.Second {
			t.Errorf("they took %s, %s and %s", one.took, two.took, three.took)
		}
		id := one.body.Get("6.id").String()
		if got, want := two.body.Get("1.errors.0").Raw, `{"statusCode":"DUPLICATE_VALUE","message":"duplicate value found: Aircall_Call_Id__c duplicates value on record with id: `+id+`","fields":[]}`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if n := strings.Count(two.body.Raw, "DUPLICATE_VALUE"); n != 4 {
			t.Errorf("%d rows lost the race, want 4", n)
		}
		if three.status != http.StatusBadRequest || three.body.Get("0.errorCode").String() != "DUPLICATE_VALUE" {
			t.Error(three.body.Raw)
		}
		if n := len(b.sim.Records("Task")); n != 16 {
			t.Errorf("%d tasks", n)
		}
		b.must(http.StatusOK, "PATCH", "sobjects/Task/Aircall_Call_Id__c/6", `{"Subject":"now it is an update"}`)
	})
}

// TestUniqueRaceWaits: who lost is answered only when the winner's record can be read.
func TestUniqueRaceWaits(t *testing.T) {
	inBubble(t, Options{}, func(b *bubble) {
		release := make(chan struct{})
		b.sim.Fail(Fault{HoldLocks: release})
		body := `{"LastName":"x","Company":"y","Aircall_Number_Key__c":"+33123"}`
		first := b.start("POST", "sobjects/Lead", body)
		second := b.start("POST", "sobjects/Lead", body)
		select {
		case r := <-second:
			t.Fatalf("answered before the winner: %d", r.status)
		default:
		}
		close(release)
		message := (<-second).body.Get("0.message").String()
		b.must(http.StatusOK, "GET", "sobjects/Lead/"+message[len(message)-18:], "")
		if id := (<-first).body.Get("id").String(); !strings.HasSuffix(message, id) {
			t.Errorf("%s does not name %s", message, id)
		}
	})
}

// TestLatencyOverlaps: requests that want nothing of each other take their time side by side.
func TestLatencyOverlaps(t *testing.T) {
	inBubble(t, Options{Latency: time.Second}, func(b *bubble) {
		begin := time.Now()
		var all []<-chan outcome
		for i := range 10 {
			all = append(all, b.start("PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", killBody(10*i)))
		}
		for _, ch := range all {
			<-ch
		}
		if took := time.Since(begin); took != time.Second || len(b.sim.Records("Task")) != 100 {
			t.Errorf("10 requests took %s and made %d tasks", took, len(b.sim.Records("Task")))
		}
	})
}

// TestOverlapIsDurable: requests that overlap are on disk when they were answered,
// and Ids and case numbers stay apart.
func TestOverlapIsDurable(t *testing.T) {
	dir := t.TempDir()
	s := newServer(t, Options{Dir: dir, Latency: 20 * time.Millisecond})
	g := &bubble{t: t, sim: s, token: s.sessions.open(s.runAs, time.Now().Add(time.Hour), 0)}
	answers := make(chan outcome)
	for i := range 20 {
		go func() { answers <- g.do("PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", killBody(10*i)) }()
		go func() { answers <- g.do("POST", "sobjects/Case", `{"Subject":"x"}`) }()
	}
	for range 40 {
		if r := <-answers; r.status > 201 || strings.Contains(r.body.Raw, `"success":false`) {
			t.Errorf("%d %s", r.status, r.body.Raw)
		}
	}
	before := snapshot(s)
	check(t, s.Close())
	s = newServer(t, Options{Dir: dir})
	if fmt.Sprint(snapshot(s)) != fmt.Sprint(before) {
		t.Error("reopening gave another org")
	}
	ids, numbers := map[any]bool{}, map[any]bool{}
	for _, r := range s.Records("Task") {
		ids[r["Id"]] = true
	}
	for _, r := range s.Records("Case") {
		numbers[r["CaseNumber"]] = true
	}
	if len(ids) != 200 || len(numbers) != 20 {
		t.Errorf("%d tasks and %d case numbers", len(ids), len(numbers))
	}
}

// TestOverlapAtRandom: whatever overlaps, no answered change is lost and no key comes twice.
func TestOverlapAtRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	draw := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	latency := func(string) time.Duration { return time.Duration(draw(5000)) * time.Microsecond }
	inBubble(t, Options{LatencyOf: latency, Seed: seed}, func(b *bubble) {
		b.sim.Fail(EveryFault(0.02)...)
		type write struct {
			outcome
			n, key int
			ended  time.Time
		}
		const writes = 2000
		done := make(chan write, writes)
		for n := range writes {
			key := draw(20)
			go func() {
				r := b.do("PATCH", fmt.Sprintf("sobjects/Task/Aircall_Call_Id__c/%d", key), fmt.Sprintf(`{"Subject":"%d",%s}`, n, labs))
				done <- write{r, n, key, time.Now()}
			}()
			time.Sleep(time.Duration(draw(1000)) * time.Microsecond) // virtual
		}
		var all []write
		statuses := map[int]int{}
		last := map[int]time.Time{} // by key: when the last write that was answered well ended
		for range writes {
			w := <-done
			all = append(all, w)
			statuses[w.status]++
			if w.status < 300 && w.status > 0 && w.ended.After(last[w.key]) {
				last[w.key] = w.ended
			}
		}
		subjects := map[int]string{}
		for _, r := range b.sim.Records("Task") {
			key, _ := strconv.Atoi(r["Aircall_Call_Id__c"].(string))
			if subjects[key] != "" {
				t.Errorf("key %d twice", key)
			}
			subjects[key] = r["Subject"].(string)
		}
		for key, when := range last {
			// A write whose answer was lost may have come after it.
			if !slices.ContainsFunc(all, func(w write) bool {
				return w.key == key && !w.ended.Before(when) && strconv.Itoa(w.n) == subjects[key]
			}) {
				t.Errorf("key %d holds %q, not what was written last", key, subjects[key])
			}
		}
		for _, status := range []int{0, 400, 401, 403, 500, 503} {
			if statuses[status] == 0 {
				t.Errorf("no answer %d: %v", status, statuses)
			}
		}
		if len(last) != 20 || statuses[200] < 200 {
			t.Errorf("statuses %v", statuses)
		}
		if l := &b.sim.locks; len(l.rows)+len(l.values) != 0 || l.added["Task"] != 0 {
			t.Errorf("locks that nobody holds: %v %v %v", l.rows, l.values, l.added)
		}
	})
}

// TestCommitAfter: a request is carried out a minute after it came.
func TestCommitAfter(t *testing.T) {
	inBubble(t, Options{}, func(b *bubble) {
		b.sim.Fail(Fault{Method: "PATCH", Cut: true, CommitAfter: time.Minute})
		const path = "sobjects/Task/Aircall_Call_Id__c/1"
		if r := b.do("PATCH", path, `{"Subject":"older"}`); r.status != 0 || r.took != 0 {
			t.Errorf("answered %d after %s", r.status, r.took)
		}
		time.Sleep(30 * time.Second) // virtual
		b.must(http.StatusCreated, "PATCH", path, `{"Subject":"newer"}`)
		time.Sleep(29 * time.Second) // virtual
		if s := b.sim.Records("Task")[0]["Subject"]; s != "newer" {
			t.Errorf("too early: %v", s)
		}
		b.sim.Settle()
		if s := b.sim.Records("Task")[0]["Subject"]; s != "older" {
			t.Errorf("after a minute: %v", s)
		}
	})
}

// TestConcurrencyLimit follows "API Request Limits and Allocations": only requests
// that have been under way for more than 20 s count.
func TestConcurrencyLimit(t *testing.T) {
	inBubble(t, Options{}, func(b *bubble) {
		release := make(chan struct{})
		b.sim.Fail(Fault{Operation: "create", Hold: release, Times: 24})
		b.sim.Fail(Fault{Operation: "create", Cut: true, CommitAt: release}) // it is under way too, whoever waits
		var all []<-chan outcome
		for range 25 {
			all = append(all, b.start("POST", "sobjects/Task", "{}"))
		}
		time.Sleep(20 * time.Second) // virtual
		b.must(http.StatusOK, "GET", "limits", "")
		time.Sleep(time.Second) // virtual
		r := b.must(http.StatusForbidden, "GET", "limits", "")
		if r.body.Get("0.errorCode").String() != "REQUEST_LIMIT_EXCEEDED" || r.body.Get("0.message").String() != "ConcurrentRequests (Concurrent API Requests) Limit exceeded." {
			t.Error(r.body.Raw)
		}
		close(release)
		for _, ch := range all {
			<-ch
		}
		b.sim.Settle()
		b.must(http.StatusOK, "GET", "limits", "")
	})
}
