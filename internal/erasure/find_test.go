package erasure

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka/bubble"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/schemas"
)

func inWorld(t *testing.T, test func(t *testing.T, open func(...kgo.Opt) *kgo.Client)) {
	synctest.Test(t, func(t *testing.T) {
		test(t, bubble.Start(t, kfake.SeedTopics(3, "calls", "tasks")).Client)
	})
}

// state is a record of a call with this number, or of an erased one without.
func state(t *testing.T, id int64, number string) *kgo.Record {
	t.Helper()
	body := fmt.Sprintf(`{"resource":"call","event":"call.created","timestamp":1772442000,"data":{"id":%d,"raw_digits":%q}}`, id, number)
	if number == "" {
		body = fmt.Sprintf(`{"resource":"callfold","event":"callfold.erase","timestamp":1772442000,"data":{"id":%d,"who":"x","why":"y"}}`, id)
	}
	event, err := schemas.ParseEvent([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return record(t, "calls", schemas.Calls, id, schemas.Fold(schemas.CallRecord{}, event, 0))
}

func record[V any](t *testing.T, topic string, codec schemas.Codec[V], id int64, v V) *kgo.Record {
	t.Helper()
	value, err := codec.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return &kgo.Record{Topic: topic, Key: strconv.AppendInt(nil, id, 10), Value: value, Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(codec.Schema())}}}
}

func TestFind(t *testing.T) {
	inWorld(t, func(t *testing.T, open func(...kgo.Opt) *kgo.Client) {
		ctx := context.Background()
		client := open()
		defer client.Close()
		gone := state(t, 5, "a")
		gone.Value = nil
		marker := &kgo.Record{Topic: "calls", Key: []byte("1"), Value: []byte("{}"), Headers: []kgo.RecordHeader{{Key: "marker", Value: []byte("marker")}}}
		if err := client.ProduceSync(ctx,
			state(t, 1, "a"), state(t, 2, "b"), state(t, 3, "a"), state(t, 4, "a"), state(t, 5, "a"), state(t, 6, "b"), // and then:
			state(t, 3, "b"), state(t, 4, ""), gone, state(t, 6, "a"), marker,
			record(t, "tasks", schemas.Outcomes, 1, schemas.Outcome{CallID: 1, Result: schemas.Waiting}),
			record(t, "tasks", schemas.Outcomes, 1, schemas.Outcome{CallID: 1, Result: schemas.Created, TaskID: "00T1", Match: &schemas.Match{Object: "Lead", ID: "00Q1", Created: true}}),
			record(t, "tasks", schemas.Outcomes, 6, schemas.Outcome{CallID: 6, Result: schemas.Created, TaskID: "00T6", Match: &schemas.Match{Object: "Contact", ID: "0031"}}),
		).FirstErr(); err != nil {
			t.Fatal(err)
		}
		var progress partition.Progress
		calls, err := ByNumber(ctx, client, "calls", func(c schemas.CallRecord) bool { return c.State.External.Value == "a" }, &progress)
		if err == nil {
			err = Locate(ctx, client, "tasks", calls, &progress)
		}
		if err != nil || len(calls) != 2 || calls[0].ID != 1 || calls[1].ID != 6 || calls[0].TaskID != "00T1" || *calls[0].Created != (Created{"Lead", "00Q1"}) ||
			calls[1].TaskID != "00T6" || calls[1].Created != nil {
			t.Errorf("calls %+v: %v", calls, err)
		}
		if progress.Done.Load() != progress.Total.Load() {
			t.Errorf("%d of %d were counted", progress.Done.Load(), progress.Total.Load())
		}
		calls, err = ByID(ctx, client, "calls", []int64{4, 2, 5, 77}, &progress)
		if err != nil || len(calls) != 2 || calls[0].ID != 2 || !calls[0].ErasedBefore.IsZero() || calls[1].ID != 4 || calls[1].ErasedBefore.Unix() != 1772442000 {
			t.Errorf("calls %+v: %v", calls, err)
		}
		if c := calls[1].Erase(); c.After != 1772442000 || c.StateHash != "" || c.Event != schemas.EventErase {
			t.Errorf("command %+v", c)
		}

		// What is hidden may be a call of the number: nothing is told as if it were all.
		open1 := open(kgo.TransactionalID("tx"))
		defer open1.Close()
		if err := open1.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := open1.ProduceSync(ctx, state(t, 7, "a")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if _, err := ByNumber(ctx, client, "calls", func(schemas.CallRecord) bool { return true }, &progress); err == nil || !strings.Contains(err.Error(), "a transaction that stays open hides") {
			t.Errorf("with an open transaction: %v", err)
		}
	})
}

func TestReceiptTells(t *testing.T) {
	var scrub, remove Receipt
	scrub.Tell("scrub")
	remove.Tell("delete")
	if slices.Equal(scrub.Erased, remove.Erased) || !slices.Equal(scrub.Remaining, remove.Remaining) || !strings.Contains(remove.Erased[2], "recycle bin") {
		t.Errorf("%q\n%q", scrub.Erased, remove.Erased)
	}
}
