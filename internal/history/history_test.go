package history

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

func TestReadTellsEverythingOfACall(t *testing.T) {
	inWorld(t, func(w *world) {
		g := traffic.New(traffic.Options{Seed: 7})
		var all []schemas.CallRecord
		for range 12 {
			all = append(all, w.call(g, traffic.TransferFailed))
		}
		for _, c := range all {
			w.commit(w.stateOf(c), w.outcomeOf(schemas.Outcome{CallID: c.State.ID, Result: schemas.Created, StateHash: c.State.Hash()}))
		}
		for _, want := range all {
			got, err := w.read(want.State.ID)
			w.check(err)
			if got.ID != want.State.ID || got.StateHash != want.State.Hash() || got.State.Hash() != want.State.Hash() {
				t.Errorf("call %d: the state is another", want.State.ID)
			}
			if got.Outcome == nil || got.Outcome.StateHash != want.State.Hash() {
				t.Errorf("call %d: the outcome is %+v", want.State.ID, got.Outcome)
			}
			if got.Partition != w.partition(want.State.ID) || got.FoldedAt.IsZero() {
				t.Errorf("call %d: partition %d, folded at %v", want.State.ID, got.Partition, got.FoldedAt)
			}
			if len(got.Events) != len(want.Trace.Events) || len(got.Events) < 5 {
				t.Fatalf("call %d: %d events, want %d", want.State.ID, len(got.Events), len(want.Trace.Events))
			}
			for i, e := range got.Events {
				trace := want.Trace.Events[i]
				if e.Gone || e.Name != trace.Event || e.Offset != trace.Offset || e.Key != trace.At || e.Time.Unix() != trace.At.Time {
					t.Errorf("event %+v, want that of the trace %+v", e, trace)
				}
				if e.What == "" || e.Source != schemas.Webhook || !e.ReceivedAt.Equal(time.UnixMilli(1767261600123)) {
					t.Errorf("event %+v: the record's part is wrong", e)
				}
			}
		}
	})
}

// What each event changed, and the state after each, in the events' own order.
func TestChanges(t *testing.T) {
	inWorld(t, func(w *world) {
		g := traffic.New(traffic.Options{Seed: 7, DuplicateRate: -1, ReorderRate: -1})
		bodies := g.CallOf(traffic.AnsweredInbound).Events
		var c schemas.CallRecord
		for _, i := range slices.Backward(bodies) {
			c = w.receive(i.Body)
		}
		w.commit(w.stateOf(c))
		got, err := w.read(c.State.ID)
		w.check(err)
		if got.Partial {
			t.Error("the events are said not to make the state")
		}
		fields := map[string]string{} // as they are after all changes
		for i, e := range got.Events {
			for _, change := range e.Changed {
				if string(change.Before) != fields[change.Field] {
					t.Errorf("event %d: %s was %s, not %s", i+1, change.Field, fields[change.Field], change.Before)
				}
				fields[change.Field] = string(change.After)
				if slices.Contains([]string{"id", "newest"}, change.Field) || strings.HasSuffix(change.Field, "at.v") {
					t.Errorf("event %d: %s is no news", i+1, change.Field)
				}
			}
		}
		for field, want := range map[string]string{
			"direction": `"inbound"`, "status": `"done"`, "answered_at": strconv.FormatInt(c.State.AnsweredAt, 10),
			"number.name": strconv.Quote(c.State.Number.Name.Value),
		} {
			if fields[field] != want {
				t.Errorf("%s is %s after all events, want %s", field, fields[field], want)
			}
		}
		if !strings.HasPrefix(fields["agents"], `[{"email":`) || strings.Contains(fields["agents"], "seen") {
			t.Errorf("the agents are %s", fields["agents"])
		}

		first, err := got.After(1)
		w.check(err)
		if first.At != 1 || first.State.AnsweredAt != 0 || first.StateHash != first.State.Hash() || first.State.Direction.Value != schemas.Inbound {
			t.Errorf("after the first event: %+v", first.State)
		}
		last, err := got.After(len(got.Events))
		w.check(err)
		if last.StateHash != got.StateHash {
			t.Error("the state after the last event is not the newest")
		}
		for _, n := range []int{-1, 0, len(got.Events) + 1} {
			if _, err := got.After(n); err == nil {
				t.Errorf("there is a state after event %d", n)
			}
		}
	})
}

