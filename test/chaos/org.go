package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/internal/traffic"
)

// org is the Salesforce simulator with bad habits. Each sink reaches it at an
// address of its own, so that it is known whose request is under way.
//
// A request either fails before anything is done, or it is done whole and at
// once, and what fails is its answer: it is held back, comes late or never.
type org struct {
	server *sfsim.Server
	urls   []string // by sink
	https  []*http.Server

	mu     sync.Mutex
	random *rand.Rand
	calm   bool              // no more troubles by chance
	flight map[*write]bool   // writes that are done and not answered
	traps  map[int][]*trap   // by sink: what becomes of its next writes, one each
	owed   []map[string]bool // of each kill in mid-request: the rows nobody knows about yet
	counts map[string]int    // troubles by name
}

// write is one write request of a sink.
type write struct {
	sink int
	rows map[string]bool // external ids or Ids
}

// trap catches the next write of a sink after it was done.
type trap struct {
	caught  chan *write   // receives it
	release chan struct{} // closed to let it go, unanswered
}

// troubles by chance, in a thousand write requests each.
var troubles = []struct {
	name  string
	share int
}{
	{"500", 30}, {lostAnswer, 40}, {"row locked", 60}, {"403 limit", 10}, {"session expired", 20}, {"slow", 60},
}

func startOrg(ctx context.Context, dir string, sinks int, seed uint64) (*org, error) {
	server, err := sfsim.New(sfsim.Options{Dir: dir, DailyLimit: 1 << 30})
	if err != nil {
		return nil, err
	}
	if err := server.LoadIfEmpty(traffic.SampleOrg()); err != nil {
		return nil, err
	}
	o := &org{
		server: server, random: rand.New(rand.NewPCG(seed, 2)),
		flight: map[*write]bool{}, traps: map[int][]*trap{}, counts: map[string]int{},
	}
	for sink := range sinks {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("opening a port for the Salesforce simulator: %w", err)
		}
		h := &http.Server{
			Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { o.serve(sink, w, r) }),
			ReadHeaderTimeout: 5 * time.Second,
		}
		o.https = append(o.https, h)
		o.urls = append(o.urls, "http://"+l.Addr().String())
		go func() { _ = h.Serve(l) }() // ends with close
	}
	return o, nil
}

func (o *org) close() error {
	for _, h := range o.https {
		_ = h.Close()
	}
	return o.server.Close()
}

// serve answers one request of a sink.
func (o *org) serve(sink int, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	// Collections go alone or several in one request, where lookups go, too.
	if !strings.Contains(r.URL.Path, "/composite") || r.Method == http.MethodGet || len(rows(body)) == 0 {
		o.server.ServeHTTP(w, r)
		return
	}
	trouble, row := o.trouble(body)
	switch trouble {
	case "500":
		refuse(w, http.StatusInternalServerError, "UNKNOWN_EXCEPTION")
		return
	case "403 limit":
		refuse(w, http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED")
		return
	case "session expired":
		o.server.Expire()
	case "row locked":
		o.server.Fail(sfsim.Fault{Code: "UNABLE_TO_LOCK_ROW", Message: "unable to obtain exclusive access to this record", ExternalIDs: []string{row}})
	}
	answer := httptest.NewRecorder()
	o.server.ServeHTTP(answer, r)
	if answer.Code >= http.StatusMultipleChoices {
		send(w, answer)
		return
	}
	o.done(r.Context(), &write{sink, rows(body)}, trouble)
	send(w, answer)
}

// done keeps a write's answer back for as long as something wants that. It does
// not return when the answer is lost.
func (o *org) done(ctx context.Context, w *write, trouble string) {
	o.mu.Lock()
	o.settle(w.rows)
	var t *trap
	if waiting := o.traps[w.sink]; len(waiting) > 0 {
		t, o.traps[w.sink] = waiting[0], waiting[1:]
	}
	o.flight[w] = true
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		delete(o.flight, w)
		o.mu.Unlock()
	}()
	if t != nil {
		t.caught <- w
		select {
		case <-t.release:
		case <-ctx.Done():
		}
		panic(http.ErrAbortHandler)
	}
	switch trouble {
	case "slow":
		sleep(ctx, 700*time.Millisecond)
	case lostAnswer:
		panic(http.ErrAbortHandler)
	}
}

// trouble draws what goes wrong with a write, and the row for a trouble that
// concerns one.
func (o *org) trouble(body []byte) (name, row string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.random.IntN(1000)
	if o.calm {
		return "", ""
	}
	for _, t := range troubles {
		if n -= t.share; n < 0 {
			o.counts[t.name]++
			for id := range rows(body) {
				row = max(row, id)
			}
			return t.name, row
		}
	}
	return "", ""
}

// catch makes the answer of the sink's next write be held back.
func (o *org) catch(sink int) *trap {
	t := &trap{caught: make(chan *write, 1), release: make(chan struct{})}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.traps[sink] = append(o.traps[sink], t)
	return t
}

// uncatch takes a trap away that caught nothing.
func (o *org) uncatch(sink int, t *trap) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.traps[sink] = slices.DeleteFunc(o.traps[sink], func(other *trap) bool { return other == t })
}

// killed notes that a sink was killed. The rows of its writes that were under
// way are owed: someone has to take them over.
func (o *org) killed(sink int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for w := range o.flight {
		if w.sink == sink {
			o.owed = append(o.owed, maps.Clone(w.rows))
		}
	}
}

// settle notes which owed rows are written again: a takeover. It needs mu.
func (o *org) settle(written map[string]bool) {
	for i := 0; i < len(o.owed); i++ {
		for row := range o.owed[i] {
			if written[row] {
				o.counts["takeover"]++
				o.owed = slices.Delete(o.owed, i, i+1)
				i--
				break
			}
		}
	}
}

// count adds to a trouble's count.
func (o *org) count(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts[name]++
}

// counted are the troubles so far, by name.
func (o *org) counted() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.counts)
}

// recover ends the troubles by chance.
func (o *org) recover() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calm = true
}

// rows are the external ids of a request's records, or their Ids.
func rows(body []byte) map[string]bool {
	ids := map[string]bool{}
	note := func(_, record gjson.Result) bool {
		for _, name := range []string{"Aircall_Call_Id__c", "id"} {
			if id := record.Get(name); id.Exists() {
				ids[id.String()] = true
				break
			}
		}
		return true
	}
	gjson.GetBytes(body, "records").ForEach(note)
	gjson.GetBytes(body, "compositeRequest").ForEach(func(_, part gjson.Result) bool {
		part.Get("body.records").ForEach(note)
		return true
	})
	return ids
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `[{"errorCode":%q,"message":"the harness says so"}]`, code) // as in send
}

func send(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = answer.Body.WriteTo(w) // a client that has gone is none of our troubles
}
