package rejects

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/eventlog"
	"github.com/callfold/callfold/internal/kafka/bubble"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

const topic = "rejected"

// inWorld gives a client of a broker in a bubble of virtual time.
func inWorld(t *testing.T, test func(t *testing.T, open func(...kgo.Opt) *kgo.Client)) {
	synctest.Test(t, func(t *testing.T) {
		broker := bubble.Start(t, kfake.SeedTopics(3, topic))
		test(t, func(more ...kgo.Opt) *kgo.Client {
			return broker.Client(append(more, kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
		})
	})
}

func rejected(t *testing.T, number int32, at time.Time, r schemas.RejectedRecord) *kgo.Record {
	t.Helper()
	value, err := schemas.Rejects.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return &kgo.Record{
		Topic: topic, Partition: number, Value: value, Timestamp: at,
		Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Rejects.Schema())}},
	}
}

func TestRead(t *testing.T) {
	inWorld(t, func(t *testing.T, open func(...kgo.Opt) *kgo.Client) {
		ctx := context.Background()
		client := open()
		defer client.Close()
		now := time.Now().Truncate(time.Millisecond)
		foreign := rejected(t, 1, now, schemas.RejectedRecord{})
		foreign.Headers = nil
		records := []*kgo.Record{
			rejected(t, 0, now.Add(-time.Hour), schemas.RejectedRecord{Reason: schemas.NoID, Origin: schemas.Origin{Source: "webhook"}, Body: "secret"}),
			rejected(t, 0, now, schemas.RejectedRecord{Reason: schemas.NoTime, Origin: schemas.Origin{Source: "backfill"}, BodyBase64: []byte("secret")}),
			rejected(t, 2, now, schemas.RejectedRecord{Reason: schemas.NoID, Origin: schemas.Origin{Source: "command"}, Body: "{}", Truncated: true}),
			foreign,
		}
		if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		aborted := open(kgo.TransactionalID("tx"))
		defer aborted.Close()
		if err := errors.Join(aborted.BeginTransaction(), aborted.ProduceSync(ctx, rejected(t, 0, now, schemas.RejectedRecord{Reason: schemas.BadID})).FirstErr(),
			aborted.EndTransaction(ctx, kgo.TryAbort)); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			filter Filter
			want   string
		}{
			{Filter{}, "0:1 2:0 0:0"},
			{Filter{Reasons: []schemas.RejectReason{schemas.NoID, schemas.NotJSON}}, "2:0 0:0"},
			{Filter{Sources: []schemas.Source{schemas.Backfill}}, "0:1"},
			{Filter{Since: now}, "0:1 2:0"},
		} {
			var progress partition.Progress
			l, err := Read(ctx, client, topic, test.filter, &progress)
			if err != nil {
				t.Fatal(err)
			}
			var places []string
			for _, r := range l.Records {
				places = append(places, r.Place.String())
				if r.Body != "" || r.BodyBase64 != nil {
					t.Errorf("record %v is listed with its body", r.Place)
				}
			}
			if got := strings.Join(places, " "); got != test.want || len(l.Foreign) != 1 || l.Foreign[0] != (Place{1, 0}) || len(l.Hidden) != 0 {
				t.Errorf("%+v: %s, foreign %v, hidden %v", test.filter, got, l.Foreign, l.Hidden)
			}
			if progress.Done.Load() != progress.Total.Load() || progress.Total.Load() == 0 {
				t.Errorf("%d of %d were counted", progress.Done.Load(), progress.Total.Load())
			}
		}

		found, err := partition.Lookup(ctx, client, topic)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Get(ctx, found, topic, Place{0, 1})
		if body, whole := r.Kept(); err != nil || string(body) != "secret" || !whole || r.Reason != schemas.NoTime {
			t.Errorf("record %+v: %v", r, err)
		}
		if r, err = Get(ctx, found, topic, Place{2, 0}); err != nil || r.Body != "{}" {
			t.Errorf("record %+v: %v", r, err)
		}
		for _, gone := range []Place{{0, 3}, {0, 99}, {3, 0}} { // a marker, and none at all
			if _, err := Get(ctx, found, topic, gone); !errors.Is(err, ErrGone) {
				t.Errorf("record %v: %v", gone, err)
			}
		}

		newer := rejected(t, 0, now, schemas.RejectedRecord{})
		newer.Headers[0].Value = []byte("callfold.rejected/99")
		if err := client.ProduceSync(ctx, newer).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(ctx, client, topic, Filter{}, &partition.Progress{}); !errors.Is(err, schemas.ErrNewerSchema) {
			t.Errorf("a record of a newer version: %v", err)
		}
	})
}

