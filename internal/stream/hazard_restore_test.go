//go:build synctests

package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/schemas"
)

// ghost is a key that stands in a store and not in its changelog. When a store is
// continued it stays; when it is discarded and rebuilt it is gone.
const ghost = "ghost"

// TestStoreThatCannotBeContinued: each kind of store that must be discarded is, and
// what is rebuilt is the changelog. The one that is sound is continued.
func TestStoreThatCannotBeContinued(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(w *world, dir string)
		kept  bool
	}{
		"sound":                     {func(w *world, dir string) { w.haunt(dir, "tally/1", func(*table.Checkpoint) {}) }, true},
		"beyond the changelog":      {func(w *world, dir string) { w.haunt(dir, "tally/1", func(c *table.Checkpoint) { c.Offset += 1000 }) }, false},
		"of another incarnation":    {func(w *world, dir string) { w.haunt(dir, "tally/1", func(c *table.Checkpoint) { c.TopicID = "00" }) }, false},
		"older than half retention": {func(w *world, dir string) { w.haunt(dir, "tally/1", aged(13*time.Hour)) }, false},
		"almost as old":             {func(w *world, dir string) { w.haunt(dir, "tally/1", aged(11*time.Hour)) }, true},
		"of an unknown schema":      {func(w *world, dir string) { w.haunt(dir, "tally/99", func(*table.Checkpoint) {}) }, false},
		"damaged":                   {(*world).damage, false},
	} {
		dir := t.TempDir()
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				where := func(o *Options[tally]) { o.StateDir = dir }
				w.send(60)
				s := w.start("a", where)
				w.expect()
				s.stop()
				c.spoil(w, dir)
				w.send(60)
				s = w.start("a", where)
				w.expect()
				s.stop()
				w.noMismatch()
				if kept := w.haunted(dir); kept != c.kept {
					t.Errorf("the store was continued: %v, want %v", kept, c.kept)
				}
			})
		})
	}
}

func aged(by time.Duration) func(*table.Checkpoint) {
	return func(c *table.Checkpoint) { c.SavedAt = c.SavedAt.Add(-by) }
}

// haunt puts the ghost into every table of a store and changes its checkpoint.
func (w *world) haunt(dir, schema string, change func(*table.Checkpoint)) {
	w.t.Helper()
	w.eachTable(dir, func(tab *table.Table) {
		if schema != tallyCodec.Schema(tallyCodec{}) {
			return
		}
		c := tab.Checkpoint()
		change(&c)
		w.check(tab.Apply([]table.Change{{Key: ghost, Value: []byte(`{"count":1}`)}}, c))
	})
	if schema == tallyCodec.Schema(tallyCodec{}) {
		return
	}
	// A store of another schema is made anew by whoever opens it: with states
	// that only that schema knows, and the checkpoints that were there.
	checkpoints := map[int32]table.Checkpoint{}
	w.eachTable(dir, func(tab *table.Table) { checkpoints[int32(len(checkpoints))] = tab.Checkpoint() })
	store, err := table.Open(table.Options{Dir: dir, Schema: schema, Logger: slog.New(slog.DiscardHandler)})
	w.check(err)
	for p := range int32(partitions) {
		tab, err := store.Acquire(context.Background(), p)
		w.check(err)
		w.check(tab.Apply([]table.Change{{Key: ghost, Value: []byte("!")}}, checkpoints[p]))
		tab.Release()
	}
	w.check(store.Close())
}

// haunted reports whether the ghost is still there. Every other state must be that
// of the changelog.
func (w *world) haunted(dir string) bool {
	w.t.Helper()
	got, found := map[string]tally{}, 0
	w.eachTable(dir, func(tab *table.Table) {
		w.check(tab.Each(func(key string, value []byte) error {
			if key == ghost {
				found++
				return nil
			}
			v, err := tallyCodec{}.Decode("tally/1", value)
			got[key] = v
			return err
		}))
	})
	if want := w.states(); !maps.Equal(got, want) {
		w.t.Errorf("the tables hold %v, the changelog %v", got, want)
	}
	if found != 0 && found != partitions {
		w.t.Errorf("%d of %d tables were continued", found, partitions)
	}
	return found > 0
}

