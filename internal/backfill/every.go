package backfill

import (
	"context"
	"fmt"
	"time"
)

// roundPause is how long a round that failed is waited with.
const roundPause = 5 * time.Minute

// stillFor is how long a round may be at one page of calls, or at reading what the log
// knows. An Aircall that is away is given up within ten minutes; one that says for longer
// that requests come too soon is left in peace by a new start, too.
const stillFor = time.Hour

// Alive returns an error when a round of Every hangs, so that only a new start can help.
// An Aircall or brokers that are away are none.
func (b *Backfill) Alive() error {
	if still := b.pulse.Still(); still > stillFor {
		return fmt.Errorf("a round has read no calls for %s", still.Round(time.Second))
	}
	return nil
}

// Every reads the calls of the last window again and again, until ctx is done:
// tags and notes come late, and Aircall says of no call when it was changed. A round
// begins with the oldest call that is not known to have been read, from the time given
// on; so a process that was away, or was killed in a round, leaves no gap. report is
// told how each round ended; nil is well.
func (b *Backfill) Every(ctx context.Context, every, window time.Duration, from time.Time, report func(error)) error {
	p, err := openProgress(b.o.Dir, "every.jsonl")
	if err != nil {
		return err
	}
	for {
		began := b.o.Now()
		b.pulse.Beat()
		err := b.round(ctx, p, window, from, began)
		b.pulse.Stop()
		if ctx.Err() != nil {
			return nil
		}
		report(err)
		pause := every - b.o.Now().Sub(began)
		if err != nil {
			b.o.Logger.Error("a round of the backfill failed; it goes on where it was", "error", err, "pause", roundPause)
			pause = min(every, roundPause)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// round reads from where everything was read, but the whole window at the least.
func (b *Backfill) round(ctx context.Context, p *progress, window time.Duration, from, now time.Time) error {
	until, _, err := p.read()
	if err != nil {
		return err
	}
	begin, end := now.Add(-window).Unix(), now.Add(-Settle).Unix()
	switch {
	case until > 0:
		begin = min(begin, until)
	case !from.IsZero():
		begin = min(begin, from.Unix())
	}
	// Of a round that ends here the next one knows by how far it came: further back
	// than needed, where its part is older than what was read before.
	var found Report
	if err := b.run(ctx, begin, end, p, &found); err != nil {
		return err
	}
	found.finish()
	b.o.Logger.Info("a round of the backfill is done", "read", found.Read, "published", found.Published, "unchanged", found.Unchanged,
		"missing", len(found.Missing), "closed", len(found.Closed), "open", len(found.Open), "short", len(found.Short))
	return p.restart(end)
}
