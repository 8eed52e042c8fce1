package stream

import (
	"fmt"
	"time"
)

// stillFor is how long a lane may be at one thing, beside the time that a transaction
// has: a turn of the sink may look up thousands of numbers in an org that takes 30 s for
// each answer. Nothing else takes a minute.
const stillFor = 10 * time.Minute

// Alive returns an error when a lane has stood still for so long that only a new start
// can help. A lane that waits for brokers, for other systems or for room on the disk does
// not stand still: all of that has an end after which it turns, and begins anew. Outside
// of Run nothing is expected to turn.
func (e *Engine[V]) Alive() error {
	most := stillFor + 2*e.opts.Timeouts.Transaction
	for i := range e.pulses {
		if still := e.pulses[i].Still(); still > most {
			return fmt.Errorf("lane %d has not turned for %s", i, still.Round(time.Second))
		}
	}
	return nil
}
