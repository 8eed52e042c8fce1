package sfsink

import (
	"sync"
	"time"

	"github.com/callfold/callfold/schemas"
)

// unsureCases remembers for which Contacts a Case was asked for without an answer:
// Salesforce may still create it, and nothing about a Case would refuse the second.
// Until it cannot any more, another one is waited with. It is safe for concurrent use.
//
// Another process, or this one after a restart, does not know of it. There a Contact
// waits as long for which an earlier turn may have asked.
type unsureCases struct {
	mu    sync.Mutex
	until map[string]time.Time // by Contact
}

// add notes a request that was not answered, or may have been made by another process.
func (u *unsureCases) add(contact string, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c, until := range u.until {
		if now.After(until) {
			delete(u.until, c)
		}
	}
	if u.until == nil {
		u.until = map[string]time.Time{}
	}
	u.until[contact] = now.Add(confirmAfter)
}

// wait is how long another Case for the Contact has to wait, 0 for not at all.
func (u *unsureCases) wait(contact string, now time.Time) time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	return max(0, u.until[contact].Sub(now))
}

// unsureCase is why calls wait for what became of a Case.
func unsureCase(wait time.Duration) *problem {
	return &problem{class: classContention, retryAfter: wait, error: schemas.OutcomeError{
		Code:    "CASE_UNCONFIRMED",
		Message: "a Case was asked for and Salesforce did not answer; it may still be created",
		Fix:     "Nothing: it is looked for again.",
	}}
}
