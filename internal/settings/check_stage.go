package settings

import (
	"fmt"
	"strconv"
	"time"
)

// The defaults of the timeouts. Those of the processor notice a dead process
// after 6 s; those of the sink leave a batch the time to wait for Salesforce.
var (
	quickTimeouts   = Timeouts{500 * time.Millisecond, 5 * time.Second, 6 * time.Second, 10 * time.Second}
	patientTimeouts = Timeouts{time.Second, 40 * time.Second, 45 * time.Second, 60 * time.Second}
)

const (
	// mostLanes keeps a slip of the finger from the broker: each lane is a
	// member of the group with connections and buffers of its own.
	mostLanes = 128
	// longestTransaction is Kafka's default of transaction.max.timeout.ms.
	longestTransaction = 15 * time.Minute
	// salesforceAnswer is how long the sink waits for an answer of Salesforce.
	salesforceAnswer = 30 * time.Second
)

// lanes checks a number of lanes.
func (c *checker) lanes(key string, n int) {
	if n < 0 || n > mostLanes {
		c.add(key, strconv.Itoa(n), fmt.Sprintf("must be from 0 to %d", mostLanes),
			"use 0 for one lane per core; more than the topics have partitions find no work")
	}
}

// longestLinger is how long calls may wait for others: who wants more looks for
// something else than a sink that runs all the time.
const longestLinger = time.Hour

// maxLinger checks sink.max_linger.
func (c *checker) maxLinger(d time.Duration) {
	if d < 0 || d > longestLinger {
		c.add("sink.max_linger", duration(d), "must be from 0s to "+duration(longestLinger),
			"use 0s to write each call at once, or 1m to save API requests")
	}
}

// bulkAbove checks sink.bulk_above.
func (c *checker) bulkAbove(n int) {
	if n < 0 {
		c.add("sink.bulk_above", strconv.Itoa(n), "must be 0 or more", "use 0 to write all by collections, or 2000")
	}
}

// timeouts checks that each timeout is longer than the one before it.
func (c *checker) timeouts(section string, t, byDefault Timeouts) {
	mend := fmt.Sprintf("make them heartbeat < rebalance < session < transaction; the defaults are %s, %s, %s, %s",
		duration(byDefault.Heartbeat), duration(byDefault.Rebalance), duration(byDefault.Session), duration(byDefault.Transaction))
	shorter := struct {
		key   string
		value time.Duration
	}{section + ".heartbeat", t.Heartbeat}
	if t.Heartbeat <= 0 {
		c.add(shorter.key, t.Heartbeat.String(), "must be more than 0", mend)
	}
	for _, longer := range []struct {
		name  string
		value time.Duration
		why   string
	}{
		{"rebalance", t.Rebalance, "members learn of a rebalance by their heartbeat, so one that lives would be left out"},
		{"session", t.Session, "a member that waits for a rebalance longer than its session lasts is taken for dead"},
		{"transaction", t.Transaction, "a transaction that is shorter is broken off while the group only rebalances"},
	} {
		key := section + "." + longer.name
		if longer.value <= shorter.value {
			c.add(key, duration(longer.value), fmt.Sprintf("must be longer than %s = %s: %s", shorter.key, duration(shorter.value), longer.why), mend)
		}
		shorter.key, shorter.value = key, longer.value
	}
	if t.Transaction > longestTransaction {
		c.add(section+".transaction", duration(t.Transaction), "is longer than brokers allow by default (transaction.max.timeout.ms), and readers wait for open transactions",
			"use "+duration(longestTransaction)+" or less")
	}
}

// salesforceAnswer checks that the group waits for a batch of the sink, which
// may wait for Salesforce: else the member would be put out of the group in
// mid-batch, and another would send the same again. As the transaction is
// longer than that, it too outlasts a batch.
func (c *checker) salesforceAnswer(t Timeouts) {
	if t.Rebalance <= salesforceAnswer {
		c.add("sink.timeouts.rebalance", duration(t.Rebalance), fmt.Sprintf("must be longer than %s: a batch waits so long for an answer of Salesforce, and a rebalance for the batch", salesforceAnswer),
			"use "+duration(patientTimeouts.Rebalance)+" or more, and session and transaction longer yet")
	}
}
