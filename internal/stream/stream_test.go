//go:build synctests

// Run with -tags synctests: franz-go then uses locks that a bubble of virtual time
// understands; with its usual ones time may stand still for ever.

package stream

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/schemas"
)

func TestEachRecordCountsOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(200)
		s := w.start("a")
		w.expect()
		w.send(100)
		w.expect()
		s.stop()
	})
}

func TestRestartGoesOnWhereItStopped(t *testing.T) {
	for name, dir := range map[string]string{"with its store": t.TempDir(), "with an empty store": ""} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				where := func(o *Options[tally]) { o.StateDir = dir }
				w.send(100)
				s := w.start("a", where)
				w.expect()
				s.stop()
				w.send(100)
				s = w.start("a", where)
				w.expect()
				if n := s.counter("callfold_records_in_total"); n != 100 {
					t.Errorf("%v records were handled after the restart, want the new 100", n)
				}
				restored := s.counter("callfold_restored_records_total")
				if dir != "" && restored != 0 {
					t.Errorf("%v records were restored although the store was up to date", restored)
				}
				if dir == "" && restored == 0 {
					t.Error("an empty store was not restored")
				}
				if n := s.counter("callfold_input_mismatch_total"); n != 0 {
					t.Errorf("the guard found %v mismatches", n)
				}
				if n := w.barriers(); n != 0 {
					t.Errorf("%d barriers were written although the end can be seen", n)
				}
				s.stop()
			})
		})
	}
}

func TestKilledInMidTransaction(t *testing.T) {
	for name, instance := range map[string]string{"back under its own name": "a", "taken over by another": "b"} {
		t.Run(name, func(t *testing.T) {
			underBothProtocols(t, func(t *testing.T, use func(*Options[tally])) {
				killedInMidTransaction(t, instance, use)
			})
		})
	}
}

func killedInMidTransaction(t *testing.T, instance string, use func(*Options[tally])) {
	inWorld(t, func(w *world) {
		w.send(200)
		var s *stage
		var batches atomic.Int32
		s = w.start("a", use)
		// The transaction is written but its end never reaches the broker.
		w.cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			if batches.Add(1) < 3 {
				return nil, nil, false
			}
			w.cluster.DropControl()
			s.kill()
			return nil, errors.New("cut"), true
		})
		w.wait("the stage was killed", func() bool { return batches.Load() >= 3 })
		w.start(instance, use)
		w.expect()
	})
}

// TestFirstBatchAborted: a partition without a committed offset must be rewound
// to its start, not left where the aborted batch had got to.
func TestFirstBatchAborted(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(100)
		tries := 0
		s := w.start("a", func(o *Options[tally]) {
			o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
				if err := addUp(ctx, b); err != nil {
					return err
				}
				if tries++; tries < 4 {
					return errors.New("not now")
				}
				return nil
			})
		})
		w.expect()
		s.stop()
		if tries < 5 {
			t.Errorf("the handler ran %d times; it should have failed first", tries)
		}
	})
}

// TestRestoreWaitsForATransactionInFlight is the trap of restoring to the last
// stable offset. The previous owner's commit is on its way to the broker when
// the partition gets a new owner, and arrives during the restore.
func TestRestoreWaitsForATransactionInFlight(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(100)
		release := make(chan struct{})
		var ends atomic.Int32
		slow := func(o *Options[tally]) { o.Timeouts.Transaction = 3 * time.Minute }
		a := w.start("a", slow)
		w.cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			if ends.Add(1) != 3 {
				return nil, nil, false
			}
			w.cluster.SleepControl(func() { <-release })
			return nil, nil, false
		})
		w.wait("a commit is in flight", func() bool { return ends.Load() >= 3 })
		a.kill()
		b := w.start("b", slow)
		time.Sleep(30 * time.Second) // virtual; b has been given the partitions
		close(release)
		w.expect()
		if n := b.counter("callfold_input_mismatch_total"); n != 0 {
			t.Errorf("the guard found %v mismatches: the restore did not wait", n)
		}
	})
}

// TestOffsetMovedForward: somebody, or a bug, moved the group beyond input whose
// states are missing. The guard sees it and goes back.
func TestOffsetMovedForward(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(60)
		s := w.start("a")
		w.expect()
		s.stop()
		w.send(60)
		time.Sleep(time.Minute) // virtual; until the group is empty
		adm := kadm.NewClient(w.client)
		ends, err := adm.ListEndOffsets(context.Background(), "in")
		w.check(err)
		_, err = adm.CommitOffsets(context.Background(), "g", ends.Offsets())
		w.check(err)

		s = w.start("a")
		w.wait("the stage is ready", s.ready)
		w.expect()
		if s.counter("callfold_input_mismatch_total") == 0 {
			t.Error("the guard said nothing")
		}
	})
}

// TestOffsetMovedBack: an operator rewinds the group to handle input again.
func TestOffsetMovedBack(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(60)
		s := w.start("a")
		w.expect()
		s.stop()
		time.Sleep(time.Minute) // virtual; until the group is empty
		starts, err := kadm.NewClient(w.client).ListStartOffsets(context.Background(), "in")
		w.check(err)
		_, err = kadm.NewClient(w.client).CommitOffsets(context.Background(), "g", starts.Offsets())
		w.check(err)

		s = w.start("a")
		w.wait("the input is handled again", func() bool { return s.counter("callfold_records_in_total") == 60 })
	})
}

