package sfsink

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestSlotsAdapt: half as many when requests meet, one more after each full round.
func TestSlotsAdapt(t *testing.T) {
	s := newSlots(8)
	for _, step := range []struct {
		crowded bool
		times   int
		allowed float64
	}{{true, 1, 4}, {true, 2, 1}, {true, 5, 1}, {false, 1, 2}, {false, 2, 3}, {false, 3 + 4 + 5 + 6 + 7, 8}, {false, 100, 8}} {
		for range step.times {
			if err := s.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.release(step.crowded)
		}
		if got := s.allowed(); got != step.allowed {
			t.Fatalf("%v requests at once after %+v", got, step)
		}
	}
}

// TestSlotsBound: no more than allowed are under way, also when it becomes less, and
// who gives up waiting takes no slot along.
func TestSlotsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(2)
		acquire := func(ctx context.Context) chan error {
			done := make(chan error, 1)
			go func() { done <- s.acquire(ctx) }()
			synctest.Wait()
			return done
		}
		ctx, cancel := context.WithCancel(t.Context())
		first, second, third, fourth := acquire(t.Context()), acquire(t.Context()), acquire(ctx), acquire(t.Context())
		if len(first) != 1 || len(second) != 1 || len(third)+len(fourth) != 0 {
			t.Fatal("not exactly two were let in")
		}
		cancel()
		synctest.Wait()
		if err := <-third; err == nil {
			t.Error("who gave up was let in")
		}
		s.release(true) // one is allowed, and one is under way
		synctest.Wait()
		if len(fourth) != 0 {
			t.Fatal("two are under way where one is allowed")
		}
		s.release(false)
		synctest.Wait()
		if len(fourth) != 1 {
			t.Fatal("nobody was let in")
		}
	})
}

// A request that waits for an account leaves the slots to those that can go.
func TestWaitingForAnAccountTakesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := &turn{Sink: &Sink{locks: newLocks(), slots: newSlots(1)}}
		if _, err := at.locks.acquire(t.Context(), []string{curieCo}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, _, err := at.request(ctx, [][]*row{{{job: &job{}, account: curieCo}}})
			done <- err
		}()
		synctest.Wait()
		if at.slots.used != 0 {
			t.Error("it holds a slot")
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