// Of an erased call what the log still holds is not told.
func TestChangesOfAnErasedCall(t *testing.T) {
	inWorld(t, func(w *world) {
		g := traffic.New(traffic.Options{Seed: 1, DuplicateRate: -1, ReorderRate: -1})
		c := w.receive(g.CallOf(traffic.Voicemail).Events[0].Body)
		id := strconv.FormatInt(c.State.ID, 10)
		c = w.receive([]byte(`{"resource":"callfold","event":"callfold.erase","timestamp":1900000000,"data":{"id":` + id + `,"who":"ops","why":"asked for"}}`))
		w.commit(w.stateOf(c))
		got, err := w.read(c.State.ID)
		w.check(err)
		if len(got.Events) != 2 || got.Events[0].What != "" || got.Events[1].What != "ops: asked for" || got.Partial {
			t.Errorf("the events are %+v, partial %v", got.Events, got.Partial)
		}
		after, err := got.After(1)
		w.check(err)
		if after.State.External.Known() || len(got.Events[0].Changed) > 0 {
			t.Errorf("the erased call is told: %+v, %+v", after.State, got.Events[0].Changed)
		}
	})
}

// The newest state is found from the end of a partition, whatever lies behind it, and
// of the outcomes all that are there.
func TestReadGoesBackwards(t *testing.T) {
	inWorld(t, func(w *world) {
		g := traffic.New(traffic.Options{Seed: 1, DuplicateRate: -1, ReorderRate: -1})
		c := w.receive(g.CallOf(traffic.Voicemail).Events[0].Body)
		id := c.State.ID
		w.commit(w.stateOf(c), w.outcomeOf(schemas.Outcome{CallID: id, Result: schemas.Waiting, Rule: "L2", DecidedAt: 1000}))
		w.commit(w.outcomeOf(schemas.Outcome{CallID: id, Result: schemas.Retrying, DecidedAt: 2000, Attempts: 1, Error: &schemas.OutcomeError{Code: "UNABLE_TO_LOCK_ROW"}}))
		w.commit(w.outcomeOf(schemas.Outcome{CallID: id, Result: schemas.Created, DecidedAt: 3000}))
		var others []*kgo.Record
		for i := range 2 * firstWindow {
			r := w.record(topics.Calls, id, schemas.Calls.Schema(), []byte("{}"))
			r.Key = key(int64(i + 1))
			others = append(others, r)
		}
		w.commit(others...)
		got, err := w.read(id)
		w.check(err)
		if got.StateHash != c.State.Hash() || got.Outcome == nil || got.Outcome.Result != schemas.Created {
			t.Errorf("the state or the outcome is another: %+v", got)
		}
		want := []Decision{
			{DecidedAt: time.UnixMilli(1000).UTC(), Result: schemas.Waiting, Rule: "L2"},
			{DecidedAt: time.UnixMilli(2000).UTC(), Result: schemas.Retrying, Attempts: 1, Code: "UNABLE_TO_LOCK_ROW"},
			{DecidedAt: time.UnixMilli(3000).UTC(), Result: schemas.Created},
		}
		for i := range got.Decisions {
			got.Decisions[i].Offset = 0
		}
		if !slices.Equal(got.Decisions, want) {
			t.Errorf("the decisions are %+v", got.Decisions)
		}
		w.commit(w.record(topics.Tasks, id, schemas.Outcomes.Schema(), nil))
		got, err = w.read(id)
		w.check(err)
		if got.Outcome != nil || len(got.Decisions) != 0 {
			t.Errorf("a deleted outcome is told: %+v", got.Decisions)
		}
	})
}

