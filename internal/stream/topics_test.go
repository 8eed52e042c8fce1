//go:build synctests

package stream

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// checks is an Options.CheckTopics that answers as the test says.
type checks chan error

func (c checks) check(context.Context, *kadm.Client) error {
	err := <-c
	c <- err
	return err
}

func (c checks) answer(err error) {
	<-c
	c <- err
}

func startChecked(w *world, first error) (*stage, checks) {
	c := make(checks, 1)
	c <- first
	return w.start("a", func(o *Options[tally]) { o.CheckTopics = c.check }), c
}

// TestTopicsAreRefused: on topics that the stage does not want it does not begin.
func TestTopicsAreRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(60)
		s, _ := startChecked(w, &TopicError{"short retention"})
		<-s.ended
		if problem := new(*TopicError); !errors.As(s.err, problem) || (*problem).Problem != "short retention" {
			t.Errorf("it ended with %v", s.err)
		}
		if n := s.counter("callfold_records_in_total"); n != 0 {
			t.Errorf("%v records were handled", n)
		}
	})
}

// TestTopicsWrongForAMoment: a broker that has not heard of the topics yet ends nothing,
// however long ago another one said the same.
func TestTopicsWrongForAMoment(t *testing.T) {
	inWorld(t, func(w *world) {
		looks := 0
		s := w.start("a", func(o *Options[tally]) {
			o.CheckTopics = func(context.Context, *kadm.Client) error {
				switch looks++; {
				case looks == 1, looks == 20:
					return &TopicError{"there are none"}
				case looks < 20:
					return errors.New("nobody answers")
				}
				return nil
			}
		})
		w.wait("it is ready", s.ready)
	})
}

// TestTopicsThatCannotBeChecked are waited for.
func TestTopicsThatCannotBeChecked(t *testing.T) {
	inWorld(t, func(w *world) {
		w.send(60)
		unknown := errors.New("nobody answers")
		s, c := startChecked(w, unknown)
		time.Sleep(time.Hour) // virtual
		if problem := s.problem("tally"); !errors.Is(problem, unknown) {
			t.Errorf("it says %v, want %v", problem, unknown)
		}
		c.answer(nil)
		w.expect()
		w.wait("it is ready", s.ready)
	})
}

// TestTopicsAreChangedUnderTheStage: it goes on, is not ready, and says why,
// until the topics are right again.
func TestTopicsAreChangedUnderTheStage(t *testing.T) {
	inWorld(t, func(w *world) {
		s, c := startChecked(w, nil)
		w.wait("it is ready", s.ready)
		c.answer(&TopicError{"short retention"})
		time.Sleep(topicsAgain + time.Minute) // virtual
		if s.ready() || s.problem("tally") == nil {
			t.Error("it does not say that the topics were changed")
		}
		w.send(60)
		w.expect()
		c.answer(errors.New("nobody answers"))
		time.Sleep(topicsAgain) // virtual
		if s.ready() {
			t.Error("it is ready although nobody said that the topics are right")
		}
		c.answer(nil)
		time.Sleep(topicsAgain) // virtual
		w.wait("it is ready again", s.ready)
	})
}
