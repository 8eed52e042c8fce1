package reconcile

import (
	"context"
	"os"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/callfold/callfold/internal/clock"
)

// rounds look at everything, a little at a time, and then at all of it again.
type rounds[P comparable] struct {
	*Walk
	// file keeps the place P up to which it was looked.
	file string
	// look looks at some from a place on. The zero place is before all of it; end is true
	// where nothing is behind next, and looked 0 where there was nothing to look at yet.
	look func(ctx context.Context, at P) (next P, end bool, looked int, err error)
}

// run goes round until ctx is done.
func (r rounds[P]) run(ctx context.Context) {
	at := r.place()
	began, looked := time.Now(), 0
	for clock.Sleep(ctx, r.Every) == nil {
		next, end, n, err := r.look(ctx, at)
		switch {
		case ctx.Err() != nil:
			return
		case later(err):
			r.Logger.Info("Tasks are not read back for now", "cause", err)
			continue
		case err != nil:
			r.Logger.Warn("reading Tasks back failed; trying again", "cause", err)
			continue
		}
		at, looked = next, looked+n
		if end {
			var start P
			if at = start; looked > 0 { // else no partition is restored yet
				_ = clock.Sleep(ctx, time.Until(began.Add(looksARound*r.Every))) // the end of ctx is looked at above
			}
			began, looked = time.Now(), 0
		}
		r.keep(at)
	}
}

// place is where it was when the process ended. A file that is missing or cannot be read
// means from the beginning.
func (r rounds[P]) place() (at P) {
	var none P
	b, err := os.ReadFile(r.file)
	if err != nil || json.Unmarshal(b, &at) != nil {
		return none
	}
	return at
}

func (r rounds[P]) keep(at P) {
	b, err := json.Marshal(at)
	if err == nil {
		err = os.WriteFile(r.file, b, 0o600)
	}
	if err != nil {
		r.Logger.Warn("keeping how far Tasks were read back failed; a restart begins anew", "cause", err)
	}
}