func TestReadOnlyTheNewestCommittedState(t *testing.T) {
	inWorld(t, func(w *world) {
		g := traffic.New(traffic.Options{Seed: 1, DuplicateRate: -1, ReorderRate: -1})
		bodies := g.CallOf(traffic.AnsweredInbound).Events
		first := w.receive(bodies[0].Body)
		w.commit(w.stateOf(first))
		second := w.receive(bodies[1].Body)
		w.commit(w.stateOf(second))
		third := w.receive(bodies[2].Body)
		w.end(w.begin("aborted", w.stateOf(third)), kgo.TryAbort)
		other := w.stateOf(schemas.CallRecord{State: schemas.Call{ID: first.State.ID + 1}})
		other.Partition = w.partition(first.State.ID)
		w.commit(other)
		marker := w.stateOf(third)
		marker.Headers = append(marker.Headers, kgo.RecordHeader{Key: "marker", Value: []byte("next-input")})
		w.commit(marker)

		got, err := w.read(first.State.ID)
		w.check(err)
		if got.State.Hash() != second.State.Hash() || len(got.Events) != 2 {
			t.Errorf("the state is of %d events, want 2", len(got.Events))
		}
		if got.Outcome != nil {
			t.Errorf("an outcome out of nowhere: %+v", got.Outcome)
		}
	})
}

func TestReadWaitsForAnOpenTransaction(t *testing.T) {
	inWorld(t, func(w *world) {
		g := traffic.New(traffic.Options{Seed: 1, DuplicateRate: -1, ReorderRate: -1})
		bodies := g.CallOf(traffic.AnsweredInbound).Events
		first := w.receive(bodies[0].Body)
		w.commit(w.stateOf(first))
		second := w.receive(bodies[1].Body)
		open := w.begin("open", w.stateOf(second))
		go func() {
			time.Sleep(3 * time.Second) // virtual
			w.end(open, kgo.TryCommit)
		}()
		got, err := w.read(first.State.ID)
		w.check(err)
		if len(got.Events) != 2 {
			t.Errorf("the state is of %d events: the transaction was not waited for", len(got.Events))
		}

		third := w.receive(bodies[2].Body)
		open = w.begin("never", w.stateOf(third))
		defer open.Close()
		began := time.Now()
		got, err = w.read(first.State.ID)
		w.check(err)
		if len(got.Events) != 2 {
			t.Errorf("the state is of %d events, want the 2 that are committed", len(got.Events))
		}
		if waited := time.Since(began); waited > 2*partition.Patience {
			t.Errorf("it waited %v", waited)
		}
	})
}

func TestReadUnknownCall(t *testing.T) {
	inWorld(t, func(w *world) {
		if _, err := w.read(4711); !errors.Is(err, ErrUnknown) {
			t.Errorf("with empty topics: %v", err)
		}
		g := traffic.New(traffic.Options{Seed: 1})
		c := w.call(g, traffic.Voicemail)
		w.commit(w.stateOf(c))
		if _, err := w.read(c.State.ID + 1); !errors.Is(err, ErrUnknown) {
			t.Errorf("another call: %v", err)
		}
		tombstone := w.record(topics.Calls, c.State.ID, schemas.Calls.Schema(), nil)
		w.commit(tombstone)
		if _, err := w.read(c.State.ID); !errors.Is(err, ErrUnknown) {
			t.Errorf("a deleted state: %v", err)
		}
	})
}

func TestReadEventsThatAreGone(t *testing.T) {
	inWorld(t, func(w *world) {
		g := traffic.New(traffic.Options{Seed: 1, DuplicateRate: -1, ReorderRate: -1})
		c := w.call(g, traffic.Voicemail)
		w.commit(w.stateOf(c))
		const before = 2
		w.forget(w.partition(c.State.ID), before)
		got, err := w.read(c.State.ID)
		w.check(err)
		gone := 0
		for _, e := range got.Events {
			if e.Gone != (e.Offset < before) || e.Gone != (e.What == "") {
				t.Errorf("event %+v", e)
			}
			if e.Gone {
				gone++
			}
			if e.Gone && len(e.Changed) > 0 {
				t.Errorf("event %+v", e)
			}
		}
		if !got.Partial {
			t.Error("the events that are left are said to make the state")
		}
		if gone != before {
			t.Errorf("%d events are gone, want %d", gone, before)
		}
	})
}

