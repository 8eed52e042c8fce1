package app

import (
	"time"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/processor"
	"github.com/callfold/callfold/schemas"
)

// Processor makes the stage that folds events into call states.
func (a *App) Processor() (*stream.Engine[schemas.CallRecord], error) {
	s := a.Settings.Processor
	o, err := engineOptions(a, "processor", stream.Options[schemas.CallRecord]{
		Group:        a.group(kafka.ProcessorGroup),
		Input:        a.topic(kafka.Events),
		Changelog:    a.topic(kafka.Calls),
		Codec:        schemas.Calls,
		Handler:      processor.Processor{},
		StateDir:     s.StateDir,
		Lanes:        lanes(s.Lanes),
		BatchRecords: 1000,
		Timeouts:     stream.QuickTimeouts,
		Grace:        5 * time.Second,
		Now:          time.Now,
	})
	if err != nil {
		return nil, err
	}
	return stream.New(o)
}
