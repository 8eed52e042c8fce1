//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kgo"
)

// live sends calls at a steady rate, and looks how soon each event is in its Task.
type live struct {
	world  *world
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	waiting map[string][]time.Time // by call: when each event was acknowledged
	delays  []time.Duration
	from    time.Time // events of before do not count
	failed  error
}

// delays of events, sorted.
type delays []time.Duration

func (d delays) String() string {
	if len(d) == 0 {
		return "nothing came"
	}
	at := func(share float64) time.Duration {
		return d[min(len(d)-1, int(share*float64(len(d))))].Round(time.Millisecond)
	}
	return fmt.Sprintf("%d events, median %s, 95 %% %s, 99 %% %s, longest %s", len(d), at(.5), at(.95), at(.99), at(1))
}

func (w *world) startLive(ctx context.Context) *live {
	ctx, cancel := context.WithCancel(ctx)
	l := &live{world: w, cancel: cancel, ended: make(chan struct{}), waiting: map[string][]time.Time{}}
	w.outcome = l.outcome
	go l.run(ctx)
	return l
}

// run sends each call's end, and its tag a second later.
func (l *live) run(ctx context.Context) {
	defer close(l.ended)
	ticker := time.NewTicker(time.Second / time.Duration(l.world.options.rate))
	defer ticker.Stop()
	for id := int64(firstLive); ; id++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		l.send(id, "call.hungup", "")
		if earlier := id - int64(l.world.options.rate); earlier >= firstLive {
			l.send(earlier, "call.tagged", `,"tags":[{"id":1,"name":"Sale","tagged_at":1780000029}]`)
		}
	}
}

func (l *live) send(id int64, event, more string) {
	l.world.client.Produce(context.Background(), l.world.event(id, event, more), func(_ *kgo.Record, err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failed = errors.Join(l.failed, err)
		key := strconv.FormatInt(id, 10)
		l.waiting[key] = append(l.waiting[key], time.Now())
	})
}

// outcome takes a record of the topic tasks.
func (l *live) outcome(r *kgo.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := l.waiting[string(r.Key)]
	if len(waiting) == 0 {
		return
	}
	var done int
	switch result := gjson.GetBytes(r.Value, "result").Str; result {
	case "created":
		done = 1
		if gjson.GetBytes(r.Value, "reasons.CallDisposition.events.#").Int() > 1 {
			done = len(waiting) // the tag came in the same turn
		}
	case "updated", "unchanged":
		done = len(waiting)
	default:
		return
	}
	now := time.Now()
	for _, at := range waiting[:done] {
		if at.After(l.from) {
			l.delays = append(l.delays, now.Sub(at))
		}
	}
	l.waiting[string(r.Key)] = waiting[done:]
}

// take gives the delays since the last time, of events that came since then.
func (l *live) take() delays {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.delays
	l.delays, l.from = nil, time.Now()
	slices.Sort(d)
	return d
}

// stop ends the sending and waits until everything is written.
func (l *live) stop() error {
	l.cancel()
	<-l.ended
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); time.Sleep(100 * time.Millisecond) { // polling
		if l.left() == 0 {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.failed
		}
	}
	return fmt.Errorf("%d live calls were not written within two minutes", l.left())
}

func (l *live) left() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, waiting := range l.waiting {
		if len(waiting) > 0 {
			n++
		}
	}
	return n
}