// A trace may point to what is not the call's event, once topics were made anew:
// another call's record, or an offset without a record.
func TestReadEventsThatAreNotTheCalls(t *testing.T) {
	inWorld(t, func(w *world) {
		g := traffic.New(traffic.Options{Seed: 1, DuplicateRate: -1, ReorderRate: -1})
		c := w.receive(g.CallOf(traffic.Voicemail).Events[0].Body)
		at := w.partition(c.State.ID)
		put := func(key string) int64 { // and a commit marker behind it
			r := &kgo.Record{Topic: topics.Events, Partition: at, Key: []byte(key), Value: []byte("{}")}
			w.commit(r)
			return r.Offset
		}
		own := strconv.FormatInt(c.State.ID, 10)
		for what, offset := range map[string]int64{
			"another call's record": put("1"),
			"a commit marker":       put(own) + 1,
			"beyond the end":        1000,
		} {
			put(own)
			c.Trace.Events[0].Offset = offset
			w.commit(w.stateOf(c))
			got, err := w.read(c.State.ID)
			w.check(err)
			if len(got.Events) != 1 || !got.Events[0].Gone {
				t.Errorf("%s is taken for the event: %+v", what, got.Events)
			}
		}
	})
}

func TestReadRefusesANewerSchema(t *testing.T) {
	inWorld(t, func(w *world) {
		w.commit(w.record(topics.Calls, 4711, "callfold.call/99", []byte("{}")))
		if _, err := w.read(4711); !errors.Is(err, schemas.ErrNewerSchema) {
			t.Errorf("got %v", err)
		}
	})
}

func TestReadWithoutTopics(t *testing.T) {
	inWorld(t, func(w *world) {
		for _, missing := range []Topics{
			{"no-e", topics.Calls, topics.Tasks}, {topics.Events, "no-c", topics.Tasks}, {topics.Events, topics.Calls, "no-t"},
		} {
			_, err := Read(context.Background(), w.client, missing, 4711)
			if err == nil || !strings.Contains(err.Error(), "looking up the topic no-") {
				t.Errorf("%v: %v", missing, err)
			}
		}
	})
}

// Each kind of event of the generator is described, and no description repeats
// a note or a link.
func TestDescribe(t *testing.T) {
	g := traffic.New(traffic.Options{Seed: 3})
	seen := map[string]string{}
	for range 400 {
		for _, d := range g.Call().Events {
			what := describe(d.Event, d.Body)
			if what == "" || strings.Contains(what, "http") || strings.Contains(what, "\n") {
				t.Fatalf("%s is described as %q", d.Event, what)
			}
			seen[d.Event] = what
		}
	}
	if len(seen) < 18 {
		t.Errorf("only %d kinds of events came", len(seen))
	}
	for _, test := range []struct{ event, data, want string }{
		{"call.created", `{"direction":"inbound","raw_digits":"+33 1 99 00 12 34","number":{"name":"Front desk"}}`, "+33 1 99 00 12 34 calls Front desk"},
		{"call.created", `{"direction":"outbound","raw_digits":"+33 1 99 00 12 34","user":{"name":"Ada"},"number":{"name":"Front desk"}}`, "Ada calls +33 1 99 00 12 34 with Front desk"},
		{"call.created", `{}`, "unknown calls unknown"},
		{"call.answered", `{"user":{"name":"Ada"}}`, "answered by Ada"},
		{"call.answered", `{"user":{}}`, "answered by somebody"},
		{"call.hungup", `{"missed_call_reason":"no_available_agent"}`, "hung up, no_available_agent"},
		{"call.ended", `{"recording":"https://example.com/x"}`, "ended, with a recording"},
		{"call.tagged", `{"tags":[{"name":"Order"},{"name":"VIP"}]}`, "tags: Order, VIP"},
		{"call.untagged", `{"tags":[]}`, "tags: none"},
		{"call.commented", `{"comments":[{"content":"secret"}]}`, "notes: 1"},
		{"call.transferred", `{"transferred_by":{"name":"Ada"},"transferred_to":{"name":"Bo"}}`, "Ada transfers to Bo"},
		{"callfold.erase", `{"who":"ops","why":"asked by the caller"}`, "ops: asked by the caller"},
		{"call.something_new", `{}`, ""},
	} {
		if got := describe(test.event, []byte(`{"data":`+test.data+`}`)); got != test.want {
			t.Errorf("%s %s\ngot  %s\nwant %s", test.event, test.data, got, test.want)
		}
	}
	if what := describe("call.created", []byte("no JSON")); what != "unknown calls unknown" {
		t.Errorf("garbage is described as %q", what)
	}
}
