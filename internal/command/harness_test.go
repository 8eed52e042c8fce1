package command

import (
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka/bubble"
)

const (
	events     = "events"
	partitions = 3
)

// world is a broker in a bubble of virtual time, and a client with the options of one that sends commands.
type world struct {
	*testing.T
	broker *bubble.Broker
	client *kgo.Client
}

func inWorld(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, broker: bubble.Start(t, kfake.SeedTopics(partitions, events))}
		w.client = w.broker.Client(ProducerOptions()...)
		defer w.client.Close()
		test(w)
	})
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}
