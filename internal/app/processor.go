package app

import (
	"time"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/processor"
	"github.com/callfold/callfold/schemas"
)

// processorHotStates is the decoded states that are kept in memory, over all
// lanes: calls live minutes, so those in progress and the ones just ended. At
// some 4 KB each that is 200 MB at the most.
const processorHotStates = 50_000

// Processor makes the stage that folds events into call states.
func (a *App) Processor() (*stream.Engine[schemas.CallRecord], error) {
	s := a.Settings.Processor
	o, err := engineOptions(a, "processor", []string{kafka.Events, kafka.Calls}, stream.Options[schemas.CallRecord]{
		Group:        a.group(kafka.ProcessorGroup),
		Input:        a.topic(kafka.Events),
		Changelog:    a.topic(kafka.Calls),
		Codec:        schemas.Calls,
		Handler:      processor.Processor{},
		StateDir:     s.StateDir,
		Lanes:        a.lanes(s.Lanes, 1),
		BatchRecords: 1000,
		HotStates:    processorHotStates,
		Timeouts:     stream.Timeouts(s.Timeouts),
		Grace:        5 * time.Second,
		Now:          time.Now,
	})
	if err != nil {
		return nil, err
	}
	o.CheckTopics = switched(o.CheckTopics, o.Group, o.Input, a.Settings.Kafka.EventsPrefix)
	// Its own group reads events. Which calls is the live one, the sink's group knows.
	o.CheckTopics = switched(o.CheckTopics, a.group(kafka.SinkGroup), o.Changelog, a.Settings.Kafka.CallsPrefix)
	o.CheckTopics = a.newReaders("processor", kafka.SinkGroup, kafka.Calls, "kafka.calls_prefix").after(o.CheckTopics)
	engine, err := stream.New(o)
	if err != nil {
		return nil, err
	}
	a.Health.Watch("processor", engine.Alive)
	return engine, nil
}
