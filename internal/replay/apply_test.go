//go:build synctests

package replay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/kafka/bubble"
	"github.com/callfold/callfold/schemas"
)

const sinkGroup = "callfold-sink"

// world is a broker in a bubble of virtual time, a plan, and one who obeys commands as
// processor and sink do.
type world struct {
	*testing.T
	broker *bubble.Broker
	plan   *Plan
	group  string // that apply is told
	bulk   int    // and how many rewrites each of its members takes at once

	mu       sync.Mutex
	obeyed   map[int64]int // rewrites by call
	becomes  func(id int64) schemas.Result
	changed  map[int64]bool // calls about which a new plan says something else
	replans  int
	replan   func(Row) Row // what a new plan says
	requests atomic.Int64  // that the org has had
	told     State
	whenTold func(State)
}

func inWorld(t *testing.T, rows int, test func(w *world)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			T: t, broker: bubble.Start(t, kfake.SeedTopics(partitions, events, calls, tasks)), group: sinkGroup, obeyed: map[int64]int{}, changed: map[int64]bool{},
			becomes: func(int64) schemas.Result { return schemas.Updated }, whenTold: func(State) {},
			replan: func(r Row) Row { return r },
		}
		w.write(filepath.Join(dir, "p.plan"), rows)
		w.began(sinkGroup)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); w.obey(ctx) }()
		test(w)
		stop()
		<-done
	})
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// write makes the plan's file.
func (w *world) write(path string, rows int) {
	w.Helper()
	out, err := NewWriter(path)
	w.check(err)
	for i := range rows {
		w.check(out.Add(row(int64(i + 1))))
	}
	w.check(out.Finish(&Header{Summary: Summary{Update: int64(rows)}}))
	w.check(out.Close())
	w.plan, err = Open(path)
	w.check(err)
}

func row(id int64) Row {
	return Row{CallID: id, Action: Update, StateHash: "ab", Fields: []FieldChange{{Field: "Subject", Rule: "F2", Held: "a", Wanted: "b"}}}
}

// obey answers each command with an outcome, and moves the sink's offsets along.
func (w *world) obey(ctx context.Context) {
	client, err := w.broker.Open(kgo.ConsumeTopics(events), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	w.check(err)
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		fetches.EachRecord(func(r *kgo.Record) {
			e, err := schemas.ParseEvent(r.Value)
			w.check(err)
			state := schemas.Fold(schemas.CallRecord{}, e, r.Offset).State
			w.mu.Lock()
			w.obeyed[e.CallID]++
			w.requests.Add(1)
			o := schemas.Outcome{CallID: e.CallID, Result: w.becomes(e.CallID), Obeyed: schemas.Commands{Rewrite: state.Rewrite.At}}
			w.mu.Unlock()
			if o.Result == schemas.Retrying {
				o.Obeyed = schemas.Commands{} // parked before: it is obeyed when its time has come
			}
			if o.Result == "" {
				return // no sink
			}
			value, err := schemas.Outcomes.Encode(o)
			w.check(err)
			client.Produce(ctx, &kgo.Record{Topic: tasks, Key: strconv.AppendInt(nil, e.CallID, 10), Value: value}, nil)
		})
	}
}

// began commits the offsets of a group that has begun to read the topic of calls.
func (w *world) began(group string) {
	w.Helper()
	client, err := w.broker.Open()
	w.check(err)
	defer client.Close()
	var offsets kadm.Offsets
	for p := range int32(partitions) {
		offsets.AddOffset(calls, p, 0, -1)
	}
	w.check(kadm.NewClient(client).CommitAllOffsets(context.Background(), group, offsets))
}

