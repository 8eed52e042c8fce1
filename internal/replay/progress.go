package replay

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/schemas"
)

// Phase is where an apply is.
type Phase string

// The phases.
const (
	Running Phase = "running" // or killed in the midst of it
	Paused  Phase = "paused"  // by callfold replay pause
	Stopped Phase = "stopped" // by a signal, or since too much of it failed; apply goes on
	Aborted Phase = "aborted" // for good
	Done    Phase = "done"
)

// State is the file beside the plan that says how far an apply has come.
type State struct {
	// Plan is the digest of the plan's file.
	Plan string `json:"plan"`
	// Order is who applies it, and why.
	Order command.Order `json:"order"`
	Phase Phase         `json:"phase"`
	// Problem says why it stopped.
	Problem   string    `json:"problem,omitzero"`
	StartedAt time.Time `json:"started_at"`
	SavedAt   time.Time `json:"saved_at"`
	// From are the ends of the partitions of the topic tasks when it began.
	From map[int32]int64 `json:"from"`
	// Rows is how many there are, Sent how many of them were sent or left out. LeftOut
	// are the calls that were, since the plan would not be the same any more.
	Rows    int64   `json:"rows"`
	Sent    int64   `json:"sent"`
	LeftOut []int64 `json:"left_out"`
	// Proven is true once the first calls that were sent were seen to come out well.
	Proven bool `json:"proven"`
	// Results counts what became of those that were sent, as far as it is known.
	Results map[schemas.Result]int64 `json:"results"`
	// Refused is how many of them Salesforce refused for the moment; they are tried
	// again.
	Refused int64 `json:"refused,omitzero"`
	// Rate is how many calls a second got their result, of late.
	Rate float64 `json:"rate,omitzero"`
	// Requests is how many API requests the org has had while it was applied, from
	// everybody: asked for each minute, and when it ends or is paused.
	Requests int64 `json:"api_requests,omitzero"`
}

// Known is how many results are known.
func (s *State) Known() (n int64) {
	for _, count := range s.Results {
		n += count
	}
	return n
}

// Failed is how many calls Salesforce refused for good.
func (s *State) Failed() int64 { return s.Results[schemas.Rejected] }

// Left is about how long the rest takes, 0 where there is no telling.
func (s *State) Left() time.Duration {
	if s.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(s.Rows-int64(len(s.LeftOut))-s.Known()) / s.Rate * float64(time.Second)).Round(time.Second)
}

// The files beside a plan.
func stateFile(plan string) string   { return plan + ".progress" }
func controlFile(plan string) string { return plan + ".control" }
func lockFile(plan string) string    { return plan + ".lock" }

// ReadState reads how far the apply of a plan has come; ok is false where none began.
func ReadState(plan string) (s State, ok bool, err error) {
	b, err := os.ReadFile(stateFile(plan))
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		return s, false, fmt.Errorf("reading how far the plan was applied: mend %s, or remove it to begin anew, which does no harm: %w", stateFile(plan), err)
	}
	return s, true, nil
}

// save writes the state, so that whoever is killed at any moment leaves an old one or a
// new one. Only who holds the lock does; what a killed one left beside it is overwritten.
func (s *State) save(plan string, now time.Time) (err error) {
	s.SavedAt = now.UTC()
	b, err := json.Marshal(s, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return fmt.Errorf("keeping how far the plan was applied: %w", err)
	}
	path := stateFile(plan)
	fresh := path + ".new"
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.Write(append(b, '\n'))
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// Wish is what somebody wants of an apply that runs elsewhere.
type Wish string

// The wishes.
const (
	Go    Wish = "" // on
	Pause Wish = "pause"
	Abort Wish = "abort"
)

// Want notes a wish beside the plan. An apply looks at it every second, and the next
// one when it begins. What was aborted cannot go on: make a new plan.
func Want(plan string, w Wish) error {
	if w == Go {
		if err := os.Remove(controlFile(plan)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("taking back what was wanted of the plan: %w", err)
		}
		return nil
	}
	// Who reads half of it reads no wish, and looks again a second later.
	if err := os.WriteFile(controlFile(plan), []byte(string(w)+"\n"), 0o600); err != nil {
		return fmt.Errorf("noting what is wanted of the plan: %w", err)
	}
	return nil
}

// Applying tells whether an apply of the plan is at work, wherever it runs.
func Applying(plan string) (bool, error) {
	if _, err := os.Stat(lockFile(plan)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return false, fmt.Errorf("looking whether the plan is being applied: %w", err)
	}
	lock, err := vfs.Default.Lock(lockFile(plan))
	if err != nil {
		return true, nil //nolint:nilerr // it is held
	}
	return false, lock.Close()
}

// Wanted reads what somebody wants of whoever applies the plan.
func Wanted(plan string) (Wish, error) {
	b, err := os.ReadFile(controlFile(plan))
	if errors.Is(err, fs.ErrNotExist) {
		return Go, nil
	}
	if err != nil {
		return Go, fmt.Errorf("reading what is wanted of the plan: %w", err)
	}
	return Wish(strings.TrimSpace(string(b))), nil
}
