//go:build synctests

package stream

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestStopsWhileTheBrokerIsAway: the broker vanishes in mid-transaction, at
// whichever request, and then the stage is told to stop.
func TestStopsWhileTheBrokerIsAway(t *testing.T) {
	for _, at := range []kmsg.Key{kmsg.Produce, kmsg.TxnOffsetCommit, kmsg.EndTxn, kmsg.OffsetFetch, kmsg.Fetch, kmsg.JoinGroup} {
		t.Run(at.Name(), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.send(60)
				cut := make(chan struct{})
				s := w.start("a", func(o *Options[tally]) { o.Timeouts = PatientTimeouts })
				w.cluster.ControlKey(int16(at), func(kmsg.Request) (kmsg.Response, error, bool) {
					s.plug.Pull()
					close(cut)
					return nil, errors.New("cut"), true
				})
				<-cut
				time.Sleep(time.Second) // virtual
				began := time.Now()
				s.stop()
				if took, most := time.Since(began), endWithin+closeWithin; took > most {
					t.Errorf("stopping took %s, want at most %s", took, most)
				}
			})
		})
	}
}

// TestStopsWhenAllTakesLong: the handler needs all of its grace, then the broker
// goes away, and yet the stage ends well before the 30 s that Kubernetes gives it.
func TestStopsWhenAllTakesLong(t *testing.T) {
	inWorld(t, func(w *world) {
		began := make(chan struct{}, 1)
		var s *stage
		const grace = 10 * time.Second
		s = w.start("a", func(o *Options[tally]) {
			o.Timeouts, o.Grace = PatientTimeouts, grace
			o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
				began <- struct{}{}
				pause(ctx, grace-time.Second)
				s.plug.Pull()
				return addUp(ctx, b)
			})
		})
		w.sendOne("1", 1)
		<-began
		stopping := time.Now()
		s.stop()
		if took, most := time.Since(stopping), grace+endWithin+closeWithin; took > most {
			t.Errorf("stopping took %s, want at most %s", took, most)
		}
		w.start("b")
		w.expect()
	})
}

// TestStopsWhileABarrierIsWritten is the same during a restore.
func TestStopsWhileABarrierIsWritten(t *testing.T) {
	inWorld(t, func(w *world) {
		cut := make(chan struct{})
		s := w.startForgetful("a")
		w.cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
			s.plug.Pull()
			close(cut)
			return nil, errors.New("cut"), true
		})
		<-cut
		time.Sleep(time.Second) // virtual
		began := time.Now()
		s.stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("stopping took %s", took)
		}
	})
}

// TestGrace: a batch in hand may go on for the grace when the stage is told to
// stop, and counts if it is done by then.
func TestGrace(t *testing.T) {
	for name, c := range map[string]struct {
		takes, most time.Duration
		counts      bool
	}{
		"in time":  {takes: 500 * time.Millisecond, most: 900 * time.Millisecond, counts: true},
		"too long": {takes: time.Hour, most: 1500 * time.Millisecond, counts: false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				began := make(chan struct{}, 1)
				s := w.start("a", func(o *Options[tally]) {
					o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
						began <- struct{}{}
						if !pause(ctx, c.takes) {
							return ctx.Err()
						}
						return addUp(ctx, b)
					})
				})
				w.sendOne("1", 1)
				<-began
				stopping := time.Now()
				s.stop()
				if took := time.Since(stopping); took > c.most {
					t.Errorf("stopping took %s, want at most %s", took, c.most)
				}
				if counted := s.counter("callfold_records_in_total") == 1; counted != c.counts {
					t.Errorf("the batch counted: %v, want %v", counted, c.counts)
				}
				w.start("a")
				w.expect()
			})
		})
	}
}
