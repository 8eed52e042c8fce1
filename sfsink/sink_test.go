package sfsink

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

const (
	curieNumber   = "+33 1 23 45 67 89"
	unknownNumber = "+33 1 98 76 54 32"
)

func TestCallIsCreatedThenOnlyChangesAreWritten(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, curieNumber, "ada")
	b.turn()
	created := b.outcome(1, schemas.Created)
	b.task(1, "Subject", "Inbound call from Marie Curie on Paris", "TaskSubtype", "Call", "Type", "Call",
		"WhoId", curie, "OwnerId", ada, "Status", "Completed", "CallDurationInSeconds", float64(0))
	if created.TaskID == "" || created.Match.ID[:15] != curie || created.Match.AccountID[:15] != curieCo || created.Reasons["Subject"].Rule != "F2" {
		t.Errorf("outcome: %+v", created)
	}

	// Somebody edits the Task; the next write leaves that alone.
	b.set("Task", created.TaskID, `"Subject":"edited by hand"`)
	b.hungup(1)
	b.turn()
	b.outcome(1, schemas.Updated)
	b.task(1, "Subject", "edited by hand", "CallDurationInSeconds", float64(60))

	// An event that changes nothing in the Task writes nothing.
	b.sent("")
	b.event(1, "call.archived", 90, `"archived":true`)
	b.turn()
	b.outcome(1, schemas.Unchanged)
	if n := b.sent("PATCH"); n != 0 {
		t.Errorf("%d writes for an unchanged Task", n)
	}
}

func TestNewestStateInABatchCounts(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, curieNumber, "ada")
	b.hungup(1)
	b.tagged(1, 80, "billing")
	b.turn()
	b.outcome(1, schemas.Created)
	if n := b.sent("PATCH"); n != 1 {
		t.Errorf("%d writes for three states of one call in a batch, want 1", n)
	}
	b.task(1, "CallDisposition", "['billing', 'aircall', 'inbound', 'answered_call', '33176360011']")
}

func TestSignedAnewIsNoChange(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, curieNumber, "ada")
	b.event(1, "call.ended", 100, `"recording":"https://media.example.com/1.mp3?signature=one"`)
	b.turn()
	b.task(1, "aircall__Call_Recording__c", "https://media.example.com/1.mp3?signature=one")
	b.sent("")
	b.event(1, "call.commented", 110, `"recording":"https://media.example.com/1.mp3?signature=two"`)
	b.turn()
	b.outcome(1, schemas.Unchanged)
	if n := b.sent("PATCH"); n != 0 {
		t.Errorf("%d writes for a link that was only signed anew", n)
	}
}

func TestOwnerChangesOnlyByTransfer(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, curieNumber, "ada")
	b.turn()
	// The Contact gets another number and another owner: the call stays on it (M9).
	b.set("Contact", curie, `"Phone":"+33 1 11 11 11 11","OwnerId":"005000000000003AAA"`)
	b.hungup(1)
	b.turn()
	b.task(1, "WhoId", curie, "OwnerId", ada)
	b.event(1, "call.transferred", 30, `"transferred_by":{"id":11,"name":"ada"},"transferred_to":{"id":12,"name":"bob"},`+user("ada"))
	b.event(1, "call.hold", 40, user("bob"))
	b.turn()
	b.outcome(1, schemas.Updated)
	b.task(1, "WhoId", curie, "OwnerId", bob, "aircall__Transferred_to__c", "bob")
}

func TestUnmatchedCallIsMatchedAgain(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, unknownNumber, "ada")
	b.turn()
	b.task(1, "WhoId", nil, "OwnerId", integration, "Subject", "Inbound call from +33 1 98 76 54 32 on Paris")
	b.load(`{"Lead":[{"Id":"00Q000000000001AAA","Name":"Late Lead","Company":"X","Phone":"0033198765432","OwnerId":"005000000000003AAA","IsConverted":false,"LastModifiedDate":"2026-01-01T00:00:00.000+0000"}]}`)
	b.later(time.Minute)
	b.hungup(1)
	b.turn()
	b.task(1, "WhoId", "00Q000000000001", "OwnerId", ada, "Subject", "Inbound call from Late Lead on Paris")
}

