package sfsink

import (
	"context"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
)

// request sends one request, alone with its accounts.
func (t *turn) request(ctx context.Context, collections [][]*row) (answers []salesforce.CollectionResult, p *problem, err error) {
	// First the locks, then the slot: who waits for accounts leaves the slot to others.
	release, err := t.locks.acquire(ctx, accountsOf(collections))
	if err != nil {
		return nil, nil, err
	}
	defer release()
	if err := t.slots.acquire(ctx); err != nil {
		return nil, nil, err
	}
	defer func() { t.slots.release(t.crowded(p) || locked(answers)) }()
	parts := t.parts(collections)
	var lost error
	ask := t.asking
	if len(collections) > 1 {
		ask = t.askingOnce // what fails is sent in smaller requests
	}
	p = ask(ctx, func() (err error) {
		// Who was suspended may wake up in the midst of a turn whose calls
		// somebody else has written to since.
		if lost = t.owned(); lost == nil {
			lost = t.governor.over()
		}
		if lost != nil {
			return nil
		}
		began := t.Sink.now()
		answers, err = t.client.Collections(ctx, parts)
		t.sent(err)
		t.learn(collections, answers, t.Sink.now().Sub(began), err)
		return err
	})
	return answers, p, lost
}

// askingOnce sends a request that is not repeated as it is. Before what comes
// instead it leaves Salesforce some time.
func (s *Sink) askingOnce(ctx context.Context, ask func() error) *problem {
	err := ask()
	if err == nil {
		return nil
	}
	p := requestProblem(err)
	if p.again() {
		s.metrics.retries.WithLabelValues(string(p.class)).Inc()
		// Who gives up waiting finds out with the next request.
		_ = s.sleep(ctx, max(p.retryAfter, s.delay(1, requestBaseDelay, requestMaxDelay)))
	}
	return p
}

// again tells whether the same may go well in a moment.
func (p *problem) again() bool {
	return (p.class == classOutage || p.class == classHeavy) && p.retryAfter <= requestMaxDelay
}

// parts are the collections as the client takes them.
func (t *turn) parts(collections [][]*row) []salesforce.Collection {
	parts := make([]salesforce.Collection, len(collections))
	for i, rows := range collections {
		parts[i].Object, parts[i].Delete = "Task", rows[0].remove
		if rows[0].create {
			parts[i].ExternalID = t.externalID
		}
		for _, r := range rows {
			parts[i].Rows = append(parts[i].Rows, r.fields)
		}
	}
	return parts
}

// learn takes from an answer, or that there was none, how much may be sent at once,
// and which rows may have been written although nobody says so.
func (t *turn) learn(collections [][]*row, answers []salesforce.CollectionResult, took time.Duration, err error) {
	rows := 0
	for i, some := range collections {
		rows += len(some)
		if err != nil && unanswered(err) || err == nil && answers[i].Err != nil && unanswered(answers[i].Err) {
			for _, r := range some {
				r.unsure()
			}
		}
	}
	switch {
	case err == nil:
		t.width.answered(rows, took)
	case unanswered(err):
		t.width.lost()
	}
}

// accountsOf are what the rows lock.
func accountsOf(collections [][]*row) (accounts []string) {
	for _, rows := range collections {
		for _, r := range rows {
			if r.account != "" {
				accounts = append(accounts, r.account)
			}
		}
	}
	return accounts
}

// crowded tells whether a request was refused since too many are under way at once.
func (s *Sink) crowded(p *problem) bool {
	return p != nil && (p.error.Code == "UNABLE_TO_LOCK_ROW" || p.class == classThrottle && !s.governor.daily())
}

// locked tells whether rows of a request met locks of somebody else.
func locked(answers []salesforce.CollectionResult) bool {
	for _, a := range answers {
		for _, r := range a.Rows {
			for _, e := range r.Errors {
				if e.StatusCode == "UNABLE_TO_LOCK_ROW" {
					return true
				}
			}
		}
	}
	return false
}