// apply applies the plan as the command does.
func (w *world) apply(ctx context.Context) error {
	w.Helper()
	client, err := w.broker.Open(command.ProducerOptions()...)
	w.check(err)
	defer client.Close()
	return Apply(ctx, ApplyOptions{
		Plan: w.plan, Order: command.Order{Who: "ann", Why: "a test"}, Kafka: client, Reader: w.broker.Open,
		Events: events, Calls: calls, Tasks: tasks, Group: w.group,
		Again: func(_ context.Context, ids map[int64]bool, each func(Row) error) error {
			w.replans++
			wanted := map[int64]bool{}
			for id := range ids {
				wanted[id] = true
			}
			for id := range wanted {
				r := row(id)
				if w.changed[id] {
					r.Fields[0].Wanted = "c"
				}
				if err := each(w.replan(r)); err != nil {
					return err
				}
			}
			return nil
		},
		Bulk:     w.bulk,
		Requests: func(context.Context) (int64, error) { return w.requests.Load(), nil },
		Tell:     func(s State) { w.told = s; w.whenTold(s) },
		Now:      time.Now,
	})
}

// once wants every call to have been rewritten that often.
func (w *world) once(rows, least, most int) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range int64(rows) {
		if n := w.obeyed[id+1]; n < least || n > most {
			w.Errorf("call %d was rewritten %d times, want %d to %d", id+1, n, least, most)
		}
	}
}

func TestApply(t *testing.T) {
	const rows = 1234
	inWorld(t, rows, func(w *world) {
		w.check(w.apply(context.Background()))
		w.once(rows, 1, 1)
		s, ok, err := ReadState(w.plan.Path)
		if err != nil || !ok || s.Phase != Done || s.Sent != rows || s.Results[schemas.Updated] != rows || s.Order.Why != "a test" {
			w.Errorf("state %+v: %v", s, err)
		}
		// What is done is done.
		w.check(w.apply(context.Background()))
		w.once(rows, 1, 1)
	})
}

func TestApplyLeavesOutWhatHasChanged(t *testing.T) {
	inWorld(t, 300, func(w *world) {
		w.changed = map[int64]bool{3: true, 250: true}
		w.check(w.apply(context.Background()))
		if fmt.Sprint(w.told.LeftOut) != "[3 250]" || w.told.Results[schemas.Updated] != 298 || w.obeyed[3]+w.obeyed[250] != 0 {
			w.Errorf("left out %v, results %v", w.told.LeftOut, w.told.Results)
		}
	})
}

// TestRewrittenSinceThePlan: while it is looked what has changed since the plan, the sink
// obeys somebody else's rewrite. It is not taken for the plan's, of which nothing comes.
func TestRewrittenSinceThePlan(t *testing.T) {
	inWorld(t, 20, func(w *world) {
		w.becomes = func(id int64) schemas.Result {
			if id == 1 {
				return ""
			}
			return schemas.Updated
		}
		w.replan = func(r Row) Row {
			if r.CallID == 1 {
				w.retry(1)
				r.Rewritten = time.Now().Unix()
				time.Sleep(time.Second) // virtual: the follower sees it
			}
			return r
		}
		if err := w.apply(context.Background()); err == nil || !strings.Contains(err.Error(), "1 have no result") {
			t.Errorf("got %v, state %+v", err, w.told)
		}
	})
}

// TestCanary rejects six of the first hundred: no other call is touched. When the cause
// is mended the same apply goes on.
func TestCanary(t *testing.T) {
	const rows = 500
	inWorld(t, rows, func(w *world) {
		mended := false
		w.becomes = func(id int64) schemas.Result {
			if id <= 6 && !mended {
				return schemas.Rejected
			}
			return schemas.Updated
		}
		if err := w.apply(context.Background()); !errors.Is(err, ErrCanary) {
			w.Fatalf("want %v, got %v", ErrCanary, err)
		}
		if w.once(canary, 1, 1); len(w.obeyed) != canary {
			w.Errorf("%d calls were sent, want %d", len(w.obeyed), canary)
		}
		if err := w.apply(context.Background()); !errors.Is(err, ErrCanary) || len(w.obeyed) != canary {
			w.Errorf("again: %v; %d calls were sent", err, len(w.obeyed))
		}
		w.mu.Lock()
		mended = true
		w.mu.Unlock()
		w.retry(1, 2, 3, 4, 5, 6)
		w.check(w.apply(context.Background()))
		if w.told.Phase != Done || w.told.Results[schemas.Updated] != rows {
			w.Errorf("state %+v", w.told)
		}
	})
}

