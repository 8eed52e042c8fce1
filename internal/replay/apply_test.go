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
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/schemas"
)

const sinkGroup = "callfold-sink"

// world is a broker in a bubble of virtual time, a plan, and one who obeys commands as
// processor and sink do.
type world struct {
	*testing.T
	cluster *kfake.Cluster
	net     *kfake.VirtualNetwork
	plan    *Plan

	mu       sync.Mutex
	obeyed   map[int64]int // rewrites by call
	becomes  func(id int64) schemas.Result
	changed  map[int64]bool // calls about which a new plan says something else
	replans  int
	told     State
	whenTold func(State)
}

func inWorld(t *testing.T, rows int, test func(w *world)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			T: t, net: &kfake.VirtualNetwork{}, obeyed: map[int64]int{}, changed: map[int64]bool{},
			becomes: func(int64) schemas.Result { return schemas.Updated }, whenTold: func(State) {},
		}
		var err error
		w.cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9093), kfake.SleepOutOfOrder(),
			kfake.SeedTopics(partitions, events, calls, tasks), kfake.ListenFn(w.net.Listen))
		w.check(err)
		defer w.cluster.Close()
		w.write(filepath.Join(dir, "p.plan"), rows)
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

// open makes a client. Its batches are not packed by zstd, whose decoders end in
// finalizers, outside of the bubble.
func (w *world) open(more ...kgo.Opt) (*kgo.Client, error) {
	opts := append(kafka.ProducerOptions(), kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.Dialer(w.net.DialContext), kgo.DisableClientMetrics())
	return kgo.NewClient(append(append(opts, more...), kgo.ProducerBatchCompression(kgo.SnappyCompression()))...)
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
	client, err := w.open(kgo.ConsumeTopics(events), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	w.check(err)
	defer client.Close()
	var offsets kadm.Offsets
	for p := range int32(partitions) {
		offsets.AddOffset(calls, p, 0, -1)
	}
	w.check(kadm.NewClient(client).CommitAllOffsets(ctx, sinkGroup, offsets))
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
			o := schemas.Outcome{CallID: e.CallID, Result: w.becomes(e.CallID), Obeyed: schemas.Commands{Rewrite: state.Rewrite.At}}
			w.mu.Unlock()
			if o.Result == "" {
				return // no sink
			}
			value, err := schemas.Outcomes.Encode(o)
			w.check(err)
			client.Produce(ctx, &kgo.Record{Topic: tasks, Key: strconv.AppendInt(nil, e.CallID, 10), Value: value}, nil)
		})
	}
}

// apply applies the plan as the command does.
func (w *world) apply(ctx context.Context) error {
	w.Helper()
	client, err := w.open(command.ProducerOptions()...)
	w.check(err)
	defer client.Close()
	return Apply(ctx, ApplyOptions{
		Plan: w.plan, Order: command.Order{Who: "ann", Why: "a test"}, Kafka: client, Reader: w.open,
		Events: events, Calls: calls, Tasks: tasks, Group: sinkGroup,
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
				if err := each(r); err != nil {
					return err
				}
			}
			return nil
		},
		Requests: func(context.Context) (int64, error) { return 7, nil },
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

// retry is what callfold outcomes retry does, as far as the follower sees it.
func (w *world) retry(ids ...int64) {
	w.Helper()
	client, err := w.open()
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

// TestApplyWaitsForTheSink leaves the sink behind: a live call would wait for all that
// is sent.
func TestApplyWaitsForTheSink(t *testing.T) {
	const rows = 2000
	inWorld(t, rows, func(w *world) {
		client, err := w.open(kgo.RecordPartitioner(kgo.ManualPartitioner()))
		w.check(err)
		defer client.Close()
		var behind []*kgo.Record
		for range mostLag + 1 {
			behind = append(behind, &kgo.Record{Topic: calls, Value: []byte("x")})
		}
		w.check(client.ProduceSync(context.Background(), behind...).FirstErr())
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
