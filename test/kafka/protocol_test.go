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
	wait := w.loadSlowly(manyCalls, 5*time.Second)
	w.waitHandled(1000)
	w.eventually("both work", bothWork(a, b))
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
	wait := w.loadSlowly(manyCalls, 8*time.Second)
	wait()
	w.drained()
	p.stop()
	w.eventually("the cleaner has removed a fifth of the states", func(context.Context) error {
		var ends int64
		for _, end := range w.closedEnds(w.topic(kafka.Calls)) {
			ends += end
		}
		if n := len(w.readAll(kafka.Calls)); int64(n) > ends*4/5 {
			return fmt.Errorf("%d of %d offsets still have one", n, ends)
		}
		return nil
	})
	p = w.processor("b") // with an empty directory
	w.load(100)
	w.drained()
	p.stop()
	w.verify()
}