// TestCanaryOfUnchangedCalls: calls that have changed since the plan prove nothing, so a
// hundred others go first.
func TestCanaryOfUnchangedCalls(t *testing.T) {
	const rows, changed = 500, 95
	inWorld(t, rows, func(w *world) {
		for id := int64(1); id <= changed; id++ {
			w.changed[id] = true
		}
		w.becomes = func(id int64) schemas.Result {
			if id > canary {
				return schemas.Rejected
			}
			return schemas.Updated
		}
		for range 2 { // it is not taken for proven when it goes on
			if err := w.apply(context.Background()); !errors.Is(err, ErrCanary) || len(w.obeyed) != canary {
				w.Errorf("%d calls were sent: %v", len(w.obeyed), err)
			}
		}
		if w.told.Sent != canary+changed || len(w.told.LeftOut) != changed {
			w.Errorf("%d sent or left out, want %d; %d left out", w.told.Sent, canary+changed, len(w.told.LeftOut))
		}
	})
}

// TestRequestsAreCounted: over a pause, and without those that the org had meanwhile.
func TestRequestsAreCounted(t *testing.T) {
	const rows = 500
	inWorld(t, rows, func(w *world) {
		w.requests.Store(1000)
		w.whenTold = func(s State) {
			if s.Sent > canary && s.Known() == s.Sent {
				w.check(Want(w.plan.Path, Pause))
			}
		}
		if err := w.apply(context.Background()); !errors.Is(err, ErrPaused) || w.told.Requests != w.told.Known() {
			w.Fatalf("%v; %d requests for %d calls", err, w.told.Requests, w.told.Known())
		}
		w.whenTold = func(State) {}
		w.requests.Add(5000)
		w.check(Want(w.plan.Path, Go))
		w.check(w.apply(context.Background()))
		if w.told.Requests != rows {
			w.Errorf("%d requests for %d calls", w.told.Requests, rows)
		}
	})
}

// retry is what callfold outcomes retry does, as far as the follower sees it.
func (w *world) retry(ids ...int64) {
	w.Helper()
	client, err := w.broker.Open()
	w.check(err)
	defer client.Close()
	for _, id := range ids {
		value, err := schemas.Outcomes.Encode(schemas.Outcome{CallID: id, Result: schemas.Updated, Obeyed: schemas.Commands{Rewrite: schemas.Key{Time: time.Now().Unix()}}})
		w.check(err)
		w.check(client.ProduceSync(context.Background(), &kgo.Record{Topic: tasks, Key: strconv.AppendInt(nil, id, 10), Value: value}).FirstErr())
	}
}

// TestFiveOfAHundredMayFail lets as many fail as may.
func TestFiveOfAHundredMayFail(t *testing.T) {
	inWorld(t, 200, func(w *world) {
		w.becomes = func(id int64) schemas.Result {
			if id <= 5 {
				return schemas.Rejected
			}
			return schemas.Created
		}
		w.check(w.apply(context.Background()))
		if w.told.Failed() != 5 || w.told.Results[schemas.Created] != 195 {
			w.Errorf("state %+v", w.told)
		}
	})
}

// TestCanaryWithParkedCalls wants calls that wait for their next attempt, and so obey
// nothing yet, to count as refused: a few do not hold up the others, many do.
func TestCanaryWithParkedCalls(t *testing.T) {
	for _, parked := range []int64{5, 6} {
		t.Run(strconv.FormatInt(parked, 10), func(t *testing.T) {
			inWorld(t, 200, func(w *world) {
				w.becomes = func(id int64) schemas.Result {
					if id <= parked {
						return schemas.Retrying
					}
					return schemas.Updated
				}
				var refused int64
				w.whenTold = func(s State) {
					if refused == 0 && s.Sent > canary {
						refused = s.Refused
						w.retry(1, 2, 3, 4, 5) // their time has come
					}
				}
				err := w.apply(context.Background())
				if parked == 6 {
					if !errors.Is(err, ErrCanary) || len(w.obeyed) != canary {
						t.Errorf("six of a hundred: %v; %d calls were sent", err, len(w.obeyed))
					}
					return
				}
				w.check(err)
				if refused != parked || w.told.Refused != 0 || w.told.Results[schemas.Updated] != 200 {
					t.Errorf("refused %d, want %d; state %+v", refused, parked, w.told)
				}
			})
		})
	}
}