// At each later write, though the number was looked up a moment ago (M9).
func TestUnmatchedCallIsMatchedAgainAtOnce(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, unknownNumber, "ada")
	b.turn()
	b.task(1, "WhoId", nil)
	b.load(`{"Lead":[{"Id":"00Q000000000001AAA","Name":"Late Lead","Company":"X","Phone":"0033198765432","OwnerId":"005000000000003AAA","IsConverted":false,"LastModifiedDate":"2026-01-01T00:00:00.000+0000"}]}`)
	b.later(time.Second)
	b.hungup(1)
	b.turn()
	b.task(1, "WhoId", "00Q000000000001", "OwnerId", ada)
}

// Turning into a kind that is not logged leaves the Task as it is, turning out of
// one creates it (L3).
func TestTurningIntoAndOutOfNothing(t *testing.T) {
	voicemail := `"direction":"inbound","asset":"https://assets.aircall.io/calls/1/voicemail"`
	b := newBench(t, func(o *Options) { o.Settings.Tasks.Log.Voicemail = "nothing" })
	b.missed(1, curieNumber)
	b.turn()
	b.sent("")
	b.event(1, "call.voicemail_left", 50, voicemail)
	b.turn()
	if o := b.outcome(1, schemas.Skipped); o.Rule != "L3" || o.TaskID == "" {
		t.Errorf("outcome: rule %q, Task %q", o.Rule, o.TaskID)
	}
	b.task(1, "Subject", "Missed call from Marie Curie on Paris", "Description", nil)
	if n := b.sent("PATCH"); n != 0 {
		t.Errorf("%d writes", n)
	}

	b = newBench(t, func(o *Options) { o.Settings.Tasks.Log.Missed = "nothing" })
	b.missed(1, curieNumber)
	b.turn()
	b.outcome(1, schemas.Skipped)
	b.event(1, "call.voicemail_left", 50, voicemail)
	b.turn()
	b.outcome(1, schemas.Created)
	b.task(1, "Subject", "Voicemail from Marie Curie on Paris", "TaskSubtype", "Call",
		"Description", "Find voicemail here : https://assets.aircall.io/calls/1/voicemail")
}

func TestWaitSkipErase(t *testing.T) {
	b := newBench(t, func(o *Options) {
		o.Settings.Tasks.LogAt.Missed = "ended"
		o.Settings.Tasks.Log.OutboundAnswered = "nothing"
	})
	b.clock = time.Unix(t0+30, 0)
	b.event(1, "call.created", 0, `"direction":"inbound","status":"initial","started_at":1780000000,"raw_digits":"+33123456789"`)
	b.missed(2, curieNumber)
	b.event(3, "call.answered", 10, `"direction":"outbound","status":"answered","started_at":1780000000,"answered_at":1780000010,"raw_digits":"+33123456789"`)
	b.answered(4, curieNumber, "ada")
	b.turn()
	if o := b.outcome(1, schemas.Waiting); o.NextAttempt != 0 || o.Rule != "L2" {
		t.Errorf("a ringing call: %+v", o)
	}
	waiting := b.outcome(2, schemas.Waiting)
	if want := time.Unix(t0+20, 0).Add(10 * time.Minute).UnixMilli(); waiting.NextAttempt != want || waiting.Parked == nil {
		t.Errorf("a hung up call: next attempt %d, want %d", waiting.NextAttempt, want)
	}
	if o := b.outcome(3, schemas.Skipped); o.Rule != "L3" {
		t.Errorf("skipped by %s", o.Rule)
	}
	if len(b.tasks()) != 1 {
		t.Fatalf("%d Tasks, want 1", len(b.tasks()))
	}

	b.later(10 * time.Minute) // only the timer brings call 2 back (L8)
	b.event(4, "callfold.erase", 500, `"who":"dpo","why":"asked"`)
	b.turn()
	if o := b.outcome(2, schemas.Created); o.Rule != "L8" || o.NextAttempt != 0 || o.Parked != nil {
		t.Errorf("after ten minutes: %+v", o)
	}
	if o := b.outcome(4, schemas.Erased); o.Match != nil || o.Reasons != nil || o.Written != nil || o.TaskID == "" {
		t.Errorf("what is kept of an erased call: %+v", o)
	}
}

