//go:build synctests

// Run with -tags synctests: franz-go then uses locks that a bubble of virtual time
// understands; with its usual ones time may stand still for ever.

package stream

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// alarm is a stage that sets a timer with each record and climbs one rung when
// it goes off.
func alarm(after time.Duration) func(*Options[tally]) {
	return func(o *Options[tally]) {
		o.Timer = func(v tally) (time.Time, bool) { return time.UnixMilli(v.Due), v.Due != 0 }
		o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
			for _, p := range b.Partitions {
				for _, key := range p.Due {
					v, _, err := p.Get(key)
					if err != nil {
						return err
					}
					v.Rung, v.Due = v.Rung+1, 0
					p.Put(key, v)
				}
			}
			if err := addUp(ctx, b); err != nil {
				return err
			}
			for _, p := range b.Partitions {
				for _, r := range p.Records {
					v, _, err := p.Get(string(r.Key))
					if err != nil {
						return err
					}
					v.Due = b.Now.Add(after).UnixMilli()
					p.Put(string(r.Key), v)
				}
			}
			return nil
		})
	}
}

// rungs counts how often each timer's work was committed.
func (w *world) rungs() map[string]int {
	n := map[string]int{}
	w.read("state", func(r *kgo.Record) {
		var v tally
		if !IsMarker(r) && json.Unmarshal(r.Value, &v) == nil && v.Rung > 0 {
			n[string(r.Key)]++
		}
	})
	return n
}

func TestTimersGoOffOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.start("a", alarm(time.Minute))
		w.send(40)
		time.Sleep(50 * time.Second) // virtual
		if n := w.rungs(); len(n) != 0 {
			t.Fatalf("timers went off too early: %v", n)
		}
		s.stop()
		// The timers survive a restart with an empty store.
		s = w.start("a", alarm(time.Minute))
		time.Sleep(2 * time.Minute) // virtual
		n := w.rungs()
		if len(n) != len(w.sent) {
			t.Errorf("%d timers went off, want %d", len(n), len(w.sent))
		}
		for key, times := range n {
			if times != 1 {
				t.Errorf("the timer of %s went off %d times", key, times)
			}
		}
		s.stop()
		w.start("a", alarm(time.Minute))
		w.send(10)
		w.wait("the next start works", w.drained)
	})
}

// TestTimerOfALostPartition: a member that the group has given up, and that does
// not know it yet, must not write when its timers go off. Its transaction
// consumes no input, so nothing but the fence can stop it.
func TestTimerOfALostPartition(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.start("a", alarm(time.Minute))
		w.send(40)
		w.wait("the input is handled", w.drained)
		w.cluster.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			if id := req.(*kmsg.HeartbeatRequest).InstanceID; id != nil && *id == "g-a-0" {
				return req.ResponseKind(), nil, true // "fine", but the group never hears of it
			}
			return nil, nil, false
		})
		w.start("b", alarm(time.Minute))
		time.Sleep(3 * time.Minute) // virtual
		for key, times := range w.rungs() {
			if times != 1 {
				t.Errorf("the timer of %s was committed %d times", key, times)
			}
		}
		if n := len(w.rungs()); n != len(w.sent) {
			t.Errorf("%d timers went off, want %d", n, len(w.sent))
		}
		if a.counter("callfold_transactions_total", "aborted")+a.counter("callfold_transactions_total", "unknown") == 0 {
			t.Error("the lost member did not try to write: the test shows nothing")
		}
	})
}

// TestTimersBehindTheGroup: where the group was moved back, or has lost its offsets, what
// its timers do alone does not move it forth again, over input that is still to be handled.
func TestTimersBehindTheGroup(t *testing.T) {
	for name, move := range map[string]func(w *world, adm *kadm.Client) error{
		"moved back": func(_ *world, adm *kadm.Client) error {
			back := kadm.Offsets{}
			for p := range int32(partitions) {
				back.AddOffset("in", p, 0, -1)
			}
			answers, err := adm.CommitOffsets(context.Background(), "g", back)
			return errors.Join(err, answers.Error())
		},
		"without offsets": func(_ *world, adm *kadm.Client) error {
			answer, err := adm.DeleteGroup(context.Background(), "g")
			return errors.Join(err, answer.Err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				s := w.start("a", alarm(time.Minute))
				w.send(40)
				w.wait("the input is handled", w.drained)
				s.stop()
				time.Sleep(2 * time.Minute) // virtual: the group misses its member, the timers are due
				adm := kadm.NewClient(w.client)
				w.check(move(w, adm))
				topics, err := adm.ListTopics(context.Background(), "in")
				w.check(err)
				held, release := topics["in"].ID, make(chan struct{})
				w.cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
					w.cluster.KeepControl()
					if topics := req.(*kmsg.FetchRequest).Topics; len(topics) > 0 && kadm.TopicID(topics[0].TopicID) == held {
						w.cluster.SleepControl(func() { <-release })
					}
					return nil, nil, false
				})
				w.start("a", alarm(time.Minute))
				w.wait("the timers go off", func() bool { return len(w.rungs()) == len(w.sent) })
				if n := w.committed(); n != 0 {
					t.Errorf("the timers committed %d records of input that nobody has handled", n)
				}
				close(release)
				w.wait("the input is handled", w.drained)
				for key, once := range w.sent {
					if got := w.states()[key]; got.Count != 2*once.Count {
						t.Errorf("%s was handled %d times, want %d", key, got.Count, 2*once.Count)
					}
				}
			})
		})
	}
}
