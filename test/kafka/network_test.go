package kafka

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
)

const noProxy = "nothing stands before the embedded broker, which tells clients its own address; package stream cuts its connections in virtual time"

// TestCutConnections: all of them, again and again, in the midst of work.
func TestCutConnections(t *testing.T) {
	only(t, noProxy, one, three)
	w := newWorldOn(t, shared)
	p := w.processor("a")
	p.ready()
	wait := w.loadSlowly(manyCalls, 4*time.Second)
	for cuts := range 8 {
		w.waitHandled(1000 * cuts)
		for _, proxy := range shared.proxies {
			proxy.cut()
		}
	}
	wait()
	w.drained()
	w.verify()
}

// TestLostAnswers: the end of a transaction reaches the broker, and its answer
// never the processor, which cannot know then whether it was committed.
func TestLostAnswers(t *testing.T) {
	only(t, noProxy, one, three)
	w := newWorldOn(t, shared)
	p := w.processor("a")
	p.ready()
	wait := w.loadSlowly(manyCalls, 4*time.Second)
	lost := func() (left int32) {
		for _, proxy := range shared.proxies {
			left += max(0, proxy.loseEnds.Load())
		}
		return left
	}
	for round := range 3 {
		w.waitHandled(1000 * round)
		for _, proxy := range shared.proxies {
			proxy.loseEnds.Store(2)
		}
	}
	wait()
	w.loadUntil("some answers were lost", func(context.Context) error {
		if lost() >= int32(2*len(shared.proxies)) {
			return fmt.Errorf("none was")
		}
		return nil
	})
	for _, proxy := range shared.proxies {
		proxy.loseEnds.Store(0)
	}
	w.drained()
	t.Logf("transactions: %.0f committed, %.0f aborted, %.0f unknown", p.metric("callfold_transactions_total", `"committed"`),
		p.metric("callfold_transactions_total", `"aborted"`), p.metric("callfold_transactions_total", `"unknown"`))
	w.verify()
}

// TestForeignTransaction: another program writes events in a transaction and
// does not end it. What is behind it waits, which shows, and is not lost.
func TestForeignTransaction(t *testing.T) {
	w := newWorld(t)
	p := w.processor("a")
	p.ready()
	w.load(10)
	w.drained()

	foreign := w.newClient(kgo.TransactionalID(w.topic("foreign")), kgo.TransactionTimeout(5*time.Minute))
	check(t, foreign.BeginTransaction())
	w.produce(foreign, w.deliveries(20))
	w.load(20) // behind it
	w.eventually("the processor tells how much the open transaction holds back", func(context.Context) error {
		if p.metric("callfold_lso_lag_records") == 0 {
			return fmt.Errorf("callfold_lso_lag_records is 0")
		}
		return nil
	})
	check(t, foreign.EndTransaction(w.patiently(), kgo.TryCommit))
	w.eventually("nothing is held back any more", func(context.Context) error {
		if n := p.metric("callfold_lso_lag_records"); n != 0 {
			return fmt.Errorf("callfold_lso_lag_records is %.0f", n)
		}
		return nil
	})
	w.drained()
	w.verify()
}

// TestAbortedForeignTransaction: what another program took back was never there.
func TestAbortedForeignTransaction(t *testing.T) {
	w := newWorld(t)
	w.processor("a")
	foreign := w.newClient(kgo.TransactionalID(w.topic("foreign")))
	check(t, foreign.BeginTransaction())
	before, poison := w.events, w.poison
	w.produce(foreign, w.deliveries(20))
	w.events, w.poison = before, poison
	check(t, foreign.Flush(w.patiently()))
	check(t, foreign.EndTransaction(w.patiently(), kgo.TryAbort))
	w.load(20)
	w.drained()
	w.verify()
	if n := len(w.readAll(kafka.Events)); n != w.events {
		t.Errorf("%d events, want %d", n, w.events)
	}
}