func TestNewerStateWinsOverItsTimer(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.Tasks.LogAt.Missed = "ended" })
	b.clock = time.Unix(t0+30, 0)
	b.missed(1, curieNumber)
	b.turn()
	b.later(time.Hour)
	b.tagged(1, 60, "late")
	b.turn()
	b.outcome(1, schemas.Created)
	b.task(1, "CallDisposition", "['late', 'aircall', 'inbound', 'unanswered_call', '33176360011', 'agents_did_not_answer']")
	if n := b.sent("PATCH"); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
}

func TestUnusableRecordsAreRejected(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, curieNumber, "ada")
	b.answered(2, curieNumber, "ada")
	b.pending[0].Value = []byte("{")
	b.pending = append(b.pending, b.pending[1])
	other := *b.pending[1]
	other.Key = []byte("3")
	b.pending[2] = &other
	b.turn()
	if len(b.table.rejected) != 2 || b.table.rejected[0] != schemas.NotJSON || b.table.rejected[1] != schemas.KeyMismatch {
		t.Errorf("rejected: %v", b.table.rejected)
	}
	b.outcome(2, schemas.Created)

	b.answered(5, curieNumber, "ada")
	b.pending[0].Headers[0].Value = []byte("callfold.call/2")
	if err := b.try(); err == nil {
		t.Error("a record of a newer version was passed over")
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	b := newBench(t, func(o *Options) {
		o.DryRun = true
		o.Settings.Match.Create = "lead"
		o.Settings.Match.Related = "case"
		o.Settings.Match.CreateCase = true
	})
	b.answered(1, curieNumber, "ada")
	b.answered(2, unknownNumber, "ada")
	b.turn()
	b.outcome(1, schemas.Created)
	if why := b.outcome(2, schemas.Created).Reasons["WhoId"]; len(why.Considered) != 1 || !strings.Contains(why.Considered[0], "Lead") {
		t.Errorf("the outcome does not say what would have been created: %+v", why)
	}
	b.hungup(1)
	b.turn()
	b.outcome(1, schemas.Updated)
	b.event(1, "call.archived", 90, `"archived":true`)
	b.turn()
	b.outcome(1, schemas.Unchanged)
	if n := len(b.tasks()) + len(b.sim.Records("Lead")) + len(b.sim.Records("Case")); n != 0 {
		t.Errorf("a dry run wrote %d records", n)
	}
	if n := b.sent("PATCH"); n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	b := newBench(t, func(o *Options) { o.Registerer = registry })
	value := func(name, label string) (sum float64) {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
				}
			}
		}
		return sum
	}
	b.missed(1, curieNumber)
	b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Status: 503, Times: requestTries})
	b.later(time.Minute)
	if b.try() == nil {
		t.Fatal("an outage went unnoticed")
	}
	if value("callfold_sink_paused", "outage") != 1 || value("callfold_sink_oldest_unwritten_seconds", "") != 60 || value("callfold_sink_retries_total", "outage") != requestTries-1 {
		t.Error("the metrics do not show the outage")
	}
	b.turn()
	for name, want := range map[string]float64{
		"callfold_sink_paused": 0, "callfold_sink_oldest_unwritten_seconds": 0,
		"callfold_sink_rows_total": 1, "callfold_sink_event_to_task_seconds": 1,
	} {
		if got := value(name, ""); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	b.set("Task", text(b.task(1), "Id"), `"Subject":"mine"`)
	b.rewrite(1, 3600)
	b.turn()
	b.outcome(1, schemas.Updated)
	if got := value("callfold_sink_event_to_task_seconds", ""); got != 1 {
		t.Errorf("an operator's rewrite counts as freshness: %v calls", got)
	}
}
