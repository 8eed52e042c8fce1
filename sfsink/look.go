package sfsink

import (
	"context"
	"time"
)

const (
	// lookEvery is after how long without an answer of Salesforce's the sink looks
	// whether it could write. A look is one API request: 288 a day for a sink that has
	// nothing to do, none for one that writes.
	lookEvery = 5 * time.Minute
	// lookAgainEvery is how often it looks once a look has found trouble.
	lookAgainEvery = time.Minute
	// noPartition is what the looks are among the partitions whose calls wait.
	noPartition = -1
)

// look is when the sink last looked, and what it found.
type look struct {
	at  time.Time
	err error
}

// Look sees whether calls could be written if there were any: a sink without calls would
// not learn that Salesforce is away, or that its sign-in or a field was taken from it.
// [Sink.Trouble] tells what it found. It is to be called every few seconds, after
// Prepare and by one goroutine, and asks nothing as long as Salesforce answers requests.
func (s *Sink) Look(ctx context.Context) {
	if !s.lookIsDue() {
		return
	}
	err := s.governor.room(ctx) // as in a turn
	if err == nil {
		err = s.loadTask(ctx, &org{})
	}
	if ctx.Err() != nil {
		return
	}
	s.looked = look{s.now(), err}
	s.pauses.turn([]input{{partition: noPartition}}, err)
}

func (s *Sink) lookIsDue() bool {
	if s.looked.err != nil {
		return s.now().Sub(s.looked.at) >= lookAgainEvery
	}
	known := s.client.Answered()
	if s.looked.at.After(known) {
		known = s.looked.at
	}
	return s.now().Sub(known) >= lookEvery
}
