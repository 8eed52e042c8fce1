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

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/kafka"
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

			// Of another log than the processor's a report does not care.
			w.Setenv("CALLFOLD_KAFKA_EVENTS_PREFIX", "green.")
			wants(w.failing("reconcile"), "in 6 cases Salesforce is not as the log wants it")
			wants(w.failing("reconcile", "--policy", "fill", "--yes"), "nobody would handle what is written")
			w.Setenv("CALLFOLD_KAFKA_EVENTS_PREFIX", "")

			w.nobodyAnswers(filepath.Join(t.TempDir(), "declined.plan"))
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
			wants(text, `"edited": {`, `"sent": 2`, `"mended": true`, `"why": "a flow wrote over them"`, `"kind": "orphaned"`, "in 2 cases")
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

// nobodyAnswers is asked and has no answer: nothing is done, and it says where the plan is.
func (w *sinkWorld) nobodyAnswers(path string) {
	w.Helper()
	silent, err := os.Open(os.DevNull)
	if err != nil {
		w.Fatal(err)
	}
	defer silent.Close()
	for _, format := range []string{"text", "json"} {
		var stdout, stderr bytes.Buffer
		code := execute(w.Context(), []string{"reconcile", "--policy", "fill", "--file", path, "--output", format}, silent, &stdout, &stderr)
		if code != exitUsage || !strings.Contains(stderr.String(), "nobody answers here") || !strings.Contains(stderr.String(), "callfold replay apply "+path+" --reason") {
			w.Errorf("exit code %d\n%s", code, stderr.String())
		}
		if strings.Contains(stdout.String(), `"mended": true`) || strings.Contains(stdout.String(), `"mended": false`) != (format == "json") {
			w.Errorf("nothing was done, and it printed\n%s", stdout.String())
		}
	}
	if _, err := os.Stat(path); err != nil {
		w.Error(err)
	}
}

// TestReconcileAllTheTime has the sink itself look: what was deleted and emptied comes
// back, and what was skipped by settings of before comes; what people wrote stays, and a
// Task without a call is counted.
func TestReconcileAllTheTime(t *testing.T) {
	w := newSinkWorld(t)
	w.settings.Sink.Lanes = 1 // a second would take partitions from the first in mid-batch
	w.settings.Tasks.Numbers = []int64{8}
	w.environment()
	w.process(func() {
		w.run(func(a *app.App) {
			w.wait(a, "callfold-sink-test-0", "")
			w.event(10)
			w.listed("skipped 1")
		})
		w.settings.Tasks.Numbers = nil
		w.settings.Sink.Reconcile = "fill"
		w.change = func(a *app.App) { a.ReconcileEvery = 200 * time.Millisecond }
		w.load(`{"Task":[{"Id":"00T000000000ORP","Aircall_Call_Id__c":"999"}]}`)
		w.run(func(a *app.App) {
			w.wait(a, "callfold-sink-test-0", "")
			for id := range int64(9) {
				w.event(id + 1)
			}
			w.until("9 Tasks, the one of before and the orphan", func() bool { return len(w.tasksByCall()) == 11 })
			w.listed("created 10") // from then on it knows what it wrote
			before := w.tasksByCall()
			w.load(`{"Task":[{"Id":%q,"IsDeleted":true},{"Id":%q,"Subject":"Mine"},{"Id":%q,"CallType":null}]}`, before["1"]["Id"], before["2"]["Id"], before["3"]["Id"])
			w.until("what was deleted and emptied", func() bool {
				tasks := w.tasksByCall()
				return tasks["1"] != nil && tasks["3"]["CallType"] == before["3"]["CallType"]
			})
			if got := w.tasksByCall()["2"]["Subject"]; got != "Mine" {
				t.Errorf("fill wrote over what somebody wrote: %v", got)
			}
			for _, id := range []string{"1", "10"} {
				if text := w.command("call", "show", id); !strings.Contains(text, "callfold sink, sink.reconcile: fill") {
					t.Errorf("the history does not say why:\n%s", text)
				}
			}
			w.until("what is wrong in the metrics", func() bool {
				found := w.counted(a, "callfold_sink_reconcile_found_total")
				return found["missing"] >= 1 && found["deleted"] >= 1 && found["edited"] >= 1 && found["orphaned"] >= 1
			})
		})
	})
}

// TestReconcileNeedsAProcessor: after half a switch the sink would write to a log that
// nobody reads. It says so, and has the Task written once the settings are right.
func TestReconcileNeedsAProcessor(t *testing.T) {
	w := newSinkWorld(t)
	w.settings.Sink.Lanes = 1 // a second would take partitions from the first in mid-batch
	w.environment()
	w.settings.Processor.Lanes = 1 // while a second joins, it is not known what the group reads
	adm := kadm.NewClient(w.client)
	w.process(func() {
		w.run(func(a *app.App) {
			w.wait(a, "callfold-sink-test-0", "")
			w.event(1)
			w.listed("created 1")
		})
		w.load(`{"Task":[{"Id":%q,"IsDeleted":true}]}`, w.tasksByCall()["1"]["Id"])
		w.settings.Sink.Reconcile = "fill"
		w.change = func(a *app.App) { a.ReconcileEvery = 20 * time.Millisecond }
		w.settings.Kafka.EventsPrefix, w.settings.Kafka.ReplicationFactor = "green.", 1
		if _, err := kafka.Create(t.Context(), w.client, kafka.Topics(w.settings.Kafka, false)); err != nil {
			t.Fatal(err)
		}
		w.run(func(a *app.App) {
			w.until("that nobody reads", func() bool { return w.counted(a, "callfold_output_astray")["sink"] == 1 })
			if rewritten := w.counted(a, "callfold_sink_reconcile_rewritten_total"); rewritten["deleted"] > 0 {
				t.Errorf("rewritten are %v", rewritten)
			}
		})
		ends, err := adm.ListEndOffsets(t.Context(), "green.events")
		if err != nil {
			t.Fatal(err)
		}
		ends.Each(func(o kadm.ListedOffset) {
			if o.Offset > 0 {
				t.Errorf("%d records are in partition %d of a log that nobody reads", o.Offset, o.Partition)
			}
		})
		w.settings.Kafka.EventsPrefix = ""
		w.run(func(a *app.App) {
			w.until("the Task again", func() bool { return w.tasksByCall()["1"] != nil })
			if astray := w.counted(a, "callfold_output_astray")["sink"]; astray != 0 {
				t.Errorf("astray is %v", astray)
			}
		})
	})
}

// counted is what a metric of the sink says, by its one label.
func (w *sinkWorld) counted(a *app.App, name string) map[string]float64 {
	w.Helper()
	families, err := a.Registry.Gather()
	if err != nil {
		w.Fatal(err)
	}
	counted := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			counted[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return counted
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
