package sfsink

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/sfsim"
)

func TestPrepareSaysWhatIsMissing(t *testing.T) {
	var log bytes.Buffer
	b := newBench(t, func(o *Options) {
		o.Settings.Match.Create = "lead"
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	for object, fields := range map[string][]string{"Task": {"Type", "Aircall_Call_Id__c", "aircall__Country__c"}, "Lead": {"Aircall_Number_Key__c"}} {
		for _, f := range fields {
			if err := b.sim.Hide(object, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	err := b.sink.Prepare(t.Context())
	var s *Stopped
	if !errors.As(err, &s) || s.Reason != "config" {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{"Type (tasks.fields.type, rule F1)", "aircall__Country__c", "Aircall_Call_Id__c of Task (tasks.external_id_field)", "field-level security"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message does not say %q: %v", part, err)
		}
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log does not say %q: %s", part, log.String())
		}
	}
}

// TestPrepareTellsOfAnOutage: also to metrics, as a sink without calls may start then.
func TestPrepareTellsOfAnOutage(t *testing.T) {
	registry := prometheus.NewRegistry()
	b := newBench(t, func(o *Options) { o.Registerer = registry })
	b.sim.Fail(sfsim.Fault{Status: 503, Times: 2 * requestTries})
	for range 2 {
		if err := b.sink.Prepare(t.Context()); reasonOf(err) != string(classOutage) || b.sink.Trouble() == nil || gauge(t, registry, "callfold_sink_paused") != 1 {
			t.Errorf("Prepare gives %v, trouble is %v", err, b.sink.Trouble())
		}
	}
	if err := b.sink.Prepare(t.Context()); err != nil || b.sink.Trouble() != nil || gauge(t, registry, "callfold_sink_paused") != 0 {
		t.Errorf("after it Prepare gives %v, trouble is %v", err, b.sink.Trouble())
	}
}

func TestMissingPhoneFieldIsNotAskedFor(t *testing.T) {
	b := newBench(t, nil)
	if err := b.sim.Hide("Contact", "AssistantPhone"); err != nil {
		t.Fatal(err)
	}
	b.missed(1, curieNumber)
	b.turn()
	b.task(1, "WhoId", curie)
}

// A field that Salesforce cannot search in would stop the sink.
func TestLongTextIsNotAskedFor(t *testing.T) {
	b := newBench(t, func(o *Options) {
		o.Settings.Match.ExtraPhoneFields = map[string][]string{"contact": {"Description"}}
	})
	b.missed(1, curieNumber)
	b.turn()
	b.task(1, "WhoId", curie)
}

func TestUsersAreLoadedAnew(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, curieNumber, "stranger")
	b.turn()
	b.task(1, "OwnerId", ada)
	b.load(`{"User":[{"Id":"005000000000009AAA","Name":"Stranger","Username":"s@example.com","Email":"stranger@example.com","IsActive":true,"CreatedDate":"2024-01-01T00:00:00.000+0000"}]}`)
	b.later(2 * time.Hour)
	b.sim.Fail(sfsim.Fault{Operation: "describe", Status: 503, Times: requestTries}) // the old ones stay for now
	b.answered(2, curieNumber, "stranger")
	b.turn()
	b.task(2, "OwnerId", ada)
	b.sent("")
	b.answered(4, curieNumber, "stranger")
	b.turn()
	if n := b.sent("describe"); n != 0 {
		t.Error("a refresh that failed was not put off")
	}
	b.later(2 * time.Minute)
	b.answered(3, curieNumber, "stranger")
	b.turn()
	b.task(3, "OwnerId", "005000000000009")
}

// A refresh that finds what a person has to mend is not put off: two Tasks of a call
// could be made.
func TestKeyThatIsNotUniqueAnyMore(t *testing.T) {
	b := newBench(t, nil)
	b.missed(1, curieNumber)
	b.turn()
	if err := b.sim.NotUnique("Task", "Aircall_Call_Id__c"); err != nil {
		t.Fatal(err)
	}
	b.later(2 * time.Hour)
	b.missed(2, curieNumber)
	var s *Stopped
	if err := b.try(); !errors.As(err, &s) || s.Reason != "config" || !strings.Contains(err.Error(), "tasks.external_id_field") {
		t.Fatalf("the sink goes on: %v", err)
	}
	if n := len(b.tasks()); n != 1 {
		t.Errorf("%d Tasks, want 1", n)
	}
}

// A lane that waits for another one to load the org gives up when it is told to.
func TestWaitingForTheOrg(t *testing.T) {
	b := newBench(t, nil)
	loading, resume := make(chan struct{}), make(chan struct{})
	b.before = func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Task/describe") {
			close(loading)
			<-resume
		}
	}
	done := make(chan error, 1)
	go func() { done <- b.sink.Prepare(t.Context()) }()
	<-loading
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.sink.theOrg(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(resume)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
