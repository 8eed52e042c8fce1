package sfsink

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// TestFieldHiddenInMidFlight: an administrator hides Type (field-level security)
// while calls are being written. The sink pauses, says which field and where in Setup
// in log, metrics and readiness, and goes on by itself when it is visible again.
func TestFieldHiddenInMidFlight(t *testing.T) {
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	b := newBench(t, func(o *Options) {
		o.Logger, o.Registerer = slog.New(slog.NewTextHandler(&log, nil)), registry
	})
	b.missed(1, curieNumber)
	b.turn()
	if err := b.sim.Hide("Task", "Type"); err != nil {
		t.Fatal(err)
	}
	b.missed(2, curieNumber)
	b.missed(3, unknownNumber)
	for range 3 { // longer than the descriptions of objects are believed
		b.later(40 * time.Minute)
		if reason := b.stoppedBy(); reason != string(classConfig) {
			t.Fatalf("stopped by %s", reason)
		}
		b.repeats = len(b.pending)
	}
	for what, text := range map[string]string{"the log": log.String(), "readiness": fmt.Sprint(b.sink.Trouble())} {
		for _, want := range []string{"config", "Type", "Setup, Object Manager", "Set Field-Level Security"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q: %s", what, want, text)
			}
		}
	}
	if n := strings.Count(log.String(), "writing to Salesforce is stopped; no call is lost"); n != 1 {
		t.Errorf("the log tells of the pause %d times", n)
	}
	if v := gauge(t, registry, "callfold_sink_paused"); v != 1 {
		t.Errorf("callfold_sink_paused is %v", v)
	}
	if len(b.table.stored) != 1 || len(b.table.rejected) > 0 {
		t.Errorf("outcomes of calls that wait: %v", b.table.stored)
	}
	if err := b.sim.Show("Task", "Type"); err != nil {
		t.Fatal(err)
	}
	b.turn()
	b.task(2, "Type", "Call", "WhoId", curie)
	b.task(3, "Type", "Call")
	if err := b.sink.Trouble(); err != nil || gauge(t, registry, "callfold_sink_paused") != 0 || !strings.Contains(log.String(), "goes on") {
		t.Errorf("it does not look as if it went on: %v, %s", err, log.String())
	}
}