func TestInputThatCannotBeUsedIsRejected(t *testing.T) {
	inWorld(t, func(w *world) {
		w.sendOne("1", 5)
		w.check(w.client.ProduceSync(context.Background(),
			&kgo.Record{Topic: "in", Key: []byte("1"), Value: []byte("poison")},
			&kgo.Record{Topic: "in", Key: []byte("2"), Value: []byte("poison")}).FirstErr())
		s := w.start("a")
		w.expect()
		rejected := 0
		w.read("rejected", func(*kgo.Record) { rejected++ })
		if rejected != 2 || s.counter("callfold_rejected_records_total") != 2 {
			t.Errorf("%d records in the topic, want 2", rejected)
		}
		s.stop()
		// The partition of key 2 changed no state; its offset was committed
		// with a marker, and the guard of the next start agrees.
		s = w.start("a")
		w.sendOne("2", 1)
		w.check(w.client.Flush(context.Background()))
		w.expect()
		if n := s.counter("callfold_input_mismatch_total"); n != 0 {
			t.Errorf("the guard found %v mismatches", n)
		}
		s.stop()
	})
}

func TestTwoInstancesShareThePartitions(t *testing.T) {
	underBothProtocols(t, func(t *testing.T, use func(*Options[tally])) {
		inWorld(t, func(w *world) {
			w.send(100)
			a := w.start("a", use)
			w.wait("some is done", func() bool { return a.counter("callfold_records_in_total") > 0 })
			b := w.start("b", use, func(o *Options[tally]) { o.Lanes = 2 })
			for range 20 {
				w.send(20)
				time.Sleep(time.Second) // virtual
			}
			w.expect()
			if b.counter("callfold_records_in_total") == 0 {
				t.Error("the second instance got nothing to do")
			}
			a.stop()
			w.remove("g-a-0")
			w.send(100)
			w.expect()
			b.stop()
		})
	})
}

// TestStopsQuicklyInARebalance: the group waits for a member that went away, and
// we are told to stop meanwhile.
func TestStopsQuicklyInARebalance(t *testing.T) {
	inWorld(t, func(w *world) {
		patient := func(o *Options[tally]) { o.Timeouts = PatientTimeouts }
		gone := w.start("gone", patient)
		w.wait("the first is ready", gone.ready)
		gone.kill()
		s := w.start("a", patient)
		time.Sleep(5 * time.Second) // virtual; its JoinGroup is not answered
		if s.ready() {
			t.Fatal("the group did not wait: the test shows nothing")
		}
		began := time.Now()
		s.stop()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("stopping took %s", took)
		}
	})
}

func TestMissingTopicsAreSaid(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.start("a", func(o *Options[tally]) { o.Changelog = "no-such-topic" })
		<-s.ended
		if topic := (*TopicError)(nil); !errors.As(s.err, &topic) {
			t.Errorf("got %v, want a TopicError", s.err)
		}
	})
}

// TestOffsetMovedForwardUnderTraffic: going back must not be overtaken by input
// that is handled from the wrong offset, while other partitions are busy.
func TestOffsetMovedForwardUnderTraffic(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(60)
		s := w.start("a")
		w.expect()
		s.stop()
		w.send(60)
		time.Sleep(time.Minute) // virtual; until the group is empty
		adm := kadm.NewClient(w.client)
		ends, err := adm.ListEndOffsets(context.Background(), "in")
		w.check(err)
		w.send(600) // behind the offset that the group is moved to
		offsets := ends.Offsets()
		offsets.KeepFunc(func(o kadm.Offset) bool { return o.Partition == 0 })
		_, err = adm.CommitOffsets(context.Background(), "g", offsets)
		w.check(err)

		s = w.start("a", func(o *Options[tally]) { o.BatchRecords = 5 })
		w.expect()
		if s.counter("callfold_input_mismatch_total") == 0 {
			t.Error("the guard said nothing")
		}
	})
}

// TestMonstrousInputIsRejected: whatever a record holds, its rejection must fit a
// record; what cannot be rejected would block its partition for ever.
func TestMonstrousInputIsRejected(t *testing.T) {
	random := make([]byte, 2<<20-10_000) // in base64 it is larger than a record may be
	for i := range random {
		random[i] = byte(i*i>>3) | 0x80
	}
	long := strings.Repeat("k", 2<<20-500)
	for name, r := range map[string]*kgo.Record{
		"body":   {Key: []byte("1"), Value: random},
		"key":    {Key: []byte(long), Value: []byte("poison")},
		"header": {Headers: []kgo.RecordHeader{{Key: schemas.HeaderEvent, Value: []byte(long)}}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				r.Topic = "in"
				large, err := kgo.NewClient(append(w.options(w.net.DialContext), kgo.ProducerBatchMaxBytes(3<<20))...)
				w.check(err)
				defer large.Close()
				w.check(large.ProduceSync(context.Background(), r).FirstErr())
				s := w.start("a")
				w.send(20)
				w.expect()
				if n := s.counter("callfold_rejected_records_total"); n != 1 {
					t.Errorf("%v records were rejected, want 1", n)
				}
			})
		})
	}
}

// TestRefusedRecordsAreSaid: a stage whose records the broker refuses is not
// ready, and says why; and it goes on when that is over.
func TestRefusedRecordsAreSaid(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.start("a")
		w.wait("it is ready", s.ready)
		w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "state", Err: kerr.MessageTooLarge, Count: 10})
		w.send(20)
		w.wait("it is not ready", func() bool { return !s.ready() })
		if err := s.problem("g-a-0"); !errors.Is(err, kerr.MessageTooLarge) {
			t.Errorf("the problem is said to be: %v", err)
		}
		w.expect()
		w.wait("it is ready again", s.ready)
	})
}