func TestRedrive(t *testing.T) {
	now := time.Unix(1772442000, 0)
	const good = `{"resource":"call","event":"call.hungup","timestamp":1772442000,"data":{"id":910400155}}`
	webhook := func(r schemas.RejectedRecord) schemas.RejectedRecord {
		r.Origin.Source = "webhook"
		return r
	}
	for _, test := range []struct {
		name      string
		record    schemas.RejectedRecord
		corrected string
		refusal   string
	}{
		{"its time has come", webhook(schemas.RejectedRecord{Reason: schemas.FutureTime, Body: good}), "", ""},
		{"another body", webhook(schemas.RejectedRecord{Reason: schemas.NotJSON, Body: "x"}), good, ""},
		{"a body in base64", webhook(schemas.RejectedRecord{Reason: schemas.FutureTime, BodyBase64: []byte(good)}), "", ""},
		{"an event of the log", schemas.RejectedRecord{Reason: schemas.KeyMismatch, Body: good, Origin: schemas.Origin{Topic: "events", Offset: 3}}, "", ""},
		{"a call object that was read", schemas.RejectedRecord{Reason: schemas.KeyMismatch, Body: `{"id":1,"direction":"inbound","started_at":1772442000}`, Origin: schemas.Origin{Source: "backfill"}}, "", ""},
		{"not mended", webhook(schemas.RejectedRecord{Reason: schemas.NotJSON, Body: "x"}), "", "the body is not JSON"},
		{"a state", schemas.RejectedRecord{Reason: schemas.NotJSON, Body: good, Origin: schemas.Origin{Topic: "calls"}}, "", "it is no event"},
		{"a state, with another body", schemas.RejectedRecord{Reason: schemas.NotJSON, Origin: schemas.Origin{Topic: "calls"}}, good, "it is no event"},
		{"cut off", webhook(schemas.RejectedRecord{Reason: schemas.TooLarge, Body: good, Truncated: true, BodySize: 9}), "", "only the beginning of its 9 bytes"},
		{"cut off, whole", webhook(schemas.RejectedRecord{Reason: schemas.TooLarge, Body: good[:9], Truncated: true}), good, ""},
		{"a state that grows too large", schemas.RejectedRecord{Reason: schemas.TooLarge, Body: good, Origin: schemas.Origin{Topic: "events"}}, "", "outgrow a record"},
		{"too large", webhook(schemas.RejectedRecord{Reason: schemas.TooLarge}), good + strings.Repeat(" ", maxBody), "more than 1 MiB"},
		{"a token", webhook(schemas.RejectedRecord{Reason: schemas.NotJSON}), `{"token":"x",` + good[1:], "has the webhook's token"},
		{"a token in disguise", webhook(schemas.RejectedRecord{Reason: schemas.NotJSON}), `{"\u0074ok\u0065n":"x",` + good[1:], "has the webhook's token"},
		{"a command by webhook", webhook(schemas.RejectedRecord{Reason: schemas.NotACall, Body: `{"resource":"callfold","event":"callfold.erase","timestamp":1,"data":{"id":1,"who":"x","why":"y"}}`}), "", "it is a command"},
		{"another kind of event", webhook(schemas.RejectedRecord{Reason: schemas.NotACall, Body: `{"resource":"call","event":"fax.sent","timestamp":1,"data":{"id":1}}`}), "", "does not begin with call."},
		{"still ahead", webhook(schemas.RejectedRecord{Reason: schemas.FutureTime, Body: strings.Replace(good, "1772442000", "1772542000", 1)}), "", "more than 24 hours ahead"},
	} {
		var corrected []byte
		if test.corrected != "" {
			corrected = []byte(test.corrected)
		}
		r, err := Record{Place: Place{3, 17}, RejectedRecord: test.record}.Redrive("events", corrected, now)
		if test.refusal != "" {
			if err == nil || !strings.Contains(err.Error(), test.refusal) {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		// The fold takes it.
		if _, err := eventlog.Read(r); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if r.Topic != "events" || stream.Header(r, schemas.HeaderRedriven) != "3:17" || stream.Header(r, schemas.HeaderSource) != test.record.Origin.Source ||
			!eventlog.ReceivedAt(r).Equal(now) {
			t.Errorf("%s: %+v", test.name, r)
		}
	}
}

func TestParsePlace(t *testing.T) {
	for text, want := range map[string]string{
		"3:17": "3:17", "0:0": "0:0", "11:9000000000": "11:9000000000",
		"": "", "3": "", "3:": "", ":3": "", "-1:3": "", "3:-1": "", "3:1:1": "", "3:1x": "", "9999999999:1": "", "0x1:1": "",
	} {
		p, err := ParsePlace(text)
		if (err == nil) != (want != "") || err == nil && p.String() != want {
			t.Errorf("%q is %v: %v", text, p, err)
		}
	}
}