// eachTable opens the store of a stage that was stopped.
func (w *world) eachTable(dir string, f func(*table.Table)) {
	w.t.Helper()
	store, err := table.Open(table.Options{Dir: dir, Schema: "tally/1", Logger: w.logger})
	w.check(err)
	for p := range int32(partitions) {
		tab, err := store.Acquire(context.Background(), p)
		w.check(err)
		f(tab)
		tab.Release()
	}
	w.check(store.Close())
}

// damage haunts a store and then cuts off what it has on disk.
func (w *world) damage(dir string) {
	w.t.Helper()
	w.haunt(dir, "tally/1", func(*table.Checkpoint) {})
	tables, err := filepath.Glob(filepath.Join(dir, "table", "*.sst"))
	w.check(err)
	if len(tables) == 0 {
		w.t.Fatal("nothing to damage")
	}
	for _, file := range tables {
		w.check(os.WriteFile(file, []byte("damaged"), 0o600))
	}
}

// TestRestoreReadsToTheHighWatermark: a transaction is committed partition by
// partition, so the group's offset of a previous owner's last one can be there, and
// stable, while its changelog still waits for the marker. A restore that ended at
// the last stable offset would miss its states, and the input would go on behind
// them. (TestRestoreWaitsForATransactionInFlight is the case before: nothing of the
// commit is there yet. Then the group's offset is waited for.)
func TestRestoreReadsToTheHighWatermark(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(60)
		a := w.start("a")
		w.expect()
		a.stop()
		time.Sleep(time.Minute) // virtual; until the group is empty

		// The previous owner handled one more record.
		w.sendOne("1", 5)
		w.check(w.client.Flush(context.Background()))
		var input *kgo.Record
		w.read("in", func(r *kgo.Record) {
			if string(r.Key) == "1" {
				input = r
			}
		})
		value, err := tallyCodec{}.Encode(w.sent["1"])
		w.check(err)
		owner, err := kgo.NewClient(append(w.options(w.net.DialContext),
			kgo.TransactionalID("previous owner"), kgo.TransactionTimeout(3*time.Minute), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
		w.check(err)
		defer owner.Close()
		w.check(owner.BeginTransaction())
		w.check(owner.ProduceSync(context.Background(), &kgo.Record{
			Topic: "state", Partition: input.Partition, Key: []byte("1"), Value: value,
			Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte("tally/1")}, NextInputHeader(input.Offset + 1)},
		}).FirstErr())
		var offsets kadm.Offsets
		offsets.AddOffset("in", input.Partition, input.Offset+1, -1)
		_, err = kadm.NewClient(w.client).CommitOffsets(context.Background(), "g", offsets)
		w.check(err)

		b := w.start("b")
		time.Sleep(30 * time.Second) // virtual
		if b.ready() {
			t.Error("it is ready although the end of a transaction is still to come")
		}
		w.check(owner.EndTransaction(context.Background(), kgo.TryCommit))
		w.wait("it is ready", b.ready)
		w.expect()
		w.noMismatch()
	})
}

// TestRestoreOfMuch: a restore of many records, read in several fetches, while
// input keeps coming.
func TestRestoreOfMuch(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.start("a", func(o *Options[tally]) { o.BatchRecords = 2000 })
		for i := range 3000 {
			w.sendOne(fmt.Sprint(i), int64(i))
		}
		w.check(w.client.Flush(context.Background()))
		w.expect()
		s.stop()
		w.send(100)
		s = w.start("b")
		w.expect()
		if n := s.counter("callfold_restored_records_total"); n < 3000 {
			t.Errorf("%v records were restored, want 3000", n)
		}
		w.noMismatch()
	})
}

