package outcomes

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/schemas"
)

func TestReadTheNewestOutcomeOfEachCall(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(
			outcomeRecord(t, outcome(1, schemas.Rejected, "STRING_TOO_LONG", 1000)),
			outcomeRecord(t, outcome(2, schemas.Rejected, "STRING_TOO_LONG", 2000)),
			outcomeRecord(t, outcome(3, schemas.Created, "", 3000)),
			outcomeRecord(t, outcome(4, schemas.Retrying, "UNABLE_TO_LOCK_ROW", 4000)),
			outcomeRecord(t, outcome(5, schemas.Rejected, "MALFORMED_ID", 5000)),
			outcomeRecord(t, outcome(2, schemas.Updated, "", 6000)),
			tombstone(5),
		)
		for range partitions {
			w.put(&kgo.Record{Topic: tasks, Key: []byte("marker"), Value: []byte("{}"), Headers: []kgo.RecordHeader{{Key: "marker", Value: []byte("marker")}}})
		}
		w.end(w.begin(outcomeRecord(t, outcome(1, schemas.Created, "", 9000))), kgo.TryAbort)

		all := w.read(Filter{}, 0)
		if got := ids(all.Calls); !slices.Equal(got, []int64{2, 4, 3, 1}) {
			t.Errorf("calls %v", got)
		}
		if got := all.Summary.String(); got != "rejected 1 (STRING_TOO_LONG 1), retrying 1 (UNABLE_TO_LOCK_ROW 1), created 1, updated 1" {
			t.Errorf("summary %q", got)
		}
		if c := all.Calls[3]; c.Result != schemas.Rejected || c.Code != "STRING_TOO_LONG" || c.Fields != "Subject, Type" ||
			c.Fix != "Mend STRING_TOO_LONG." || c.Attempts != 2 || c.DecidedAt != 1000 || c.Class != "permanent" {
			t.Errorf("call 1: %+v %+v", c, *c.Verdict)
		}
		for _, test := range []struct {
			name   string
			filter Filter
			want   []int64
		}{
			{"an older outcome that was wanted", Filter{Results: []schemas.Result{schemas.Rejected}}, []int64{1}},
			{"two outcomes", Filter{Results: []schemas.Result{schemas.Rejected, schemas.Retrying}}, []int64{4, 1}},
			{"a code in another case", Filter{Codes: []string{"unable_to_lock_row"}}, []int64{4}},
			{"both", Filter{Results: []schemas.Result{schemas.Rejected}, Codes: []string{"UNABLE_TO_LOCK_ROW"}}, nil},
			{"since", Filter{Since: time.UnixMilli(3000)}, []int64{2, 4, 3}},
			{"named", Filter{IDs: map[int64]bool{3: true, 5: true, 77: true}}, []int64{3}},
		} {
			if got := ids(w.read(test.filter, 0).Calls); !slices.Equal(got, test.want) {
				t.Errorf("%s: calls %v, want %v", test.name, got, test.want)
			}
		}
		if l := w.read(Filter{}, 2); !slices.Equal(ids(l.Calls), []int64{2, 4}) || l.Summary.Total() != 4 {
			t.Errorf("the newest two are %v, of %d", ids(l.Calls), l.Summary.Total())
		}
	})
}

func TestReadSaysWhatATransactionHides(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(outcomeRecord(t, outcome(1, schemas.Rejected, "X", 1000)))
		hidden := outcomeRecord(t, outcome(1, schemas.Created, "", 2000))
		defer w.begin(hidden).Close()
		l := w.read(Filter{}, 0)
		if len(l.Calls) != 1 || l.Calls[0].Result != schemas.Rejected || !slices.Equal(l.Hidden, []int32{hidden.Partition}) {
			t.Errorf("calls %v, hidden in %v, want in %d", l.Calls, l.Hidden, hidden.Partition)
		}
	})
}

func TestReadRefusesWhatItCannotRead(t *testing.T) {
	inWorld(t, func(w *world) {
		var progress partition.Progress
		_, err := Read(context.Background(), w.client, "none", Filter{}, 0, &progress)
		if !errors.Is(err, kerr.UnknownTopicOrPartition) || !strings.Contains(err.Error(), "run callfold topics create") {
			t.Errorf("without the topic: %v", err)
		}
		newer := outcomeRecord(t, outcome(1, schemas.Created, "", 1))
		newer.Headers[0].Value = []byte("callfold.outcome/99")
		w.put(newer)
		if _, err := Read(context.Background(), w.client, tasks, Filter{}, 0, &progress); !errors.Is(err, schemas.ErrNewerSchema) || !strings.Contains(err.Error(), "partition") {
			t.Errorf("a newer schema: %v", err)
		}
	})
}

// TestReadKeepsNothingOfTheContents puts something into every text of an outcome
// that a list must not show.
func TestReadKeepsNothingOfTheContents(t *testing.T) {
	const secret = "+33 1 99 00 20 04"
	o := outcome(1, schemas.Rejected, "STRING_TOO_LONG", 1772442060123)
	o.Rule, o.Kind, o.TaskID, o.NextAttempt = "L2", "missed", "00T000000000001AAA", 1772442200000
	o.Error.Message = secret
	o.Match = &schemas.Match{Object: "Contact", Name: secret}
	o.Reasons = map[string]schemas.Reason{"Subject": {Rule: "F2", Why: secret, Considered: []string{secret}}}
	o.Written = map[string]string{"Subject": secret}
	parked := schemas.CallRecord{State: schemas.Call{ID: 1}}
	parked.State.External.Value = secret
	parked.State.Comments.Value = []schemas.Comment{{Content: secret}}
	o.Parked = &parked
	r := reader{filter: &Filter{}, calls: map[int64]Call{}, verdicts: map[Verdict]*Verdict{}}
	if err := r.read([]*kgo.Record{outcomeRecord(t, o)}); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r.calls[1])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"call_id":1,"result":"rejected","rule":"L2","kind":"missed","decided_at":"2026-03-02T09:01:00.123Z","task_id":"00T000000000001AAA",` +
		`"code":"STRING_TOO_LONG","class":"permanent","fields":["Subject","Type"],"fix":"Mend STRING_TOO_LONG.","attempts":2,"next_attempt":"2026-03-02T09:03:20Z"}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

