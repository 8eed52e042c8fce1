package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/app"
)

// environment lets commands sign in to the org of the world.
func (w *sinkWorld) environment() {
	w.Helper()
	for name, value := range map[string]string{
		"KAFKA_BROKERS": strings.Join(w.settings.Kafka.Brokers, ","), "SALESFORCE_LOGIN_URL": w.settings.Salesforce.LoginURL,
		"SALESFORCE_AUTH_FLOW": "client_credentials", "SALESFORCE_AUTH_CLIENT_ID": "dev", "SALESFORCE_AUTH_CLIENT_SECRET": "dev",
	} {
		w.Setenv("CALLFOLD_"+name, value)
	}
}

// load loads records into the org.
func (w *sinkWorld) load(format string, args ...any) {
	w.Helper()
	if err := w.org.Load(fmt.Appendf(nil, format, args...)); err != nil {
		w.Fatal(err)
	}
}

// TestReconcile harms Salesforce in every way, and mends what can be.
func TestReconcile(t *testing.T) {
	w := newSinkWorld(t)
	w.settings.Sink.Lanes = 1 // a second would take partitions from the first in mid-batch
	w.environment()
	path := filepath.Join(t.TempDir(), "p.plan")
	wants := func(text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("it does not say %q:\n%s", part, text)
			}
		}
	}
	w.process(func() {
		w.run(func(a *app.App) {
			w.wait(a, "callfold-sink-test-0", "")
			for id := range int64(20) {
				w.event(id + 1)
			}
			w.listed("created 20")
			wants(w.command("reconcile"), "20 calls looked at.", "0      0           0                edited")

			before := w.tasksByCall()
			w.load(`{"Task":[{"Id":%q,"IsDeleted":true},{"Id":%q,"Subject":"Mine"},{"Id":%q,"aircall__Country__c":null},{"Id":%q,"Subject":"Mine, too","CallType":null}]}`,
				before["1"]["Id"], before["2"]["Id"], before["3"]["Id"], before["4"]["Id"])
			w.load(`{"Task":[{"Id":"00T000000000FOR","Subject":"Aircall's own","CallObject":"2"},{"Id":"00T000000000ORP","Subject":"?","Aircall_Call_Id__c":"999"},{"Id":"00T000000000OTH","CallObject":"77777"},{"Id":%q,"CallObject":"6"}]}`, before["6"]["Id"])

			text := w.failing("reconcile")
			wants(text, "1      1           1                deleted", "3      1           3                edited",
				"1      0           0                foreign", "1      0           0                orphaned",
				"00T000000000FOR", "999  00T000000000ORP", "switch one of the two off", "in 6 cases Salesforce is not as the log wants it")
			if strings.Contains(text, "00T000000000OTH") || strings.Contains(text, "Mine") {
				t.Errorf("it tells of what is not ours, or what a Task holds:\n%s", text)
			}
			if left, err := filepath.Glob("*.plan*"); err != nil || len(left) > 0 {
				t.Errorf("a report leaves files: %v, %v", left, err)
			}

			text = w.failing("reconcile", "--policy", "fill", "--yes", "--file", path)
			wants(text, "done: 2 of 2 calls sent", "in 4 cases")
			after := w.tasksByCall()
			if after["1"]["Subject"] != before["1"]["Subject"] || after["3"]["aircall__Country__c"] != before["3"]["aircall__Country__c"] {
				t.Errorf("not filled: %v, %v", after["1"], after["3"])
			}
			if after["2"]["Subject"] != "Mine" || after["4"]["CallType"] != nil {
				t.Errorf("fill wrote over what people changed: %v, %v", after["2"], after["4"])
			}
			if _, err := os.Stat(path + ".progress"); err != nil {
				t.Errorf("the plan is not kept: %v", err)
			}

			text = w.failing("reconcile", "--policy", "overwrite", "--yes", "--file", filepath.Join(t.TempDir(), "q.plan"), "--reason", "a flow wrote over them", "--output", "json")
			wants(text, `"edited": {`, `"sent": 2`, `"why": "a flow wrote over them"`, `"kind": "orphaned"`, "in 2 cases")
			if after = w.tasksByCall(); after["2"]["Subject"] != before["2"]["Subject"] || after["4"]["CallType"] != before["4"]["CallType"] {
				t.Errorf("not overwritten: %v, %v", after["2"], after["4"])
			}

			// Of chosen calls no orphans are looked for, and then all is well.
			wants(w.command("reconcile", "3", "4"), "2 calls looked at.")
			wants(w.failing("reconcile", "2"), "in 1 case Salesforce")
		})
	})
	if got := len(w.org.Records("Task")); got != 24 {
		t.Errorf("%d Tasks, want 20, one made anew, and three of others", got)
	}
}

// TestReconcileAllTheTime has the sink itself look: what was deleted and emptied comes
// back, and what people wrote stays.
func TestReconcileAllTheTime(t *testing.T) {
	w := newSinkWorld(t)
	w.settings.Sink.Lanes = 1 // a second would take partitions from the first in mid-batch
	w.settings.Sink.Reconcile = "fill"
	w.environment()
	w.change = func(a *app.App) { a.ReconcileEvery = 200 * time.Millisecond }
	w.process(func() {
		w.run(func(a *app.App) {
			w.wait(a, "callfold-sink-test-0", "")
			for id := range int64(9) {
				w.event(id + 1)
			}
			w.until("9 Tasks", func() bool { return len(w.tasksByCall()) == 9 })
			before := w.tasksByCall()
			w.load(`{"Task":[{"Id":%q,"IsDeleted":true},{"Id":%q,"Subject":"Mine"},{"Id":%q,"CallType":null}]}`, before["1"]["Id"], before["2"]["Id"], before["3"]["Id"])
			w.until("what was deleted and emptied", func() bool {
				tasks := w.tasksByCall()
				return tasks["1"] != nil && tasks["3"]["CallType"] == before["3"]["CallType"]
			})
			if got := w.tasksByCall()["2"]["Subject"]; got != "Mine" {
				t.Errorf("fill wrote over what somebody wrote: %v", got)
			}
			if text := w.command("call", "show", "1"); !strings.Contains(text, "callfold sink, sink.reconcile: fill") {
				t.Errorf("the history does not say why:\n%s", text)
			}
		})
	})
}

func TestReconcileUsage(t *testing.T) {
	t.Setenv("CALLFOLD_SALESFORCE_LOGIN_URL", "https://example.my.salesforce.com")
	t.Setenv("CALLFOLD_SALESFORCE_AUTH_FLOW", "client_credentials")
	t.Setenv("CALLFOLD_SALESFORCE_AUTH_CLIENT_ID", "dev")
	t.Setenv("CALLFOLD_SALESFORCE_AUTH_CLIENT_SECRET", "dev")
	t.Setenv("CALLFOLD_SINK_DRY_RUN", "true")
	for want, args := range map[string][]string{
		"use one of [report fill overwrite]": {"reconcile", "--policy", "delete"},
		"then give --yes":                    {"reconcile", "--policy", "fill"},
		"is no kind of call":                 {"reconcile", "--kind", "lost"},
		"sink.dry_run is set":                {"reconcile", "--policy", "fill", "--yes"},
	} {
		var stderr bytes.Buffer
		if code := execute(t.Context(), args, strings.NewReader(""), io.Discard, &stderr); code != exitUsage || !strings.Contains(stderr.String(), want) {
			t.Errorf("%v: exit code %d, %s", args, code, stderr.String())
		}
	}
}
