package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/eventlog"
	"github.com/callfold/callfold/schemas"
)

// Order is who asks for a command, and why.
type Order struct {
	Who string `json:"who"`
	Why string `json:"why"`
}

// maxText is the longest Who and Why, in bytes, that the fold does not cut.
const maxText = 1_000

// Check says what is wrong with the order: both texts are needed, since they are
// all that the history of a call tells about a command.
func (o Order) Check() error {
	switch {
	case strings.TrimSpace(o.Why) == "":
		return errors.New("a reason is needed: it stays in the history of each call")
	case strings.TrimSpace(o.Who) == "":
		return errors.New("it is not known who asks: it stays in the history of each call")
	case len(o.Who) > maxText || len(o.Why) > maxText:
		return fmt.Errorf("a reason and a name have at most %d bytes", maxText)
	}
	return nil
}

// Command is one command for one call.
type Command struct {
	// Event is its name: schemas.EventRewrite, EventRematch, EventRetry or EventErase.
	Event string
	// CallID is Aircall's call id.
	CallID int64
	// StateHash is the hash of the state that the operator saw; empty where none was
	// looked at.
	StateHash string
	// After is the time of the newest command of its kind that is known of the call, in
	// UNIX seconds, 0 for none. Of two commands the newest counts, and one from a clock
	// that is behind would otherwise be taken for the older.
	After int64
}

// Record is the command as a record of the topic events. Its time is the present
// one, and later than After.
func (c Command) Record(topic string, order Order, now time.Time) (*kgo.Record, error) {
	body, err := json.Marshal(struct {
		Resource  string `json:"resource"`
		Event     string `json:"event"`
		Timestamp int64  `json:"timestamp"`
		Data      any    `json:"data"`
	}{"callfold", c.Event, max(now.Unix(), c.After+1), struct {
		ID        int64  `json:"id"`
		Who       string `json:"who"`
		Why       string `json:"why"`
		StateHash string `json:"state_hash,omitzero"`
	}{c.CallID, order.Who, order.Why, c.StateHash}}, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, fmt.Errorf("encoding a command for call %d: %w", c.CallID, err)
	}
	return eventlog.Record(topic, body, c.Event, c.CallID, schemas.Operator, now), nil
}

const (
	// together is how many commands are on their way at once.
	together = 500
	// delivery is how long the brokers may take to acknowledge those.
	delivery = 30 * time.Second
	// grace is how long they are waited for once somebody has asked to stop.
	grace = 5 * time.Second
)

// ProducerOptions are those of the client for [Send], beside
// kafka.ProducerOptions. A command that may have been written is given up when
// time is up: to send it again does no harm.
func ProducerOptions() []kgo.Opt { return []kgo.Opt{kgo.AllowIdempotentProduceCancellation()} }

// Send publishes commands to the topic events, some hundreds at a time, and waits until all in-sync replicas have them. When ctx
// ends, no more are begun, and those on their way are waited for, five seconds at
// the most; the error is then that of ctx. sent counts the acknowledged ones. With
// another error up to 500 more may have been written.
func Send(ctx context.Context, client *kgo.Client, topic string, commands []Command, order Order, now func() time.Time) (sent int, err error) {
	for len(commands) > 0 && err == nil {
		if ctx.Err() != nil {
			return sent, ctx.Err()
		}
		n := min(together, len(commands))
		records := make([]*kgo.Record, n)
		for i, c := range commands[:n] {
			if records[i], err = c.Record(topic, order, now()); err != nil {
				return sent, err
			}
		}
		var written int
		written, err = Publish(ctx, client, records)
		sent += written
		commands = commands[n:]
	}
	return sent, err
}

// Publish writes some hundreds of records to the topic events, and waits until all
// in-sync replicas have them. They cannot be called back once they are on their way:
// the end of ctx only bounds the wait for them. With an error any of them may have been
// written; written counts the acknowledged ones.
func Publish(ctx context.Context, client *kgo.Client, records []*kgo.Record) (written int, err error) {
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), delivery)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(writing, func() { timer.Stop() })
	})
	defer stop()
	for _, result := range client.ProduceSync(writing, records...) {
		if result.Err == nil {
			written++
		} else if err == nil {
			err = fmt.Errorf("publishing events: %w", result.Err)
		}
	}
	return written, err
}
