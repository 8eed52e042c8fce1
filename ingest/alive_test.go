package ingest

import (
	"context"
	"testing"
	"time"
)

// TestAliveWhileTheBrokerIsAway: a broker that is away makes no stage one that hangs.
func TestAliveWhileTheBrokerIsAway(t *testing.T) {
	onSite(t, func(t *testing.T, s site) {
		s.cable.pull()
		for range 60 {
			time.Sleep(time.Minute) // virtual
			if err := s.Alive(); err != nil {
				t.Fatalf("it is said to hang: %v", err)
			}
		}
		if s.ready() == nil {
			t.Error("it is ready, so the broker was not away")
		}
	})
}

// TestAStageThatHangs: its look at the broker does not come back.
func TestAStageThatHangs(t *testing.T) {
	var let chan struct{}
	hang := func(t *testing.T, o *Options) {
		let = make(chan struct{}) // of the bubble
		o.Probe = func(context.Context) error { <-let; return nil }
	}
	onSiteWith(t, hang, func(t *testing.T, s site) {
		time.Sleep(4 * time.Minute) // virtual
		if err := s.Alive(); err != nil {
			t.Errorf("it is said to hang already: %v", err)
		}
		time.Sleep(2 * time.Minute) // virtual
		if s.Alive() == nil {
			t.Error("nothing is said of it")
		}
		close(let)
		time.Sleep(time.Minute) // virtual
		if err := s.Alive(); err != nil {
			t.Errorf("it goes on, and is said to hang: %v", err)
		}
	})
}
