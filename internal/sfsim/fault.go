package sfsim

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is a trouble that a test puts in the way of its next requests. A fault
// with ExternalIDs meets rows, every other one meets whole requests.
type Fault struct {
	Operation string // name of the operation, as in the metric's label: "query", "collections_upsert", "token", …; empty: any
	Method    string // HTTP method; empty: any
	Path      string // part of the URL's path; empty: any
	Skip      int    // so many matching requests (or rows) pass first
	Times     int    // so many then fail; 0 means 1, negative means all

	// Of a request. Without Status, Cut and Hold, but with a Code, the status is 500.
	Status      int
	Code        string // errorCode (statusCode of a row)
	Message     string // default: the code
	RetryAfter  time.Duration
	AfterCommit bool            // the work is done and durable; only the answer is replaced
	Cut         bool            // the connection ends without an answer
	Hold        <-chan struct{} // the request waits here before it is worked on, also when its client has gone

	// Of rows: those of the records whose external id or Id is one of these.
	ExternalIDs []string
	Fields      []string
}

// faults are those that a server has still to produce.
type faults struct {
	mu   sync.Mutex
	list []*Fault
}

func (f *faults) add(fault Fault) {
	if fault.Times == 0 {
		fault.Times = 1
	}
	if fault.Message == "" {
		fault.Message = fault.Code
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, &fault)
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
		return len(fault.ExternalIDs) == 0 &&
			(fault.Operation == "" || fault.Operation == operation) &&
			(fault.Method == "" || fault.Method == r.Method) &&
			strings.Contains(r.URL.Path, fault.Path)
	})
}

func (f *faults) forRow(o *object, r row) *rowError {
	fault := f.spend(func(fault *Fault) bool {
		return slices.ContainsFunc(fault.ExternalIDs, func(id string) bool {
			return id == r.text(o.id) || slices.ContainsFunc(o.uniques, func(u *field) bool { return r.text(u.index) == id })
		})
	})
	if fault == nil {
		return nil
	}
	return refuse(fault.Code, fault.Fields, "%s", fault.Message)
}

// response is the answer that a request-level fault gives.
func (fault *Fault) response() *response {
	status := fault.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	resp := failure(&apiError{Message: fault.Message, Code: fault.Code, Fields: fault.Fields, status: status})
	if fault.RetryAfter > 0 {
		resp.header.Set("Retry-After", retryAfter(fault.RetryAfter))
	}
	return resp
}
