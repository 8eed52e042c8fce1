//go:build synctests

package stream

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestBrokerIsAwayAtTheStart(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(60)
		away := &plug{dial: w.net.DialContext, pulled: true}
		s := w.start("a", func(o *Options[tally]) { o.Client = func() []kgo.Opt { return w.options(away.Dial) } })
		time.Sleep(5 * time.Minute) // virtual
		if s.ready() || s.problem("tally") == nil {
			t.Error("it does not say that it waits")
		}
		away.PutBack()
		w.expect()
		w.wait("it is ready", s.ready)
	})
}

func TestBrokerGoesAwayAndComesBack(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.start("a")
		for range 3 {
			w.send(200)
			time.Sleep(150 * time.Millisecond) // virtual; in mid-work
			s.plug.Pull()
			time.Sleep(5 * time.Minute) // virtual
			if s.ready() {
				t.Error("it is ready without a broker")
			}
			s.plug.PutBack()
		}
		w.expect()
		w.wait("it is ready", s.ready)
	})
}

// TestBrokersAwayFromAnIdleStage: a stage without input is not ready half a minute
// after the brokers were last there, whether they refuse connections or just say
// nothing, and ready again when they are back; the log tells both once. A hiccup
// changes nothing.
func TestBrokersAwayFromAnIdleStage(t *testing.T) {
	for name, away := range map[string]func(p *plug, away bool){
		"gone": func(p *plug, away bool) {
			if away {
				p.Pull()
			} else {
				p.PutBack()
			}
		},
		"silent": (*plug).Silence,
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				var log protocol
				s := w.start("a", func(o *Options[tally]) {
					o.Timeouts = PatientTimeouts // the sink's: its lanes are silent for long
					o.Logger = slog.New(slog.NewTextHandler(&log, nil))
				})
				w.wait("it is ready", s.ready)
				for range 3 {
					time.Sleep(time.Minute) // virtual
					away(s.plug, true)
					for range 9 {
						time.Sleep(time.Second) // virtual
						if err := s.problem("tally-kafka"); err != nil {
							t.Fatalf("a hiccup makes it not ready: %v", err)
						}
					}
					away(s.plug, false)
				}
				time.Sleep(time.Minute) // virtual
				if !s.ready() {
					t.Fatal("it is not ready a minute after the last hiccup")
				}
				before := log.String()
				away(s.plug, true)
				time.Sleep(30 * time.Second) // virtual
				if err := s.problem("tally-kafka"); err == nil || !strings.Contains(err.Error(), "asking for the ends of in: ") {
					t.Errorf("it says of the brokers: %v", err)
				}
				time.Sleep(time.Hour) // virtual
				if s.ready() {
					t.Error("it is ready without brokers")
				}
				if n := strings.Count(log.since(before), "the lag could not be measured"); n != 1 {
					t.Errorf("that the lag cannot be measured was logged %d times", n)
				}
				if n := strings.Count(log.since(before), "\n"); n > 65 {
					t.Errorf("an hour without brokers gives %d lines in the log, more than one a minute and a few:\n%s", n, log.since(before))
				}
				away(s.plug, false)
				time.Sleep(2 * time.Minute) // virtual
				if !s.ready() {
					t.Error("it is not ready again")
				}
				if n := strings.Count(log.since(before), "the lag is measured again"); n != 1 {
					t.Errorf("that the lag is measured again was logged %d times", n)
				}
			})
		})
	}
}

// protocol is what was logged.
type protocol struct {
	mu   sync.Mutex
	text strings.Builder
}

func (p *protocol) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *protocol) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// since is what was logged after that.
func (p *protocol) since(before string) string { return strings.TrimPrefix(p.String(), before) }

// TestOneLaneFails: a handler that fails holds up its lane and no other.
func TestOneLaneFails(t *testing.T) {
	inWorld(t, func(w *world) {
		var mended atomic.Bool
		failing := errors.New("no")
		s := w.start("a", func(o *Options[tally]) {
			o.Lanes = partitions
			o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
				for _, p := range b.Partitions {
					if p.ID == 0 && !mended.Load() {
						return failing
					}
				}
				return addUp(ctx, b)
			})
		})
		w.wait("it is ready", s.ready)
		w.send(100)
		time.Sleep(time.Minute) // virtual
		others := w.cluster.PartitionInfo("in", 1).HighWatermark + w.cluster.PartitionInfo("in", 2).HighWatermark
		if n := s.counter("callfold_records_in_total"); n != float64(others) {
			t.Errorf("%v records were handled, want all %d of the other lanes", n, others)
		}
		if s.ready() {
			t.Error("it is ready although a lane is not")
		}
		mended.Store(true)
		w.expect()
	})
}

// bulky makes states that no record can hold.
type bulky struct{ tallyCodec }

func (c bulky) Encode(v tally) ([]byte, error) {
	b, err := c.tallyCodec.Encode(v)
	if v.Sum >= 1_000_000 {
		b = append(b, make([]byte, MaxRecordBytes)...)
	}
	return b, err
}

// TestStateTooLargeIsRejected: the input that would make it goes to the rejected
// records, the state stays as it was, and everything else goes on.
func TestStateTooLargeIsRejected(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(60)
		s := w.start("a", func(o *Options[tally]) { o.Codec = bulky{} })
		w.expect()
		before := w.sent["1"]
		w.sendOne("1", 1_000_000)
		w.sent["1"] = before
		w.expect()
		w.send(60)
		w.expect()
		if n := s.counter("callfold_rejected_records_total"); n != 1 {
			t.Errorf("%v records were rejected, want 1", n)
		}
	})
}

// TestTimerThatMakesTooMuch: a timer whose work makes a state that no record can
// hold goes off once; the state stays as it was, and everything else goes on.
func TestTimerThatMakesTooMuch(t *testing.T) {
	inWorld(t, func(w *world) {
		var turns atomic.Int32
		w.start("a", alarm(time.Minute), func(o *Options[tally]) {
			o.Codec = bulky{}
			ring := o.Handler
			o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
				turns.Add(1)
				err := ring.Handle(ctx, b)
				for _, p := range b.Partitions {
					for _, key := range p.Due {
						if v, _, err := p.Get(key); err == nil && key == "1" {
							v.Sum += 1_000_000
							p.Put(key, v)
						}
					}
				}
				return err
			})
		})
		w.sendOne("1", 1)
		w.sendOne("2", 2)
		w.check(w.client.Flush(context.Background()))
		time.Sleep(5 * time.Minute) // virtual
		if n := w.rungs(); n["2"] != 1 || n["1"] != 0 {
			t.Errorf("the timers changed %v, want key 2 once", n)
		}
		if n := turns.Load(); n > 10 {
			t.Errorf("there were %d turns; the timer goes off for ever", n)
		}
		w.send(60)
		w.wait("the input is handled", w.drained)
	})
}