// TestTwoAppliesOfOnePlan begins a second one while the first is at work.
func TestTwoAppliesOfOnePlan(t *testing.T) {
	inWorld(t, 200, func(w *world) {
		var second error
		w.whenTold = func(State) {
			if second == nil {
				second = w.apply(context.Background())
			}
		}
		w.check(w.apply(context.Background()))
		if second == nil || !strings.Contains(second.Error(), "is at work") {
			w.Errorf("the second apply: %v", second)
		}
		w.once(200, 1, 1)
	})
}

func TestApplyWithoutASink(t *testing.T) {
	inWorld(t, 200, func(w *world) {
		w.becomes = func(int64) schemas.Result { return "" }
		if err := w.apply(context.Background()); err == nil || !strings.Contains(err.Error(), "is a sink running") {
			w.Errorf("got %v", err)
		}
		if len(w.obeyed) != canary || w.told.Phase != Stopped {
			w.Errorf("%d calls were sent, state %+v", len(w.obeyed), w.told)
		}
	})
}

// TestKilledAnywhere kills an apply after each of its writes to the progress file, as
// well as before the write, and goes on: every call is rewritten, at most twice.
func TestKilledAnywhere(t *testing.T) {
	const rows = 700
	for kill := 1; ; kill++ {
		over := false
		inWorld(t, rows, func(w *world) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			saves := 0
			var before []byte
			w.whenTold = func(State) {
				if saves++; saves == kill {
					cancel() // nothing that comes after it counts
				} else if saves < kill {
					before, _ = os.ReadFile(stateFile(w.plan.Path))
				}
			}
			err := w.apply(ctx)
			if over = err == nil; over {
				return
			}
			if before != nil {
				w.check(os.WriteFile(stateFile(w.plan.Path), before, 0o600))
			}
			w.whenTold = func(State) {}
			w.check(w.apply(context.Background()))
			w.once(rows, 1, 2)
			if s, _, err := ReadState(w.plan.Path); err != nil || s.Phase != Done || s.Known() != rows {
				w.Errorf("killed at write %d: %+v, %v", kill, s, err)
			}
		})
		if over || t.Failed() {
			t.Logf("killed at %d writes", kill-1)
			return
		}
	}
}

func TestPauseAndAbort(t *testing.T) {
	const rows = 2000
	inWorld(t, rows, func(w *world) {
		w.whenTold = func(s State) {
			if s.Sent > canary && s.Phase == Running {
				w.check(Want(w.plan.Path, Pause))
			}
		}
		if err := w.apply(context.Background()); !errors.Is(err, ErrPaused) || w.told.Phase != Paused || w.told.Sent == rows {
			w.Fatalf("got %v, state %+v", err, w.told)
		}
		w.whenTold = func(State) {}
		if err := w.apply(context.Background()); !errors.Is(err, ErrPaused) {
			w.Errorf("paused, and it goes on: %v", err)
		}
		w.check(Want(w.plan.Path, Abort))
		if err := w.apply(context.Background()); !errors.Is(err, ErrAborted) {
			w.Errorf("got %v", err)
		}
		w.check(Want(w.plan.Path, Go))
		if err := w.apply(context.Background()); err == nil || !strings.Contains(err.Error(), "make a new one") {
			w.Errorf("an aborted plan: %v", err)
		}
	})
}

// TestStoppedThenAborted: what is known of an apply that was stopped stays known, whoever
// begins and ends after it.
func TestStoppedThenAborted(t *testing.T) {
	const rows = 400
	inWorld(t, rows, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		w.whenTold = func(s State) {
			if s.Known() >= 250 {
				cancel()
			}
		}
		if err := w.apply(ctx); !errors.Is(err, context.Canceled) {
			w.Fatalf("got %v", err)
		}
		stopped := w.told
		for id := int64(1); id <= rows; id++ { // nothing more becomes known
			w.changed[id] = true
		}
		ctx, cancel = context.WithCancel(context.Background())
		first := true
		w.whenTold = func(s State) {
			if first && s.Known() < stopped.Known() {
				w.Errorf("it goes on with %d results, %d were known", s.Known(), stopped.Known())
			}
			first = false
			cancel()
		}
		if err := w.apply(ctx); !errors.Is(err, context.Canceled) || first {
			w.Errorf("got %v", err)
		}
		w.whenTold = func(State) {}
		before, _, err := ReadState(w.plan.Path)
		w.check(err)
		w.check(Want(w.plan.Path, Abort))
		if err := w.apply(context.Background()); !errors.Is(err, ErrAborted) {
			w.Errorf("got %v", err)
		}
		s, _, err := ReadState(w.plan.Path)
		if err != nil || s.Phase != Aborted || s.Known() != before.Known() || s.Known() < 250 || s.Sent != before.Sent {
			w.Errorf("%+v after %+v: %v", s, before, err)
		}
	})
}

