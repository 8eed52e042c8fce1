package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

var order = Order{Who: "ann", Why: "the field is longer now"}

// TestRetryIsFolded parses and folds the command as the processor does.
func TestCommandIsFolded(t *testing.T) {
	now := time.Date(2026, time.March, 2, 9, 0, 0, 500_000_000, time.UTC)
	c := Command{Event: schemas.EventRetry, CallID: 910400155, StateHash: "abc"}
	r, err := c.Record(events, order, now)
	if err != nil {
		t.Fatal(err)
	}
	if string(r.Key) != "910400155" || r.Topic != events || len(r.Headers) != 4 || stream.Header(r, schemas.HeaderEvent) != schemas.EventRetry ||
		stream.Header(r, schemas.HeaderSource) != "command" || stream.Header(r, schemas.HeaderReceivedAt) != "1772442000500" {
		t.Errorf("record %s: %v", r.Key, r.Headers)
	}
	if err := schemas.CheckEventSchema(stream.Header(r, schemas.HeaderSchema)); err != nil {
		t.Error(err)
	}
	e, err := schemas.ParseEvent(r.Value)
	if err != nil {
		t.Fatal(err)
	}
	if e.TooFarAhead(now) || e.CallID != c.CallID || e.Name != schemas.EventRetry {
		t.Errorf("event %+v", e)
	}
	state := schemas.Fold(schemas.CallRecord{}, e, 7).State
	if want := (schemas.Command{Who: "ann", Why: "the field is longer now", StateHash: "abc"}); state.ID != c.CallID || state.Retry.Value != want || state.Retry.At.Time != now.Unix() {
		t.Errorf("state %+v", state.Retry)
	}
	// Sent twice, it is the same command.
	again, err := c.Record(events, order, now)
	if err != nil {
		t.Fatal(err)
	}
	e2, err := schemas.ParseEvent(again.Value)
	if err != nil {
		t.Fatal(err)
	}
	if twice := schemas.Fold(schemas.Fold(schemas.CallRecord{}, e, 7), e2, 8).State; twice.Hash() != state.Hash() {
		t.Error("a command that came twice changed the state")
	}
}

// TestCommandIsNewerThanTheLast lets the clock be behind that of the last command.
func TestCommandIsNewerThanTheLast(t *testing.T) {
	now := time.Unix(1772442000, 0)
	var record schemas.CallRecord
	for i, retried := range []int64{0, now.Unix(), now.Unix() + 60} {
		r, err := Command{Event: schemas.EventRetry, CallID: 1, After: retried}.Record(events, Order{Who: "ann", Why: fmt.Sprint(i)}, now)
		if err != nil {
			t.Fatal(err)
		}
		e, err := schemas.ParseEvent(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		record = schemas.Fold(record, e, int64(i))
		if record.State.Retry.Value.Why != fmt.Sprint(i) {
			t.Errorf("command %d is taken for an older one: %+v", i, record.State.Retry)
		}
	}
}

func TestCommandKeepsOddTexts(t *testing.T) {
	r, err := Command{Event: schemas.EventRetry, CallID: 1}.Record(events, Order{Who: "a\"b", Why: "caf\xe9 \u2028 <é>"}, time.Unix(1772442000, 0))
	if err != nil {
		t.Fatal(err)
	}
	e, err := schemas.ParseEvent(r.Value)
	if err != nil {
		t.Fatal(err)
	}
	if got := schemas.Fold(schemas.CallRecord{}, e, 0).State.Retry.Value; got.Who != "a\"b" || got.Why != "caf\uFFFD \u2028 <é>" {
		t.Errorf("%+v", got)
	}
}

func TestOrderCheck(t *testing.T) {
	for _, test := range []struct {
		order Order
		want  string
	}{
		{order, ""},
		{Order{Who: "ann"}, "a reason is needed"},
		{Order{Who: "ann", Why: " \n"}, "a reason is needed"},
		{Order{Why: "x"}, "it is not known who asks"},
		{Order{Who: "ann", Why: strings.Repeat("x", 1001)}, "at most 1000 bytes"},
	} {
		if err := test.order.Check(); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test.order, err)
		}
	}
}

func commands(n int) []Command {
	list := make([]Command, n)
	for i := range list {
		list[i] = Command{Event: schemas.EventRetry, CallID: int64(i + 1)}
	}
	return list
}

// published are the commands in the topic events, by call.
func (w *world) published() map[string]int {
	w.Helper()
	found, err := partition.Lookup(context.Background(), w.client, events)
	w.check(err)
	commands := map[string]int{}
	for n := range int32(partitions) {
		p, err := found.Partition(events, n)
		w.check(err)
		_, err = p.Read(context.Background(), func(records []*kgo.Record, _ int64) error {
			for _, r := range records {
				commands[string(r.Key)]++
				if want, err := found.NumberOf(events, string(r.Key)); err != nil || want != n {
					w.Errorf("call %s is in partition %d, want %d", r.Key, n, want)
				}
			}
			return nil
		})
		w.check(err)
	}
	return commands
}

func TestSend(t *testing.T) {
	inWorld(t, func(w *world) {
		sent, err := Send(context.Background(), w.client, events, commands(2*together+1), order, time.Now)
		if there := w.published(); err != nil || sent != 2*together+1 || len(there) != sent {
			t.Errorf("%d were sent, %d are there: %v", sent, len(there), err)
		}
	})
}

// TestSendStopsInOrder cancels while the second lot is on its way: it is
// still waited for, and the third is never begun.
func TestSendStopsInOrder(t *testing.T) {
	inWorld(t, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		asked := 0
		sent, err := Send(ctx, w.client, events, commands(3*together), order, func() time.Time {
			if asked++; asked == 2*together {
				cancel()
			}
			return time.Now()
		})
		if there := w.published(); !errors.Is(err, context.Canceled) || sent != 2*together || len(there) != sent {
			t.Errorf("%d were sent, %d are there: %v", sent, len(there), err)
		}
	})
}

// TestSendEnds lets the broker take no more: nothing waits for ever.
func TestSendEnds(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		inWorld(t, func(w *world) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			sent, err := Send(ctx, w.client, events, commands(1), order, time.Now)
			if sent != 1 || err != nil {
				t.Fatal(sent, err)
			}
			w.broker.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				w.broker.KeepControl()
				return nil, errors.New("the connection is cut"), true
			})
			began := time.Now()
			if stopped {
				time.AfterFunc(time.Second, cancel)
			}
			sent, err = Send(ctx, w.client, events, commands(1), order, time.Now)
			took, longest := time.Since(began), delivery+grace
			if stopped {
				longest = 2 * grace
			}
			if sent != 0 || err == nil || took > longest {
				t.Errorf("stopped %v: %d were sent in %v: %v", stopped, sent, took, err)
			}
		})
	}
}
