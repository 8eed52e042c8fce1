//go:build synctests

package stream

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestTableChangesOnlyAfterTheCommit: the states of a transaction that was written
// whole and then aborted are nowhere: the batch comes again and must find the
// states as they were before it.
func TestTableChangesOnlyAfterTheCommit(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(60)
		s := w.start("a")
		w.expect()
		refused := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.UnknownMemberID, Count: 1})
		w.send(60)
		w.expect()
		if refused.Hits() == 0 || s.counter("callfold_transactions_total", "aborted") == 0 {
			t.Error("no transaction was aborted: the test shows nothing")
		}
	})
}

// TestCommitWhoseAnswerIsLost: the network breaks just when a transaction is
// ended, and stays away until the lane has given up. Whether the end took effect
// it cannot know, and must find out by restoring: taking it for an abort would
// count the batch twice, taking it for a commit would lose it.
func TestCommitWhoseAnswerIsLost(t *testing.T) {
	for name, tookEffect := range map[string]bool{"after it took effect": true, "before it took effect": false} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				s := w.start("a")
				w.send(60)
				w.expect()
				before := w.committed()
				cut := make(chan struct{})
				w.cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
					s.plug.Pull()
					close(cut)
					if tookEffect {
						w.cluster.DropControl()
						return nil, nil, false
					}
					return nil, errors.New("cut"), true
				})
				w.sendOne("1", 1)
				w.check(w.client.Flush(context.Background()))
				<-cut
				time.Sleep(time.Second) // virtual
				if moved := w.committed() != before; moved != tookEffect {
					t.Fatalf("the transaction took effect: %v, want %v", moved, tookEffect)
				}
				time.Sleep(QuickTimeouts.Transaction) // virtual; the lane gives up
				s.plug.PutBack()
				w.expect()
				w.send(60)
				w.expect()
				if s.counter("callfold_transactions_total", "unknown") == 0 {
					t.Error("the outcome was not taken for unknown")
				}
				w.noMismatch()
			})
		})
	}
}

// TestPoisonDoesNotBlockItsPartition: input that cannot be used is rejected in the
// transaction of its batch, once, and what comes behind it is handled.
func TestPoisonDoesNotBlockItsPartition(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.start("a")
		w.send(30)
		for _, key := range []string{"1", "2", "3", "4", "5"} {
			w.sendPoison(key)
		}
		w.send(30)
		// The first try is aborted, with everything that it rejected.
		w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.UnknownMemberID, Count: 2})
		w.expect()
		if n := w.count("rejected"); n != 5 {
			t.Errorf("%d records were rejected, want 5", n)
		}
		if n := s.counter("callfold_rejected_records_total"); n != 5 {
			t.Errorf("%v rejected records were counted, want 5", n)
		}
	})
}