// TestWrongGroup: where the group is not the sink's nothing is sent or noted.
func TestWrongGroup(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.group = "blue.callfold-sink"
		err := w.apply(context.Background())
		if err == nil || !strings.Contains(err.Error(), "blue.callfold-sink has read nothing of "+calls) || !strings.Contains(err.Error(), "kafka.group_prefix") {
			w.Errorf("got %v", err)
		}
		if _, begun, err := ReadState(w.plan.Path); begun || err != nil {
			w.Errorf("it has begun: %v, %v", begun, err)
		}
	})
}

// TestNoFilesAreLeft: beside a plan there are its progress, its lock and what is wanted of
// it, though an apply was killed while it wrote.
func TestNoFilesAreLeft(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		applying := func(want bool) {
			if got, err := Applying(w.plan.Path); got != want || err != nil {
				w.Errorf("an apply is at work: %v, want %v: %v", got, want, err)
			}
		}
		applying(false)
		w.check(Want(w.plan.Path, Pause))
		if err := w.apply(context.Background()); !errors.Is(err, ErrPaused) {
			w.Error(err)
		}
		w.check(os.WriteFile(stateFile(w.plan.Path)+".new", []byte(`{"plan":`), 0o600))
		w.check(Want(w.plan.Path, Go))
		w.check(Want(w.plan.Path, Go))
		w.whenTold = func(State) { applying(true) }
		w.check(w.apply(context.Background()))
		applying(false)
		files, err := os.ReadDir(filepath.Dir(w.plan.Path))
		w.check(err)
		var names []string
		for _, f := range files {
			names = append(names, f.Name())
		}
		if got := strings.Join(names, " "); got != "p.plan p.plan.lock p.plan.progress" {
			w.Errorf("files: %s", got)
		}
	})
}

// TestApplyWaitsForTheSink leaves the sink behind: a live call would wait for all that
// is sent.
func TestApplyWaitsForTheSink(t *testing.T) {
	const rows = 2000
	inWorld(t, rows, func(w *world) {
		client, err := w.broker.Open()
		w.check(err)
		defer client.Close()
		w.live(mostLag + 1)
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		w.becomes = func(id int64) schemas.Result {
			if id <= canary {
				return schemas.Updated
			}
			return ""
		}
		if err := w.apply(ctx); !errors.Is(err, context.DeadlineExceeded) || len(w.obeyed) > canary+2*sendAtOnce {
			w.Errorf("%d calls were sent while the sink is behind: %v", len(w.obeyed), err)
		}
		// The sink comes to what was sent.
		w.becomes = func(int64) schemas.Result { return schemas.Updated }
		for id := canary + 1; id <= int(w.told.Sent); id++ {
			w.retry(int64(id))
		}
		offsets := kadm.Offsets{}
		offsets.AddOffset(calls, 0, mostLag+1, -1)
		w.check(kadm.NewClient(client).CommitAllOffsets(context.Background(), sinkGroup, offsets))
		w.check(w.apply(context.Background()))
		w.once(rows, 1, 1)
	})
}

// TestPausedBefore wants that a plan that was paused before anybody applies it sends
// nothing, not even the first calls.
func TestPausedBefore(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.check(Want(w.plan.Path, Pause))
		if err := w.apply(context.Background()); !errors.Is(err, ErrPaused) || w.told.Phase != Paused || w.told.Sent != 0 {
			t.Errorf("paused before it began: %v, %+v", err, w.told)
		}
	})
}
