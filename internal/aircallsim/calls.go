package aircallsim

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/callfold/callfold/internal/traffic"
)

// call is one call: what is shown of it from when on, in the order of time.
type call struct {
	id, startedAt int64
	snapshots     []traffic.Snapshot
}

// at is the call as it is at a moment; nil before its first.
func (c *call) at(now time.Time) *traffic.Snapshot {
	for i := len(c.snapshots) - 1; i >= 0; i-- {
		if s := &c.snapshots[i]; !s.At.After(now) {
			return s
		}
	}
	return nil
}

// account holds the calls and who was deleted.
type account struct {
	mu      sync.Mutex
	byID    map[int64]*call
	ordered []*call // by start, then id; nil: to be made
	deleted map[int64]bool
}

// Add adds a call, which is to be seen as far as it has come. What is over is
// forgotten, but for the end of it.
func (s *Server) Add(c traffic.Call) {
	snapshots := c.Snapshots()
	now, first := s.o.Now(), 0
	for i, snapshot := range snapshots {
		if !snapshot.At.After(now) {
			first = i
		}
	}
	a := &s.account
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byID[c.ID] = &call{id: c.ID, startedAt: snapshots[0].StartedAt(), snapshots: slices.Clone(snapshots[first:])}
	a.ordered = nil
}

// DeleteUser deletes a user of Aircall, who so vanishes from past calls.
func (s *Server) DeleteUser(id int64) {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	s.account.deleted[id] = true
}

// between are the calls that started in a range, its ends included, the oldest
// first, as they are now.
func (a *account) between(from, to int64, now time.Time) []*traffic.Snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ordered == nil {
		for _, c := range a.byID {
			a.ordered = append(a.ordered, c)
		}
		slices.SortFunc(a.ordered, func(x, y *call) int {
			return cmp.Or(cmp.Compare(x.startedAt, y.startedAt), cmp.Compare(x.id, y.id))
		})
	}
	first, _ := slices.BinarySearchFunc(a.ordered, from, func(c *call, from int64) int { return cmp.Compare(c.startedAt, from) })
	var found []*traffic.Snapshot
	for _, c := range a.ordered[first:] {
		if c.startedAt > to {
			break
		}
		if s := c.at(now); s != nil {
			found = append(found, s)
		}
	}
	return found
}

// one is the call of an id as it is now; nil where there is none.
func (a *account) one(id int64, now time.Time) *traffic.Snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.byID[id]; c != nil {
		return c.at(now)
	}
	return nil
}

func (a *account) isDeleted(id int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.deleted[id]
}
