package stream

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// linger decides after a turn how long its lane may rest.
func (l *lane[V]) linger() {
	if l.opts.Linger == nil || l.behind || l.moreDue {
		return
	}
	rest := l.opts.Linger()
	if rest <= 0 {
		l.working.wake()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.wokenAt) > wakeFor {
		l.restUntil = now.Add(rest)
	}
}

// wake ends the rests of all lanes: one that began before it was known that nobody has to
// rest may take as long as a minute.
func (w *working[V]) wake() {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, l := range w.lanes {
		l.mu.Lock()
		l.restUntil = time.Time{}
		l.mu.Unlock()
	}
}

// wakeFor is how long a lane does not rest after a partition was restored: its input
// must be on its way by then.
const wakeFor = 2 * time.Second

// rest leaves input lying for a moment and reports whether it did. Nothing else
// waits for that: the group may rebalance, and what it gives or takes is seen to.
// The rest ends when there is enough for a batch, or a partition was restored.
func (l *lane[V]) rest(ctx context.Context) bool {
	l.mu.Lock()
	left := time.Until(l.restUntil)
	l.mu.Unlock()
	if left <= 0 {
		return false
	}
	l.rested = true
	pause(ctx, min(left, pollWait))
	l.mu.Lock()
	defer l.mu.Unlock()
	// A rebalance may take place meanwhile. Nothing uses a partition before the
	// next poll, after which this is done again.
	l.reconcile(l.session.Client())
	waiting := int64(0)
	for p := range l.tasks {
		waiting += l.lags.waiting(p)
	}
	if waiting >= int64(l.opts.BatchRecords) {
		l.restUntil = time.Time{}
	}
	return true
}

const (
	// gatherWait is how long it takes at most until more of what lies there comes.
	gatherWait = 100 * time.Millisecond
	// gatherFor bounds the gathering where there is always more: what came first waits
	// for it.
	gatherFor = 300 * time.Millisecond
)

// fetch waits for input. After a rest it gathers what has come meanwhile: the
// client asks for more only when all was taken that it has, which is what came
// in the rest's first moment. So does a lane that is behind, as what the client
// has may be less than a batch.
func (l *lane[V]) fetch(ctx context.Context) kgo.Fetches {
	fetches := l.pollFor(ctx, pollWait, l.room)
	for began := time.Now(); (l.rested || l.behind) && time.Since(began) < gatherFor; {
		records, bytes := sizeOf(fetches)
		room := l.room - records
		if room <= 0 || records == 0 || bytes >= batchBytes {
			break
		}
		more := l.pollFor(ctx, gatherWait, room)
		fetches = append(fetches, more...)
		if more.NumRecords() == 0 {
			break
		}
	}
	return fetches
}

func (l *lane[V]) pollFor(ctx context.Context, wait time.Duration, most int) kgo.Fetches {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return l.session.PollRecords(ctx, most)
}
