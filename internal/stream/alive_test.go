//go:build synctests

package stream

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestAliveWhileOthersAreAway: neither brokers that are away, nor a handler that fails
// or waits for others, makes a lane one that hangs.
func TestAliveWhileOthersAreAway(t *testing.T) {
	for name, test := range map[string]func(w *world) *stage{
		"brokers away from the start": func(w *world) *stage {
			away := &plug{dial: w.net.DialContext, pulled: true}
			return w.start("a", func(o *Options[tally]) { o.Client = func() []kgo.Opt { return w.options(away.Dial) } })
		},
		"brokers gone": func(w *world) *stage {
			s := w.start("a")
			w.wait("it is ready", s.ready)
			w.send(100)
			s.plug.Pull()
			return s
		},
		"a handler that fails": func(w *world) *stage {
			return w.start("a", func(o *Options[tally]) {
				o.Handler = handlerFunc(func(context.Context, *Batch[tally]) error { return errors.New("no") })
			})
		},
		"a handler that waits, again and again": func(w *world) *stage {
			return w.start("a", func(o *Options[tally]) {
				o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
					for range 100 {
						if !pause(ctx, time.Minute) {
							return ctx.Err()
						}
						_ = b.StillOwned() // as before each request; what it says is not the point
					}
					return nil
				})
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.send(60)
				s := test(w)
				for range 60 {
					time.Sleep(time.Minute) // virtual
					if err := s.engine.Alive(); err != nil {
						t.Fatalf("it is said to hang: %v", err)
					}
				}
			})
		})
	}
}

// TestALaneThatHangs: one lane of several in a handler that never returns.
func TestALaneThatHangs(t *testing.T) {
	inWorld(t, func(w *world) {
		let := make(chan struct{})
		s := w.start("a", func(o *Options[tally]) {
			o.Lanes = 2
			o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
				for _, p := range b.Partitions {
					if p.ID == 0 {
						<-let
					}
				}
				return addUp(ctx, b)
			})
		})
		w.wait("it is ready", s.ready)
		w.send(100)
		time.Sleep(9 * time.Minute) // virtual
		if err := s.engine.Alive(); err != nil {
			t.Errorf("it is said to hang already: %v", err)
		}
		time.Sleep(2 * time.Minute) // virtual
		if err := s.engine.Alive(); err == nil || !strings.Contains(err.Error(), "has not turned for 1") {
			t.Errorf("nothing is said of a lane that hangs: %v", err)
		}
		close(let)
		w.expect()
		if err := s.engine.Alive(); err != nil {
			t.Errorf("it goes on, and is said to hang: %v", err)
		}
		s.stop()
		time.Sleep(time.Hour) // virtual
		if err := s.engine.Alive(); err != nil {
			t.Errorf("it has ended, and is said to hang: %v", err)
		}
	})
}