// TestReadAgainstAModel reads random outcomes, and compares with a map of the
// newest that is filtered in the end.
func TestReadAgainstAModel(t *testing.T) {
	all := append(slices.Clone(results), "newer")
	rapid.Check(t, func(rt *rapid.T) {
		filter := Filter{
			Results: rapid.SliceOfN(rapid.SampledFrom(all), 0, 2).Draw(rt, "results"),
			Codes:   rapid.SliceOfN(rapid.SampledFrom([]string{"A", "b"}), 0, 1).Draw(rt, "codes"),
		}
		if rapid.Bool().Draw(rt, "since") {
			filter.Since = time.UnixMilli(rapid.Int64Range(1, 50).Draw(rt, "earliest"))
		}
		limit := rapid.IntRange(0, 4).Draw(rt, "limit")
		newest := map[int64]schemas.Outcome{}
		c := collection{limit: limit, Listing: Listing{Summary: Summary{}}}
		for p := range int32(3) {
			r := reader{filter: &filter, calls: map[int64]Call{}, verdicts: map[Verdict]*Verdict{}}
			for range rapid.IntRange(0, 12).Draw(rt, "records") {
				id := 3*rapid.Int64Range(1, 4).Draw(rt, "id") + int64(p)
				rec := tombstone(id)
				delete(newest, id)
				if rapid.IntRange(0, 5).Draw(rt, "what") > 0 {
					o := outcome(id, rapid.SampledFrom(all).Draw(rt, "result"), rapid.SampledFrom([]string{"", "A", "B"}).Draw(rt, "code"), rapid.Int64Range(1, 50).Draw(rt, "decided"))
					newest[id], rec = o, outcomeRecord(t, o)
				}
				if err := r.read([]*kgo.Record{rec}); err != nil {
					rt.Fatal(err)
				}
			}
			c.add(p, &r, true)
		}
		c.cut()
		var want []schemas.Outcome
		for _, o := range newest {
			code := ""
			if o.Error != nil {
				code = o.Error.Code
			}
			if (len(filter.Results) == 0 || slices.Contains(filter.Results, o.Result)) &&
				(len(filter.Codes) == 0 || code != "" && slices.Contains(filter.Codes, code) || code == "B" && slices.Contains(filter.Codes, "b")) &&
				(filter.Since.IsZero() || o.DecidedAt >= filter.Since.UnixMilli()) {
				want = append(want, o)
			}
		}
		slices.SortFunc(want, func(a, b schemas.Outcome) int {
			return cmp.Or(-cmp.Compare(a.DecidedAt, b.DecidedAt), cmp.Compare(a.CallID, b.CallID))
		})
		if c.Summary.Total() != len(want) {
			rt.Fatalf("%d calls were counted, want %d", c.Summary.Total(), len(want))
		}
		if limit > 0 {
			want = want[:min(limit, len(want))]
		}
		if len(c.Calls) != len(want) {
			rt.Fatalf("%d calls, want %d", len(c.Calls), len(want))
		}
		for i, o := range want {
			if got := c.Calls[i]; got.ID != o.CallID || got.Result != o.Result || got.DecidedAt != o.DecidedAt {
				rt.Fatalf("call %d is %+v, want %+v", i, got, o)
			}
		}
	})
}

func TestParseResults(t *testing.T) {
	if got, err := ParseResults([]string{"Rejected", " retrying"}); err != nil || !slices.Equal(got, []schemas.Result{schemas.Rejected, schemas.Retrying}) {
		t.Error(got, err)
	}
	_, err := ParseResults([]string{"refused"})
	if err == nil || err.Error() != `"refused" is none of the outcomes: rejected, retrying, deleted, waiting, created, updated, unchanged, skipped, erased` {
		t.Error(err)
	}
	_, err = ParseRetriable([]string{"created"})
	if err == nil || err.Error() != `"created" is none of the outcomes that can be retried: rejected, retrying, deleted` {
		t.Error(err)
	}
}

// BenchmarkRead decodes outcomes as the sink writes them: about 2.5 KB, with the
// reasons of 20 fields.
func BenchmarkRead(b *testing.B) {
	o := outcome(0, schemas.Created, "", 1)
	o.Reasons, o.Written = map[string]schemas.Reason{}, map[string]string{}
	for i := range 20 {
		field := "aircall__Some_Field_" + strconv.Itoa(i) + "__c"
		o.Written[field] = "0123456789abcdef"
		o.Reasons[field] = schemas.Reason{Rule: "F3", Why: "One plain sentence about the value.", Events: []string{"call.created@1772442004"}}
	}
	records := make([]*kgo.Record, 1000)
	for i := range records {
		o.CallID = int64(i + 1)
		records[i] = outcomeRecord(b, o)
	}
	r := reader{filter: &Filter{Results: []schemas.Result{schemas.Rejected}}, calls: map[int64]Call{}, verdicts: map[Verdict]*Verdict{}}
	b.SetBytes(int64(len(records[0].Value)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := r.note(records[i%len(records)]); err != nil {
			b.Fatal(err)
		}
	}
}
