package sfsim

import (
	"net/http"
	"sync"
	"time"
)

// lateWork is requests that are carried out when their clients have long gone.
type lateWork struct {
	mu      sync.Mutex
	open    int
	ended   *sync.Cond // of mu: one has ended
	closing chan struct{}
}

func newLateWork() *lateWork {
	l := &lateWork{closing: make(chan struct{})}
	l.ended = sync.NewCond(&l.mu)
	return l
}

// Settle waits until every request that a fault put off ([Fault.CommitAt],
// [Fault.CommitAfter]) has been carried out and nothing of it is left to do.
func (s *Server) Settle() {
	s.late.mu.Lock()
	defer s.late.mu.Unlock()
	for s.late.open > 0 {
		s.late.ended.Wait()
	}
}

// close makes those that still wait for their time give up, and waits for the others.
func (s *Server) closeLate() {
	s.late.mu.Lock()
	select {
	case <-s.late.closing:
	default:
		close(s.late.closing)
	}
	s.late.mu.Unlock()
	s.Settle()
}

// putOff answers a request at once, or not at all, and has its work done later. A
// client that waits for its answer until then gets it.
func (s *Server) putOff(operation string, r *http.Request, fault *Fault, work job) *response {
	answered := make(chan *response, 1)
	s.late.mu.Lock()
	s.late.open++
	s.late.mu.Unlock()
	go func() {
		defer func() {
			s.late.mu.Lock()
			defer s.late.mu.Unlock()
			s.late.open--
			s.late.ended.Broadcast()
		}()
		var timeout <-chan time.Time
		if fault.CommitAfter > 0 {
			timeout = time.After(fault.CommitAfter)
		}
		select {
		case <-fault.CommitAt:
		case <-timeout:
		case <-s.late.closing:
			answered <- nil
			return
		}
		resp := work(fault)
		s.log.Debug("simulator carried a request out late", "status", resp.status)
		answered <- resp
	}()
	if fault.replaces() {
		return fault.response(operation)
	}
	select {
	case resp := <-answered:
		return resp
	case <-r.Context().Done():
		return nil
	}
}
