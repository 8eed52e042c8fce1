package kafka

import (
	"os"
	"testing"
	"time"
)

// manyCalls are enough to meet the processor in the midst of work: some 15,000
// events.
const manyCalls = 1500

// TestKilledProcessor is killed in the midst of work and started again at once,
// under its name: with static membership it has its partitions back without the
// group waiting for anybody.
func TestKilledProcessor(t *testing.T) {
	w := newWorld(t)
	w.load(manyCalls)
	for kills := 1; kills <= 3; kills++ {
		p := w.processor("a")
		w.waitHandled(w.events * kills / 5)
		p.kill()
	}
	w.processor("a")
	w.drained()
	w.verify()
}

// TestTakeover: two share the partitions; one is killed for good, and the other
// takes over what was its.
func TestTakeover(t *testing.T) {
	w := newWorld(t)
	a, b := w.processor("a"), w.processor("b")
	a.ready()
	b.ready()
	w.loadUntil("both work", bothWork(a, b))
	before := w.events
	wait := w.loadSlowly(manyCalls, 3*time.Second)
	w.waitHandled(before + 1000)
	a.kill()
	wait()
	w.drained()
	b.stop()
	w.verify()
}

// TestLostStateDir: what a processor loses with its disk comes back from calls.
func TestLostStateDir(t *testing.T) {
	w := newWorld(t)
	w.load(manyCalls / 2)
	p := w.processor("a")
	w.drained()
	p.stop()
	check(t, os.RemoveAll(w.stateDir("a")))

	deliveries := w.deliveries(manyCalls / 2)
	again := deliveries[:len(deliveries)/2]
	w.produce(w.client, again)
	p = w.processor("a")
	p.ready()
	if restored := p.metric("callfold_restored_records_total"); restored == 0 {
		t.Error("nothing was restored")
	}
	w.produce(w.client, deliveries[len(again):])
	w.drained()
	w.verify()
}

// TestEverythingKilled: all processors at once, during load, and again.
func TestEverythingKilled(t *testing.T) {
	w := newWorld(t)
	w.load(manyCalls)
	for round := 1; round <= 2; round++ {
		a, b := w.processor("a"), w.processor("b")
		w.waitHandled(w.events * round / 4)
		a.kill()
		b.kill()
	}
	a, b := w.processor("a"), w.processor("b")
	w.drained()
	a.stop()
	b.stop()
	w.verify()
}
