package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/apache"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/traffic"
)

// TestConsumerProtocol: the group protocol of KIP-848, with two members of which
// one is killed.
func TestConsumerProtocol(t *testing.T) {
	only(t, "the new protocol is for Kafka 4.3 and later", one, three)
	w := newWorld(t)
	const setting = "CALLFOLD_KAFKA_GROUP_PROTOCOL=consumer"
	a, b := w.processor("a", setting), w.processor("b", setting)
	a.ready()
	b.ready()
	w.loadUntil("both work", bothWork(a, b))
	before := w.events
	wait := w.loadSlowly(manyCalls, 5*time.Second)
	w.waitHandled(before + 1000)
	a.kill()
	wait()
	w.drained()
	a = w.processor("a", setting)
	a.ready()
	w.load(100)
	w.drained()
	a.stop()
	b.stop()
	w.verify()
}

func bothWork(a, b *stage) func(context.Context) error {
	return func(context.Context) error {
		if a.metric("callfold_records_in_total") == 0 || b.metric("callfold_records_in_total") == 0 {
			return errors.New("one of them has nothing to do")
		}
		return nil
	}
}

// TestRefusedTopics: a stage does not run on topics that would lose data, and
// says how to mend them.
func TestRefusedTopics(t *testing.T) {
	for _, wrong := range []struct{ topic, config, value string }{
		{kafka.Events, "retention.ms", "86400000"},
		{kafka.Events, "cleanup.policy", "compact"},
		{kafka.Calls, "cleanup.policy", "delete"},
	} {
		t.Run(wrong.topic+" "+wrong.config, func(t *testing.T) {
			w := newWorld(t)
			w.configure(wrong.topic, map[string]string{wrong.config: wrong.value})
			p := w.processor("a")
			select {
			case <-p.done:
			case <-time.After(patience):
				t.Fatal("the processor runs on them")
			}
			if p.err == nil || !p.logged(wrong.config) && !strings.Contains(p.lastLines(5), wrong.config) {
				t.Errorf("it ended with %v and did not name %s:\n%s", p.err, wrong.config, p.lastLines(5))
			}
		})
	}
}

const transactionsWarning = "transaction.version"

// TestTransactionsWarning: a cluster with the older version of transactions works,
// and is warned of.
func TestTransactionsWarning(t *testing.T) {
	only(t, "it needs a cluster that was formatted so", one)
	if w := newWorldOn(t, shared); true {
		p := w.processor("a")
		p.ready()
		if p.logged(transactionsWarning) {
			t.Error("a warning about a cluster that has what is wanted")
		}
	}
	old, err := apache.Start(t.Context(), apache.Options{Dir: t.TempDir(), Features: map[string]string{"transaction.version": "1"}})
	check(t, err)
	defer old.Close()
	w := newWorldOn(t, &fleet{kind: one, brokers: old.Brokers(), direct: old.Direct(), apache: old})
	p := w.processor("a")
	p.ready()
	w.load(100)
	w.drained()
	if !p.logged(transactionsWarning) {
		t.Error("no warning")
	}
	p.kill()
	w.processor("a")
	w.load(100)
	w.drained()
	w.verify()
}

// TestCompaction: the log cleaner of Kafka really removes older states; a restore
// afterwards finds all that counts.
func TestCompaction(t *testing.T) {
	only(t, "the embedded broker's cleaner hardly ever runs", one, three)
	w := newWorld(t)
	w.configure(kafka.Calls, map[string]string{
		"segment.bytes": fmt.Sprint(1 << 20), "segment.ms": "1000", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "1000", "min.compaction.lag.ms": "0",
	})
	p := w.processor("a")
	p.ready()
	first, rest := firstOfEach(w.deliveries(manyCalls))
	w.produce(w.client, first)
	w.drained()
	w.produce(w.client, rest)
	w.drained()
	superseded := countCalls(rest) // at least: each of these calls has a state of its first event, and a later one
	w.eventually("the cleaner has removed half of the states that have a newer one", func(context.Context) error {
		w.load(partitions) // a segment is closed, and cleaned, once there is something for the next
		if n := w.superseded(); n > superseded/2 {
			return fmt.Errorf("%d of at least %d are still there", n, superseded)
		}
		return nil
	})
	w.drained()
	p.stop()
	p = w.processor("b") // with an empty directory
	w.load(100)
	w.drained()
	p.stop()
	w.verify()
}

// firstOfEach parts each call's first event from those that follow.
func firstOfEach(deliveries []traffic.Delivery) (first, rest []traffic.Delivery) {
	seen := map[int64]bool{}
	for _, d := range deliveries {
		if seen[d.CallID] {
			rest = append(rest, d)
		} else {
			seen[d.CallID] = true
			first = append(first, d)
		}
	}
	return first, rest
}

func countCalls(deliveries []traffic.Delivery) int {
	seen := map[int64]bool{}
	for _, d := range deliveries {
		seen[d.CallID] = true
	}
	return len(seen)
}

// superseded counts the states in the topic that have a newer one.
func (w *world) superseded() int {
	w.Helper()
	states, newest := 0, map[string]bool{}
	for _, r := range w.readAll(kafka.Calls) {
		if !stream.IsMarker(r) {
			states++
			newest[string(r.Key)] = true
		}
	}
	return states - len(newest)
}
