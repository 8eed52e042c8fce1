//go:build synctests

package canary

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tidwall/gjson"

	"github.com/callfold/callfold/schemas"
)

// TestWritten: the seconds are those of the way, and each run is another state of one call.
func TestWritten(t *testing.T) {
	inWorld(t, func(w *world) {
		registry := prometheus.NewRegistry()
		c := w.canary(func(o *Options) { o.Registerer = registry })
		none := map[string]float64{"written": 0, "unwritten": 0, "refused": 0, "late": 0, "unaccepted": 0, "unseen": 0, "callfold_canary_seconds": 0, "callfold_canary_last_written_timestamp_seconds": 0}
		if got := series(t, registry); !maps.Equal(got, none) {
			t.Errorf("before the first call: %v", got)
		}
		w.door = accepting(func(body []byte) {
			time.Sleep(100 * time.Millisecond) // virtual
			go func() {
				time.Sleep(900 * time.Millisecond) // virtual
				w.fold(body)
				time.Sleep(2 * time.Second) // virtual
				w.decide(schemas.Outcome{Result: schemas.Updated, TaskID: "00T1"})
			}()
		})
		var hashes []string
		for range 2 {
			r := w.once(c)
			hashes = append(hashes, w.record.State.Hash())
			if !r.OK() || r.Result != Written || r.Outcome != schemas.Updated || r.TaskID != "00T1" || r.Problem != "" {
				t.Errorf("%+v", r)
			}
			for _, lap := range []struct{ got, want float64 }{{r.Accepted, 0.1}, {r.Folded, 1}, {r.Seconds, 3}} {
				// Kafka's answers take some virtual time, too.
				if lap.got < lap.want || lap.got > lap.want+2*pause.Seconds()+0.5 {
					t.Errorf("%.3f s, want %.3f: %+v", lap.got, lap.want, r)
				}
			}
		}
		if hashes[0] == hashes[1] {
			t.Error("two runs gave one state: the sink would have nothing to write")
		}
		got := series(t, registry)
		if at := time.UnixMilli(int64(got["callfold_canary_last_written_timestamp_seconds"] * 1000)); time.Since(at).Abs() > time.Second {
			t.Errorf("last written at %v", at)
		}
		if got["written"] != 2 || got["callfold_canary_seconds"] != 2 || got["late"] != 0 {
			t.Errorf("%v", got)
		}
	})
}