// TestKeyWhoseStateWasDeleted: a tombstone in the changelog, as one comes there by
// another hand or a later version, deletes the state also from a store that is
// continued.
func TestKeyWhoseStateWasDeleted(t *testing.T) {
	for name, dir := range map[string]string{"store continued": t.TempDir(), "store rebuilt": ""} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				where := func(o *Options[tally]) { o.StateDir = dir }
				w.sendOne("1", 7)
				w.sendOne("2", 7)
				w.check(w.client.Flush(context.Background()))
				s := w.start("a", where)
				w.expect()
				s.stop()
				var at int32
				w.read("state", func(r *kgo.Record) {
					if string(r.Key) == "1" {
						at = r.Partition
					}
				})
				direct, err := kgo.NewClient(append(w.options(w.net.DialContext), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
				w.check(err)
				defer direct.Close()
				w.check(direct.ProduceSync(context.Background(), &kgo.Record{Topic: "state", Partition: at, Key: []byte("1")}).FirstErr())
				delete(w.sent, "1")
				s = w.start("a", where)
				w.sendOne("1", 1)
				w.check(w.client.Flush(context.Background()))
				w.wait("the input is handled", w.drained)
				s.stop()
				var got tally
				w.read("state", func(r *kgo.Record) {
					if string(r.Key) == "1" && r.Value != nil {
						got, err = tallyCodec{}.Decode("tally/1", r.Value)
						w.check(err)
					}
				})
				if want := w.sent["1"]; got != want {
					t.Errorf("the state is %+v, want %+v, as of a key that was never there", got, want)
				}
			})
		})
	}
}

// TestPredecessorsTransactionIsEnded: who comes back ends the transaction that its
// predecessor left open, also when the first attempt fails. Otherwise the offsets of
// its partitions, and so its restores, wait until that transaction has timed out.
func TestPredecessorsTransactionIsEnded(t *testing.T) {
	inWorld(t, func(w *world) {
		patient := func(o *Options[tally]) { o.Timeouts = PatientTimeouts }
		w.send(60)
		a := w.start("a", patient)
		w.expect()
		cut := make(chan struct{})
		w.cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
			a.kill()
			close(cut)
			return nil, errors.New("cut"), true
		})
		w.send(60)
		<-cut

		failing := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.KafkaStorageError, Count: 3})
		b := w.start("a", patient)
		began := time.Now()
		w.wait("it is ready", b.ready)
		if took := time.Since(began); took > PatientTimeouts.Transaction/4 {
			t.Errorf("that took %s, the transaction's timeout is %s", took, PatientTimeouts.Transaction)
		}
		if failing.Hits() == 0 {
			t.Error("no attempt failed: the test shows nothing")
		}
		w.expect()
		w.noMismatch()
	})
}

// TestPredecessorIsNotAborted: what a lane begins in order to end its predecessor's
// transactions is committed, whatever becomes of the single requests.
func TestPredecessorIsNotAborted(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.EndTxn} {
		for _, answer := range []*kerr.Error{kerr.RequestTimedOut, kerr.UnknownServerError, kerr.ConcurrentTransactions} {
			t.Run(key.Name()+" "+answer.Message, func(t *testing.T) {
				inWorld(t, func(w *world) {
					fault := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: answer, Count: 2})
					s := w.start("a")
					w.wait("it is ready", s.ready)
					if fault.Hits() == 0 {
						t.Error("the fault never happened: the test shows nothing")
					}
					if commits, aborts := w.markers(); commits < partitions || aborts > 0 {
						t.Errorf("%d commits and %d aborts in the changelog", commits, aborts)
					}
				})
			})
		}
	}
}

// markers counts Kafka's own in the changelog.
func (w *world) markers() (commits, aborts int) {
	cl, err := kgo.NewClient(append(w.options(w.net.DialContext), kgo.ConsumeTopics("state"), kgo.KeepControlRecords())...)
	w.check(err)
	defer cl.Close()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		fetches := cl.PollFetches(ctx)
		cancel()
		if fetches.NumRecords() == 0 {
			return commits, aborts
		}
		fetches.EachRecord(func(r *kgo.Record) {
			switch {
			case !r.Attrs.IsControl():
			case r.Key[3] == 1:
				commits++
			default:
				aborts++
			}
		})
	}
}
