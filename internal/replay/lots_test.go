//go:build synctests

package replay

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestBulkLots: as long as there are enough calls each member of the sink's group gets so
// many at once that it writes them by a bulk job, when it has come to those before and to
// live calls, but does not wait for ever for these; the rest comes in small lots.
func TestBulkLots(t *testing.T) {
	for name, takes := range map[string]time.Duration{"live calls are handled": 20 * time.Second, "they never are": time.Hour} {
		t.Run(name, func(t *testing.T) {
			const rows, bulk, members = 1500, 200, 2
			inWorld(t, rows, func(w *world) {
				w.bulk = bulk
				members := w.members(members)
				sent := map[int64]time.Time{} // when there were so many
				w.whenTold = func(s State) {
					if _, known := sent[s.Sent]; known {
						return
					}
					sent[s.Sent] = time.Now()
					if s.Sent == 700 { // after the first lot for bulk jobs
						w.live(mostLag + 1)
						time.AfterFunc(takes, func() { w.comesTo(members[0], mostLag+1) })
					}
				}
				w.check(w.apply(context.Background()))
				for from, to := range map[int64]int64{250: 700, 850: 1300} {
					if sent[from].IsZero() || sent[to].Sub(sent[from]) >= lookEvery {
						w.Errorf("from %d to %d calls it took from %v to %v, want one lot", from, to, sent[from], sent[to])
					}
				}
				if waited := sent[850].Sub(sent[700]).Round(5 * time.Second); waited != min(takes, holdFor) {
					w.Errorf("the next lot came after %s, want %s", waited, min(takes, holdFor))
				}
				w.once(rows, 1, 1)
			})
		})
	}
}

// TestStoppedInALot: a signal in the midst of a large lot. What was left out is counted once,
// and the next apply ends.
func TestStoppedInALot(t *testing.T) {
	const rows = 1500
	inWorld(t, rows, func(w *world) {
		w.bulk = 200
		w.members(2)
		w.changed = map[int64]bool{120: true, 300: true, rows: true}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		w.whenTold = func(s State) {
			if s.Sent >= 250 {
				cancel()
			}
		}
		if err := w.apply(ctx); !errors.Is(err, context.Canceled) || w.told.Sent > 400 {
			w.Fatalf("stopped after %d calls: %v", w.told.Sent, err)
		}
		w.whenTold = func(State) {}
		ctx, cancel = context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		w.check(w.apply(ctx))
		if left := fmt.Sprint(w.told.LeftOut); left != "[120 300 1500]" || w.told.Known() != rows-3 || w.told.Phase != Done {
			w.Errorf("left out %s, %d results, %s", left, w.told.Known(), w.told.Phase)
		}
		w.once(119, 1, 1)
	})
}

// members joins so many members to the sink's group.
func (w *world) members(count int) (members []*kgo.Client) {
	w.Helper()
	for range count {
		member, err := w.broker.Open(kgo.ConsumerGroup(sinkGroup), kgo.ConsumeTopics(calls), kgo.DisableAutoCommit())
		w.check(err)
		w.Cleanup(member.Close)
		members = append(members, member)
	}
	time.Sleep(10 * time.Second) // virtual: they have joined
	return members
}

// live has so many live calls wait for the sink.
func (w *world) live(count int) {
	w.Helper()
	client, err := w.broker.Open(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	w.check(err)
	defer client.Close()
	var records []*kgo.Record
	for range count {
		records = append(records, &kgo.Record{Topic: calls, Value: []byte("x")})
	}
	w.check(client.ProduceSync(context.Background(), records...).FirstErr())
}

// comesTo has a member commit that so many calls are handled.
func (w *world) comesTo(member *kgo.Client, count int64) {
	offsets := map[string]map[int32]kgo.EpochOffset{calls: {0: {Epoch: -1, Offset: count}}}
	member.CommitOffsetsSync(context.Background(), offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, _ *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			w.Error(err)
		}
	})
}