// TestOutcomes: what the sink decides, and how it is told.
func TestOutcomes(t *testing.T) {
	refusal := &schemas.OutcomeError{Code: "FIELD_CUSTOM_VALIDATION_EXCEPTION", Class: "permanent", Message: "Sir is 12", Fix: "mend the rule"}
	for _, test := range []struct {
		name     string
		dryRun   bool
		outcomes []schemas.Outcome
		want     Result
		problem  string
	}{
		{"created", false, []schemas.Outcome{{Result: schemas.Created}}, Written, ""},
		{"L7", false, []schemas.Outcome{{Result: schemas.Skipped, Rule: "L7"}}, Unwritten, "add 9000000000000001 to tasks.numbers"},
		{"L3", false, []schemas.Outcome{{Result: schemas.Skipped, Rule: "L3"}}, Unwritten, "skipped by rule L3"},
		{"unchanged", false, []schemas.Outcome{{Result: schemas.Unchanged}}, Unwritten, "tasks.fields leaves out both description and call_disposition"},
		{"a dry run", true, []schemas.Outcome{{Result: schemas.Updated}}, Unwritten, "sink.dry_run is set"},
		{"rejected", false, []schemas.Outcome{{Result: schemas.Rejected, Error: refusal}}, Refused, "FIELD_CUSTOM_VALIDATION_EXCEPTION (permanent); mend the rule"},
		{"deleted", false, []schemas.Outcome{{Result: schemas.Deleted}}, Refused, "callfold outcomes retry 9000000000000001"},
		{"erased", false, []schemas.Outcome{{Result: schemas.Erased}}, Refused, "--call"},
		{"tried again", false, []schemas.Outcome{{Result: schemas.Retrying, Error: refusal}, {Result: schemas.Updated}}, Written, ""},
		{"tried in vain", false, []schemas.Outcome{{Result: schemas.Retrying, Error: refusal}}, Late, "not written within 1m0s: the sink tries again after FIELD_CUSTOM"},
		{"waiting", false, []schemas.Outcome{{Result: schemas.Waiting, Rule: "L2"}}, Late, "by rule L2"},
		{"nothing", false, nil, Late, "the sink has not decided on it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				registry := prometheus.NewRegistry()
				c := w.canary(func(o *Options) { o.DryRun, o.Registerer = test.dryRun, registry })
				w.door = accepting(func(body []byte) {
					w.fold(body)
					for _, o := range test.outcomes {
						w.decide(o)
					}
				})
				r := w.once(c)
				if r.Result != test.want || !strings.Contains(r.Problem, test.problem) || (test.problem == "") != (r.Problem == "") {
					t.Errorf("%+v, want %s, %q", r, test.want, test.problem)
				}
				if strings.Contains(r.Problem, "12") {
					t.Errorf("it repeats Salesforce's message: %s", r.Problem)
				}
				if r.OK() != (test.want == Written || test.want == Unwritten) {
					t.Errorf("%s is well: %v", r.Result, r.OK())
				}
				got, written := series(t, registry), test.want == Written
				if got[string(test.want)] != 1 || (got["callfold_canary_seconds"] == 1) != written || (got["callfold_canary_last_written_timestamp_seconds"] > 0) != written {
					t.Errorf("%v", got)
				}
			})
		})
	}
}

// TestOnlyItsOwnEvent: outcomes about other states of the call are none of this run.
func TestOnlyItsOwnEvent(t *testing.T) {
	inWorld(t, func(w *world) {
		old, _, err := body(FirstID, token, time.Now().Add(-time.Hour))
		w.check(err)
		w.fold(old)
		w.decide(schemas.Outcome{Result: schemas.Updated})
		w.door = accepting(func([]byte) {
			w.decide(schemas.Outcome{Result: schemas.Updated}) // written again, as after a replay
			w.fold(command(schemas.EventRewrite, time.Now()))
			w.decide(schemas.Outcome{Result: schemas.Updated})
		})
		if r := w.once(w.canary()); r.Result != Late || !strings.Contains(r.Problem, "accepted and not folded") || r.Folded != 0 {
			t.Errorf("the event was not folded: %+v", r)
		}

		// The sink takes the newest state: one in which more than the event was folded.
		w.door = accepting(func(body []byte) {
			w.fold(body)
			w.fold(command(schemas.EventRewrite, time.Now().Add(time.Second)))
			w.decide(schemas.Outcome{Result: schemas.Updated})
		})
		if r := w.once(w.canary()); r.Result != Written {
			t.Errorf("the outcome is of a newer state: %+v", r)
		}

		// An outcome may be seen before its state is.
		w.door = accepting(func(body []byte) {
			before := w.record
			event, err := schemas.ParseEvent(body)
			w.check(err)
			w.record = schemas.Fold(before, event, 0)
			w.decide(schemas.Outcome{Result: schemas.Updated})
			w.record = before
			go func() {
				time.Sleep(5 * time.Second) // virtual
				w.fold(body)
			}()
		})
		if r := w.once(w.canary()); r.Result != Written {
			t.Errorf("the outcome came first: %+v", r)
		}

		w.door = accepting(func(body []byte) {
			w.fold(command(schemas.EventErase, time.Now()))
			w.fold(body)
		})
		if r := w.once(w.canary()); r.Result != Refused || r.Problem != whyErased {
			t.Errorf("the call was erased: %+v", r)
		}
	})
}

