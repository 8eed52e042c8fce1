//go:build synctests

package stream

import (
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// schedule is how the stages are set up, and what happens to them.
type schedule struct {
	protocol string
	batch    int           // records
	takes    time.Duration // for the handler, per batch
	timers   bool
	hot      int
	actions  []action
}

func (s schedule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, batches of %d take %s, timers %v, hot %d", s.protocol, s.batch, s.takes, s.timers, s.hot)
	for _, a := range s.actions {
		fmt.Fprintf(&b, "\n\t%s", a)
	}
	return b.String()
}

// GoString is what rapid prints.
func (s schedule) GoString() string { return s.String() }

// action is one thing that happens, and how long the next one waits.
type action struct {
	what   string
	who    string // the instance it happens to
	n      int    // records, lanes, or requests until it happens
	disk   string // what a start finds: kept, old or new
	at     kmsg.Key
	effect bool // the request at which it happens takes effect
	fault  brokerFault
	pause  time.Duration
}

func (a action) String() string {
	var b strings.Builder
	b.WriteString(a.what)
	switch a.what {
	case send, sendPoison:
		fmt.Fprintf(&b, " %d", a.n)
	case start, replace:
		fmt.Fprintf(&b, " %s with %d lanes, disk %s", a.who, a.n, a.disk)
	case stop, killNow, unplug, plugIn:
		fmt.Fprintf(&b, " %s", a.who)
	case killAt, unplugAt:
		fmt.Fprintf(&b, " %s: request %d of %s, which takes effect: %v", a.who, a.n, a.at.Name(), a.effect)
	case fail:
		fmt.Fprintf(&b, " %s %d times", a.fault, a.fault.n)
	case loseLeader:
		fmt.Fprintf(&b, " of partition %d", a.n%partitions)
	}
	fmt.Fprintf(&b, ", then %s", a.pause)
	return b.String()
}

// What can happen.
const (
	send       = "send"
	sendPoison = "send poison"
	start      = "start"
	stop       = "stop"
	killNow    = "kill"
	killAt     = "kill at"
	killAll    = "kill all"
	unplug     = "unplug"
	unplugAt   = "unplug at"
	plugIn     = "plug in"
	replace    = "unplug and start another as"
	fail       = "fail"
	loseLeader = "lose leader"
	findLeader = "find leaders"
	setBack    = "set clock back"
	rest       = "rest"
)

var (
	whatGen = rapid.SampledFrom([]string{
		send, send, send, send, sendPoison, start, start, start, stop, killNow, killAt, killAt, killAll,
		unplug, unplugAt, unplugAt, plugIn, plugIn, replace, fail, fail, fail, loseLeader, findLeader, setBack, rest,
	})
	// Requests of the stages that the test itself does not make.
	keyGen = rapid.SampledFrom([]kmsg.Key{
		kmsg.EndTxn, kmsg.EndTxn, kmsg.TxnOffsetCommit, kmsg.AddOffsetsToTxn, kmsg.InitProducerID,
		kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.ConsumerGroupHeartbeat, kmsg.Fetch,
	})
	pauseGen = rapid.SampledFrom([]time.Duration{0, 0, 10 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 7 * time.Second, 25 * time.Second})
)

var actionGen = rapid.Custom(func(t *rapid.T) action {
	a := action{what: whatGen.Draw(t, "what"), pause: pauseGen.Draw(t, "pause")}
	switch a.what {
	case send:
		a.n = rapid.IntRange(1, 60).Draw(t, "records")
	case sendPoison, loseLeader:
		a.n = rapid.IntRange(1, 3).Draw(t, "n")
	case start, replace:
		a.who = whoGen.Draw(t, "who")
		a.n = rapid.IntRange(1, 2).Draw(t, "lanes")
		a.disk = rapid.SampledFrom([]string{"kept", "kept", "old", "new"}).Draw(t, "disk")
	case stop, killNow, unplug, plugIn:
		a.who = whoGen.Draw(t, "who")
	case killAt, unplugAt:
		a.who = whoGen.Draw(t, "who")
		a.n = rapid.IntRange(1, 4).Draw(t, "requests")
		a.at = keyGen.Draw(t, "key")
		a.effect = rapid.Bool().Draw(t, "effect")
	case fail:
		a.fault = rapid.SampledFrom(brokerFaults).Draw(t, "fault")
		a.fault.n = rapid.IntRange(1, 4).Draw(t, "times")
	}
	return a
})

var whoGen = rapid.SampledFrom([]string{"a", "a", "b", "c"})

var scheduleGen = rapid.Custom(func(t *rapid.T) schedule {
	return schedule{
		protocol: rapid.SampledFrom([]string{ClassicProtocol, ClassicProtocol, ConsumerProtocol}).Draw(t, "protocol"),
		batch:    rapid.SampledFrom([]int{3, 20}).Draw(t, "batch"),
		takes:    rapid.SampledFrom([]time.Duration{0, 20 * time.Millisecond, time.Second}).Draw(t, "takes"),
		timers:   rapid.Bool().Draw(t, "timers"),
		hot:      rapid.SampledFrom([]int{0, 3, 100}).Draw(t, "hot"),
		actions:  rapid.SliceOfN(actionGen, 1, 15).Draw(t, "actions"),
	}
})
