//go:build synctests

// Run with -tags synctests, see engine_test.go.

package sfsink

import (
	"flag"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callfold/callfold/internal/kafka/bubble"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/projector"
)

var (
	drainCalls    = flag.Int("drain.calls", 0, "calls of the backlog; 0 leaves the benchmark out")
	drainInFlight = flag.Int("drain.inflight", 2, "write requests in flight")
	drainLanes    = flag.Int("drain.lanes", 2, "lanes of the sink")
	drainBatch    = flag.Int("drain.batch", 4000, "records of a turn")
)

// TestDrain is a benchmark in virtual time, for which only a test can be: a backlog is
// written where Salesforce takes 150 ms for a collection, lookups and transactions
// included. It prints the share of what the requests in flight allow; how turns meet
// at the end of a small backlog moves it by some percent. What the processor takes of
// the time does not count, and is measured by sfsink/bench.
func TestDrain(t *testing.T) {
	if *drainCalls == 0 {
		t.Skip("a benchmark: make bench-sink runs it")
	}
	synctest.Test(t, func(t *testing.T) {
		sim := busyOrg(t)
		org := &orgInProcess{sim: sim}
		broker := bubble.Start(t, kfake.SeedTopics(12, "calls", "tasks", "rejected"))
		client := clientOf(t, org)
		sink, err := New(Options{Client: client, Settings: projector.DefaultSettings(), APIReserve: 0.2, InFlight: *drainInFlight, MaxLinger: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		stop := startSink(t, broker, sink, "i", *drainLanes, *drainBatch)
		// The group is at rest, as after an outage of Salesforce: the first turn of a lane
		// after a rebalance is aborted, and writes its rows twice. The first calls of the
		// backlog take that upon them.
		time.Sleep(time.Minute) // virtual
		fill(t, broker, 500)
		time.Sleep(time.Minute) // virtual
		rows := fill(t, broker, *drainCalls)
		for range 3000 {
			if org.done() >= rows {
				break
			}
			time.Sleep(100 * time.Millisecond) // virtual
		}
		stop()
		most := float64(salesforce.MaxRows**drainInFlight) / latency.Seconds()
		share := org.rate() / most
		t.Logf("%d rows in %d requests: %.0f rows/s of %.0f, %.1f %%; %d API requests in all", org.done(), len(org.log), org.rate(), most, 100*share, client.Sent())
		if org.done() < rows { // a turn that was aborted writes its rows twice
			t.Errorf("%d of %d rows were written", org.done(), rows)
		}
	})
}

// fill writes the newest states of calls, as they wait after an outage, and tells how
// many of them want a Task.
func fill(t *testing.T, broker *bubble.Broker, calls int) (rows int) {
	producer := broker.Client()
	defer producer.Close()
	rules, err := projector.New(projector.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	g := traffic.New(traffic.Options{Seed: 1})
	for range calls {
		call := g.Call()
		var bodies [][]byte
		for _, e := range call.Events {
			bodies = append(bodies, e.Body)
		}
		record := folded(t, bodies...)
		if rules.Decide(record, time.Now()).Action == projector.Log {
			rows++
		}
		put(t, producer, record)
	}
	if err := producer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return rows
}