// TestTheDoor: what is not accepted is told with its mend, and without the token and the URL.
func TestTheDoor(t *testing.T) {
	for _, test := range []struct {
		status  int
		answer  string
		err     error
		problem string
	}{
		{401, `{"error":"no"}`, nil, "HTTP 401: the first token of ingest.tokens and ingest.tokens_file"},
		{404, "nothing here", nil, "HTTP 404: --url must have the path"},
		{503, `{"error":"full"}`, nil, "HTTP 503: it can neither reach a broker nor use its journal"},
		{301, "", nil, "HTTP 301"},
		{200, `{"status":"rejected","reason":"future_time"}`, nil, "rejected: future_time"},
		{200, `{"status":"ignored"}`, nil, "did not say that it accepted the event"},
		{200, `<html>Welcome to ` + token, nil, "is not callfold ingest"},
		{0, "", errors.New("connection refused"), "posting the webhook: connection refused"},
		{0, "", context.DeadlineExceeded, "posting the webhook: context deadline exceeded"},
	} {
		inWorld(t, func(w *world) {
			w.door = func([]byte) (int, string, error) { return test.status, test.answer, test.err }
			r := w.once(w.canary())
			if r.Result != Unaccepted || !strings.Contains(r.Problem, test.problem) || r.Accepted != 0 {
				t.Errorf("%d %s: %+v", test.status, test.answer, r)
			}
			if strings.Contains(r.Problem, token) || strings.Contains(r.Problem, "s3cret") || strings.Contains(r.Problem, "door.test") {
				t.Errorf("it tells a secret: %s", r.Problem)
			}
			if len(w.bodies) != 1 {
				t.Errorf("%d requests", len(w.bodies))
			}
		})
	}
}

