package canary

import (
	"context"
	"fmt"
	"time"
)

// stillFor is how much longer than its timeout a run may take. What it waits for ends
// with that; only a client that is about to dial goes on for seconds.
const stillFor = 5 * time.Minute

// Alive returns an error when a run of Every hangs, so that only a new start can help.
// A front door, brokers or a sink that are away are none.
func (c *Canary) Alive() error {
	if still := c.pulse.Still(); still > c.o.Timeout+stillFor {
		return fmt.Errorf("a call was begun %s ago, and has not ended", still.Round(time.Second))
	}
	return nil
}

// Every runs again and again, until ctx is done; a run that takes longer than every is
// followed by the next at once. report is told of each.
func (c *Canary) Every(ctx context.Context, every time.Duration, report func(Report)) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		c.pulse.Beat()
		r, err := c.Once(ctx)
		c.pulse.Stop()
		if err != nil {
			return nil //nolint:nilerr // it was told to end
		}
		log := c.o.Logger.Info
		if !r.OK() {
			log = c.o.Logger.Error
		}
		log("a canary call has ended", "result", r.Result, "seconds", r.Seconds, "accepted_seconds", r.Accepted, "folded_seconds", r.Folded, "problem", r.Problem)
		report(r)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
