package sfsim

import (
	"cmp"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is a trouble that a test puts in the way of its next requests. A fault
// with Rows or ExternalIDs meets rows, every other one meets whole requests.
type Fault struct {
	Operation string  // name of the operation, as in the metric's label: "query", "collections_upsert", "token", …; empty: any
	Method    string  // HTTP method; empty: any
	Path      string  // part of the URL's path; empty: any
	Skip      int     // so many matching requests (or rows) pass first
	Times     int     // so many then fail; 0 means 1 (with Share: all), negative means all
	Share     float64 // the chance, above 0 and up to 1, of a matching request (or row) to be met; 0: each is. See [Options.Seed]

	// Of a request. Without Status, Cut, Hold and a time to commit, but with a Code, the status is 500.
	Status      int
	Code        string // errorCode (statusCode of a row)
	Message     string // default: the code
	RetryAfter  time.Duration
	AfterCommit bool            // the work is done and durable; only the answer is replaced
	Cut         bool            // the connection ends without an answer
	Hold        <-chan struct{} // the request waits here before it is worked on, also when its client has gone
	HoldLocks   <-chan struct{} // a writing request waits here when its work is done but not to be seen yet, and keeps its locks

	// When one of these is set, the request is admitted (session, limits) and then
	// carried out, whole and by the rules of that time, when the channel is closed
	// or so long after it came. Its answer does not wait for that: with Cut the
	// connection ends at once, with Status or Code so does the request. Without
	// either it is never answered, unless its client is still there when it is done.
	CommitAt    <-chan struct{}
	CommitAfter time.Duration

	// Of rows: all of them, or those of the records whose external id or Id is one of
	// these. With Whole the request that holds such a row is refused as a whole, of a
	// composite the part that holds it; the Status is 400 where the fault has none.
	Rows        bool
	ExternalIDs []string
	Whole       bool
	Fields      []string
}

// EveryFault is each trouble that passes when a request or row is sent again, with
// the same chance of meeting a request (or a written row): failures before and after
// the work is done, cut connections, limits, expired sessions, locked rows. It
// meets the org's data only, not the sign-in.
func EveryFault(share float64) []Fault {
	list := []Fault{
		{Status: http.StatusInternalServerError, Code: "UNKNOWN_EXCEPTION", Message: "An unexpected error occurred."},
		{Status: http.StatusInternalServerError, Code: "UNKNOWN_EXCEPTION", Message: "An unexpected error occurred.", AfterCommit: true},
		{Status: http.StatusServiceUnavailable, Code: "SERVER_UNAVAILABLE", Message: "Server is busy. Please try again."},
		{Cut: true},
		{Cut: true, AfterCommit: true},
		{Status: http.StatusGatewayTimeout, AfterCommit: true},
		{Status: http.StatusForbidden, Code: "REQUEST_LIMIT_EXCEEDED", Message: concurrencyMessage},
		{Status: http.StatusTooManyRequests},
		{Status: http.StatusUnauthorized, Code: "INVALID_SESSION_ID", Message: "Session expired or invalid"},
		{Rows: true, Code: "UNABLE_TO_LOCK_ROW", Message: "unable to obtain exclusive access to this record"},
		{Rows: true, Code: "UNKNOWN_EXCEPTION", Message: "An unexpected error occurred."},
	}
	for i := range list {
		list[i].Share = share
		list[i].Path = "/services/data/"
	}
	return list
}

// faults are those that a server has still to produce.
type faults struct {
	mu     sync.Mutex
	list   []*Fault
	seed   uint64
	random *rand.Rand // nil until a fault asks for it
}

func (f *faults) add(log *slog.Logger, fault Fault) {
	if fault.Times == 0 {
		fault.Times = 1
		if fault.Share > 0 {
			fault.Times = -1
		}
	}
	if fault.Message == "" {
		fault.Message = fault.Code
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if fault.Share > 0 && f.random == nil {
		f.random = rand.New(rand.NewPCG(f.seed, 0))
		log.Info("the simulator has faults at random", "seed", f.seed)
	}
	f.list = append(f.list, &fault)
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}

// spend finds the first fault that matches and whose turn it is, and uses it up by one.
func (f *faults) spend(matches func(*Fault) bool) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.list {
		switch {
		case !matches(fault):
			continue
		case fault.Skip > 0:
			fault.Skip--
			continue
		case fault.Share > 0 && f.random.Float64() >= fault.Share:
			continue
		case fault.Times > 0:
			fault.Times--
		}
		if fault.Times == 0 {
			f.list = slices.Delete(f.list, i, i+1)
		}
		return fault
	}
	return nil
}

func (f *faults) forRequest(operation string, r *http.Request) *Fault {
	return f.spend(func(fault *Fault) bool {
		return !fault.meetsRows() &&
			(fault.Operation == "" || fault.Operation == operation) &&
			(fault.Method == "" || fault.Method == r.Method) &&
			strings.Contains(r.URL.Path, fault.Path)
	})
}

func (f *faults) forRow(o *object, r row) *rowError {
	fault := f.spend(func(fault *Fault) bool {
		if len(fault.ExternalIDs) == 0 {
			return fault.Rows
		}
		return slices.ContainsFunc(fault.ExternalIDs, func(id string) bool {
			return id == r.text(o.id) || slices.ContainsFunc(o.uniques, func(u *field) bool { return r.text(u.index) == id })
		})
	})
	if fault == nil {
		return nil
	}
	err := refuse(fault.Code, fault.Fields, "%s", fault.Message)
	if fault.Whole {
		err.whole = &apiError{Message: fault.Message, Code: fault.Code, Fields: fault.Fields, status: cmp.Or(fault.Status, http.StatusBadRequest)}
	}
	return err
}

// meet lets the row meet the faults that are arranged for rows.
func (t *tx) meet(o *object, r row) *rowError {
	err := t.s.faults.forRow(o, r)
	if err != nil && err.whole != nil {
		t.refused = err.whole
	}
	return err
}

// handled does the work of a request, or of a part of one, and takes it back where
// a row of it had the whole refused.
func (c *call) handled(rt *route) *response {
	if c.tx == nil {
		return rt.handle(c)
	}
	mark := c.tx.mark()
	resp := rt.handle(c)
	if refused := c.tx.refused; refused != nil {
		c.tx.refused = nil
		c.tx.rollback(mark)
		return failure(refused)
	}
	return resp
}

func (fault *Fault) meetsRows() bool { return fault.Rows || len(fault.ExternalIDs) > 0 }

// replaces tells whether a request that meets the fault gets another answer than its own, or none.
func (fault *Fault) replaces() bool { return fault.Cut || fault.Status != 0 || fault.Code != "" }

// late tells whether the request's work is put off.
func (fault *Fault) late() bool { return fault.CommitAt != nil || fault.CommitAfter > 0 }

// response is the answer that a request-level fault gives, in the shape of the
// operation; nil cuts the connection.
func (fault *Fault) response(operation string) *response {
	if fault.Cut {
		return nil
	}
	status := fault.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	resp := failure(&apiError{Message: fault.Message, Code: fault.Code, Fields: fault.Fields, status: status})
	if operation == "token" {
		resp = answer(status, tokenError{fault.Code, fault.Message})
	}
	if fault.RetryAfter > 0 {
		resp.header.Set("Retry-After", retryAfter(fault.RetryAfter))
	}
	return resp
}

// job does an admitted request's work; the fault that the request met tells when it may end.
type job func(*Fault) *response

// ready is the admission of requests that nothing stands in the way of.
func ready(work func() *response) func() (job, *response) {
	return func() (job, *response) { return func(*Fault) *response { return work() }, nil }
}

// faulty admits the request and does its work, unless an injected fault stands
// before, between or after these.
func (s *Server) faulty(operation string, r *http.Request, admit func() (job, *response)) *response {
	fault := s.faults.forRequest(operation, r)
	if fault == nil {
		fault = &Fault{}
	}
	nothingDone := fault.replaces() && !fault.AfterCommit && !fault.late()
	var work job
	if !nothingDone {
		var refused *response
		if work, refused = admit(); refused != nil {
			return refused
		}
	}
	if fault.Hold != nil {
		<-fault.Hold
	}
	if nothingDone {
		return fault.response(operation)
	}
	if fault.late() {
		return s.putOff(operation, r, fault, work)
	}
	if resp := work(fault); !fault.replaces() {
		return resp
	}
	return fault.response(operation)
}
