package backfill

import (
	"context"
	"time"
)

// roundPause is how long a round that failed is waited with.
const roundPause = 5 * time.Minute

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
		err := b.round(ctx, p, window, from, began)
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