// gauge is the sum of a metric's values.
func gauge(t *testing.T, from prometheus.Gatherer, name string) (sum float64) {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// TestPauseOfOneLane: while one partition's calls wait, good turns of another one do
// not hide that; and what another process has taken over is forgotten.
func TestPauseOfOneLane(t *testing.T) {
	registry := prometheus.NewRegistry()
	b := newBench(t, func(o *Options) { o.Registerer = registry })
	stopped := &Stopped{Reason: "config", Fix: "mend it", Err: errors.New("refused")}
	b.sink.pauses.turn([]input{{partition: 1, due: []string{"1"}}, {partition: 2}}, stopped)
	b.sink.pauses.turn([]input{{partition: 3}}, nil)
	b.sink.pauses.turn([]input{{partition: 2}}, nil)
	if err := b.sink.Trouble(); !errors.Is(err, stopped) || gauge(t, registry, "callfold_sink_paused") != 1 {
		t.Errorf("trouble: %v", err)
	}
	b.later(forgetPause + time.Second)
	if err := b.sink.Trouble(); err != nil || gauge(t, registry, "callfold_sink_paused") != 0 {
		t.Errorf("trouble of a partition that is not tried any more: %v", err)
	}
	b.sink.pauses.turn([]input{{partition: 1}}, errors.New("the disk is full"))
	if err := b.sink.Trouble(); err != nil || gauge(t, registry, "callfold_sink_paused") != 1 {
		t.Errorf("what is not of Salesforce: %v", err)
	}
}

// TestDailyLimitForTwoHours: somebody else has used up the allocation. For two hours
// each turn is given up: the calls wait and get older, none is rejected, and the
// sink hardly asks. Then it goes on by itself.
func TestDailyLimitForTwoHours(t *testing.T) {
	const limit = 15_000
	registry := prometheus.NewRegistry()
	b := newBench(t, func(o *Options) { o.Registerer = registry })
	b.sim.SetDailyLimit(limit)
	b.missed(1, curieNumber)
	b.turn()
	b.sim.SetUsage(limit)
	b.missed(2, curieNumber)
	b.missed(3, unknownNumber)
	b.sent("")
	age := 0.0
	for minute := range 120 {
		if reason := b.stoppedBy(); reason != string(classThrottle) {
			t.Fatalf("stopped by %s", reason)
		}
		b.repeats = len(b.pending)
		b.later(time.Minute)
		before := age
		if age = gauge(t, registry, "callfold_sink_oldest_unwritten_seconds"); age <= before {
			t.Fatalf("after %d minutes the oldest call is %v s old, as before", minute, age)
		}
	}
	if math.Abs(age-7200) > 60 {
		t.Errorf("after two hours the oldest call is %v s old", age)
	}
	if n := b.sent("/services/data/"); n > 10 {
		t.Errorf("%d requests while there was no room", n)
	}
	if len(b.pending) != 2 || len(b.table.stored) != 1 || len(b.table.rejected) > 0 || len(b.tasks()) != 1 {
		t.Errorf("%d pending, outcomes %v", len(b.pending), b.table.stored)
	}
	b.sim.SetUsage(0)
	b.later(probeEvery)
	b.turn()
	b.task(2)
	b.task(3)
}

// TestTokenThatExpiresEveryTenRequests: several writers at once sign in once each time.
func TestTokenThatExpiresEveryTenRequests(t *testing.T) {
	const uses, numbers = 10, 120
	b := newBenchOn(t, sfsim.Options{SessionUses: uses}, func(o *Options) {
		createLeads(o)
		o.InFlight = 8
	})
	for id := range int64(numbers) {
		b.answered(id+1, fmt.Sprintf("+336%08d", 10_000_000+id), "ada")
	}
	b.turn()
	for id := range int64(numbers) {
		b.task(id + 1)
	}
	b.mu.Lock()
	seen := strings.Join(b.seen, "\n")
	b.mu.Unlock()
	signIns := strings.Count(seen, "/services/oauth2/token")
	requests := strings.Count(seen, "/services/data/") - (signIns - 1) // each end was met by at least one that was repeated
	if requests < numbers || signIns > requests/uses+1 {
		t.Errorf("%d sign-ins for %d requests that were let in", signIns, requests)
	}
}

// TestExternalIDThatIsNotUnique: an administrator has unticked Unique, and two Tasks
// hold the id of one call. The call waits for whoever merges them, hour by hour;
// others are written.
func TestExternalIDThatIsNotUnique(t *testing.T) {
	b := newBench(t, func(o *Options) {
		o.RefreshEvery = 24 * time.Hour // it finds that, and stops the sink
	})
	b.missed(9, curieNumber)
	b.turn()
	if err := b.sim.NotUnique("Task", "Aircall_Call_Id__c"); err != nil {
		t.Fatal(err)
	}
	b.load(`{"Task":[{"Id":"00T000000000001AAA","Aircall_Call_Id__c":"1","Subject":"one"},{"Id":"00T000000000002AAA","Aircall_Call_Id__c":"1","Subject":"two"}]}`)
	b.missed(1, curieNumber)
	b.missed(2, curieNumber)
	b.turn()
	b.task(2)
	o := b.outcome(1, schemas.Retrying)
	if o.Error.Code != "DUPLICATE_EXTERNAL_ID" || o.Error.Class != string(classDuplicate) || !strings.Contains(o.Error.Fix, "delete all but one") || o.NextAttempt != b.clock.Add(duplicateDelay).UnixMilli() {
		t.Errorf("outcome: %+v", o.Error)
	}
	b.remove("Task", "00T000000000002")
	b.later(duplicateDelay)
	b.turn()
	b.outcome(1, schemas.Updated)
	b.task(1, "Id", "00T000000000001", "Subject", "Missed call from Marie Curie on Paris")
}

// TestWorstErrorOfARow: Salesforce may give several reasons; the worst decides, and
// all are kept.
func TestWorstErrorOfARow(t *testing.T) {
	b := newBench(t, nil)
	b.missed(9, curieNumber)
	b.turn()
	for _, v := range []sfsim.Violation{
		{Code: "UNABLE_TO_LOCK_ROW", Message: "locked"},
		{Message: "on weekdays only", Fields: []string{"Subject"}},
		{Code: "DUPLICATE_EXTERNAL_ID", Message: "two of them"},
	} {
		if err := b.sim.AddRule("Task", func(record map[string]any) *sfsim.Violation {
			// Call 1 has the first two of them, call 2 the last two, call 3 all.
			id, lock, twice := record["Aircall_Call_Id__c"], v.Code == "UNABLE_TO_LOCK_ROW", v.Code == "DUPLICATE_EXTERNAL_ID"
			if id == "1" && !twice || id == "2" && !lock || id == "3" {
				return &v
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for id := range int64(4) {
		b.missed(id+1, curieNumber)
	}
	b.turn()
	for id, want := range map[int64]schemas.Result{1: schemas.Rejected, 2: schemas.Retrying, 3: schemas.Retrying, 4: schemas.Created} {
		o := b.outcome(id, want)
		if o.Error != nil && !strings.Contains(o.Error.Message, "on weekdays only") {
			t.Errorf("call %d: a reason is not kept: %+v", id, o.Error)
		}
	}
	if o := b.outcome(1, schemas.Rejected); !strings.Contains(o.Error.Message, "UNABLE_TO_LOCK_ROW: locked") || o.Error.Fields[0] != "Subject" {
		t.Errorf("outcome: %+v", o.Error)
	}
}

// TestValueInAMessage: what Salesforce quotes of a call does not get into the log.
func TestValueInAMessage(t *testing.T) {
	var log bytes.Buffer
	b := newBench(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for i := int64(1); i <= 20; i++ {
		b.missed(i, curieNumber)
	}
	b.sim.Fail(sfsim.Fault{Rows: true, Whole: true, Status: 400, Code: "JSON_PARSER_ERROR", Times: -1,
		Message: "Cannot deserialize instance of double from VALUE_STRING value Missed call from Marie Curie on Paris or request may be missing a required field at [line:1, column:99]"})
	if reason := b.stoppedBy(); reason != string(classConfig) {
		t.Fatalf("stopped by %q", reason)
	}
	for _, text := range []string{log.String(), b.sink.Trouble().Error()} {
		if strings.Contains(text, "Curie") || !strings.Contains(text, "instance of double") {
			t.Errorf("it is said: %s", text)
		}
	}
}