// TestBody: what is sent is a call as it is documented, with the token.
func TestBody(t *testing.T) {
	text, key, err := body(FirstID, token, time.Date(2026, 11, 28, 22, 15, 1, 2_000_000, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"resource":"call","event":"call.ended","timestamp":1795904101,"token":"tok-en","data":{"id":9000000000000001,"direction":"inbound","status":"done",` +
		`"started_at":1577836800,"answered_at":1577836800,"ended_at":1577836800,"raw_digits":"anonymous","number":{"id":9000000000000001,"name":"callfold canary","time_zone":"Etc/UTC"},` +
		`"tags":[{"id":1,"name":"2026-11-28T22:15:01.002Z","tagged_at":1795904101}],"comments":[{"id":1,"content":"callfold canary of 2026-11-28T22:15:01.002Z","posted_at":1795904101}]}}`
	if string(text) != want {
		t.Errorf("%s", text)
	}
	if key.Time != 1795904101 || key.Rank != schemas.RankEnded {
		t.Errorf("its key is %v", key)
	}
	if at := time.Unix(gjson.GetBytes(text, "data.started_at").Int(), 0).UTC(); at != time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) {
		t.Errorf("the call began at %v", at)
	}
}

func TestNewWantsAnIDThatIsNoCalls(t *testing.T) {
	for id, ok := range map[int64]bool{0: false, 910400155: false, FirstID - 1: false, FirstID: true, LastID: true, LastID + 1: false} {
		if _, err := New(Options{CallID: id}); (err == nil) != ok {
			t.Errorf("%d: %v", id, err)
		}
	}
}

// TestKafkaIsAway: nothing is sent that could not be followed.
func TestKafkaIsAway(t *testing.T) {
	inWorld(t, func(w *world) {
		c := w.canary(func(o *Options) { o.Calls = "none" })
		if r := w.once(c); r.Result != Unseen || !strings.Contains(r.Problem, "none") || len(w.bodies) != 0 {
			t.Errorf("no topic: %+v, %d sent", r, len(w.bodies))
		}
		w.door = accepting(func([]byte) { w.put(calls, []byte("{}"), "callfold.call/99") })
		if r := w.once(w.canary()); r.Result != Unseen || !strings.Contains(r.Problem, "callfold.call/99") {
			t.Errorf("a state of a newer version: %+v", r)
		}
	})
}

// TestARunThatHangs: what is away, and the pause between two runs, make no canary one that
// hangs; a run that does not come to its end does.
func TestARunThatHangs(t *testing.T) {
	inWorld(t, func(w *world) {
		ctx, cancel := context.WithCancel(w.t.Context())
		let := make(chan struct{})
		var runs atomic.Int32
		w.door = func([]byte) (int, string, error) {
			switch runs.Add(1) {
			case 1:
				return 0, "", errors.New("nobody is there")
			case 2: // accepted, and never folded
			case 3:
				<-let
			}
			return http.StatusOK, `{"status":"accepted"}`, nil
		}
		c := w.canary(func(o *Options) { o.Timeout = 3 * time.Minute })
		ended := make(chan error)
		go func() { ended <- c.Every(ctx, time.Hour, func(Report) {}) }()
		for range 2*60 + 7 {
			time.Sleep(time.Minute) // virtual
			if err := c.Alive(); err != nil {
				t.Fatalf("run %d is said to hang: %v", runs.Load(), err)
			}
		}
		time.Sleep(2 * time.Minute) // virtual
		if err := c.Alive(); err == nil || runs.Load() != 3 {
			t.Errorf("nothing is said of run %d", runs.Load())
		}
		close(let)
		time.Sleep(time.Minute) // virtual
		if err := c.Alive(); err != nil {
			t.Errorf("it goes on, and is said to hang: %v", err)
		}
		cancel()
		w.check(<-ended)
		time.Sleep(time.Hour) // virtual
		if err := c.Alive(); err != nil {
			t.Errorf("it has ended, and is said to hang: %v", err)
		}
	})
}

// TestEvery: runs follow each other at their pace, whatever becomes of them, until the end.
func TestEvery(t *testing.T) {
	inWorld(t, func(w *world) {
		ctx, cancel := context.WithCancel(w.t.Context())
		var logs bytes.Buffer
		registry := prometheus.NewRegistry()
		c := w.canary(func(o *Options) {
			o.Timeout, o.Registerer = 10*time.Second, registry
			o.Logger = slog.New(slog.NewTextHandler(&logs, nil))
		})
		w.door = func(body []byte) (int, string, error) {
			if len(w.bodies) == 2 {
				return http.StatusServiceUnavailable, "", nil
			}
			return accepting(func(body []byte) {
				w.fold(body)
				w.decide(schemas.Outcome{Result: schemas.Updated})
			})(body)
		}
		var got []Result
		var at []time.Time
		if err := c.Every(ctx, 5*time.Minute, func(r Report) {
			got, at = append(got, r.Result), append(at, time.Now())
			if len(got) == 3 {
				cancel()
			}
		}); err != nil {
			t.Error(err)
		}
		if !slices.Equal(got, []Result{Written, Unaccepted, Written}) {
			t.Errorf("%v", got)
		}
		if d := at[2].Sub(at[0]); d < 10*time.Minute-time.Second || d > 10*time.Minute+time.Second {
			t.Errorf("two pauses took %v", d)
		}
		if text := logs.String(); strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, "HTTP 503") || strings.Contains(text, token) {
			t.Errorf("the log:\n%s", text)
		}

		// What is stopped in the midst of a run is no result.
		ctx, cancel = context.WithCancel(w.t.Context())
		w.door = accepting(func([]byte) { cancel() })
		if err := c.Every(ctx, time.Minute, func(r Report) { t.Errorf("told of %+v", r) }); err != nil {
			t.Error(err)
		}
		if got := series(t, registry); got["written"] != 2 || got["unaccepted"] != 1 || got["late"]+got["unseen"] != 0 {
			t.Errorf("%v", got)
		}
	})
}
