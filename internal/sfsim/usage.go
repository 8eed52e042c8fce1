package sfsim

import (
	"sync"
	"time"
)

// longRequest is how long a request must have been under way to count among the
// long ones ("API Request Limits and Allocations").
const longRequest = 20 * time.Second

// usage counts API requests over 24 rolling hours, by the minute, and those under way.
type usage struct {
	mu      sync.Mutex
	limit   int
	minutes map[int64]int
	total   int

	longLimit int
	flights   map[*flight]bool
}

// flight is a request under way.
type flight struct{ since time.Time }

// SetDailyLimit changes the limit that [Options.DailyLimit] set: how many API
// requests the org allows in 24 rolling hours.
func (s *Server) SetDailyLimit(n int) {
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	s.usage.limit = n
}

// SetUsage makes the org believe that n API requests, by whomever, were counted
// in the present minute and none before. They count for 24 hours.
func (s *Server) SetUsage(n int) {
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	s.usage.minutes = map[int64]int{s.now().Unix() / 60: n}
	s.usage.total = n
}

// count adds one request unless the limit is reached, and returns how many there
// were in the last 24 hours.
func (u *usage) count(now time.Time) (used, limit int, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.minutes == nil {
		u.minutes = map[int64]int{}
	}
	minute := now.Unix() / 60
	if _, known := u.minutes[minute]; !known {
		for m, n := range u.minutes {
			if m <= minute-24*60 {
				u.total -= n
				delete(u.minutes, m)
			}
		}
	}
	if u.total >= u.limit {
		return u.total, u.limit, false
	}
	u.minutes[minute]++
	u.total++
	return u.total, u.limit, true
}

// figures returns how many requests were counted, for the limits resource.
func (u *usage) figures() (used, limit int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.total, u.limit
}

// enter notes that a request is under way, unless too many have been for long.
func (u *usage) enter(now time.Time) (f *flight, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	long := 0
	for other := range u.flights {
		if now.Sub(other.since) > longRequest {
			long++
		}
	}
	if long >= u.longLimit {
		return nil, false
	}
	if u.flights == nil {
		u.flights = map[*flight]bool{}
	}
	f = &flight{now}
	u.flights[f] = true
	return f, true
}

// leave notes that a request has ended.
func (u *usage) leave(f *flight) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.flights, f)
}
