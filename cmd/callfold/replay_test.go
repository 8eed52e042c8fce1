package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/replay"
)

// TestRebuild goes the way of an administrator whose Tasks were deleted and changed: a
// plan says so, applying it brings everything back, and then nothing is to be done.
func TestRebuild(t *testing.T) {
	w := newSinkWorld(t)
	w.settings.Sink.Lanes = 1 // a second would take partitions from the first in mid-batch
	w.environment()
	path := filepath.Join(t.TempDir(), "p.plan")
	w.process(func() {
		w.run(func(a *app.App) {
			w.wait(a, "callfold-sink-test-0", "")
			const calls = 120
			for id := range int64(calls) {
				w.event(id + 1)
			}
			w.listed(fmt.Sprintf("created %d", calls))
			if text := w.command("replay", "plan", "--file", path); !strings.Contains(text, "120  unchanged") || !strings.Contains(text, "Nothing is to be done.") {
				t.Errorf("all is well, and the plan says\n%s", text)
			}

			before := w.tasksByCall()
			w.spoil(before)
			text := w.command("replay", "plan", "--file", path)
			for _, want := range []string{"119  Tasks that are gone", "1    Tasks to update", "1    of the updates overwrite what people changed", "1        Subject"} {
				if !strings.Contains(text, want) {
					t.Errorf("the plan does not say %q:\n%s", want, text)
				}
			}
			plan, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(plan), `{"field":"Subject","rule":"F2","held":"Mine","wanted":"Missed call from +33 1 23 45 67 89 on Paris","edited":true}`) {
				t.Errorf("the plan's file is %.2000s: %v", plan, err)
			}
			if len(w.tasksByCall()) != 1 {
				t.Error("planning wrote to Salesforce")
			}

			text = w.command("replay", "apply", path, "--reason", "deleted by mistake", "--who", "ann", "--yes")
			if !strings.Contains(text, "done: 120 of 120 calls sent") || !strings.Contains(text, "created 119") || !strings.Contains(text, "updated 1") {
				t.Errorf("apply printed\n%s", text)
			}
			if text := w.command("replay", "status", path); !strings.Contains(text, "by ann: deleted by mistake") {
				t.Errorf("status printed\n%s", text)
			}
			if text := w.command("replay", "plan", "--file", path); !strings.Contains(text, "120  unchanged") {
				t.Errorf("after the rebuild the plan says\n%s", text)
			}
			w.afterRebuild(path)
			for key, task := range w.tasksByCall() {
				for _, field := range []string{"Subject", "CallDisposition", "ActivityDate", "OwnerId", "Description"} {
					if was := before[key][field]; task[field] != was {
						t.Errorf("call %s: %s is %v, was %v", key, field, task[field], was)
					}
				}
			}
		})
	})
}

// afterRebuild looks at what is refused once another plan is where the applied one was,
// and at a call that is named and not known.
func (w *sinkWorld) afterRebuild(path string) {
	w.Helper()
	for _, test := range []struct {
		args       []string
		json, text string
	}{
		{[]string{"replay", "status", path}, "", "nobody has begun"},
		{[]string{"replay", "apply", path, "--yes"}, "", "is of another plan that was here"},
		{[]string{"replay", "plan", "1", "4711", "--file", path, "--output", "json"}, `"format": "callfold.plan/1"`, "1 of the 2 calls named"},
		{[]string{"reconcile", "1", "4711", "--output", "json"}, `"calls": 1`, "1 of the 2 calls named"},
	} {
		var stdout, stderr bytes.Buffer
		code := execute(w.Context(), test.args, strings.NewReader(""), &stdout, &stderr)
		if code != exitFailed || !strings.Contains(stderr.String(), test.text) || !strings.Contains(stdout.String(), test.json) || test.json == "" && stdout.Len() > 0 {
			w.Errorf("%v: exit code %d\n%s%s", test.args, code, stdout.String(), stderr.String())
		}
	}
}

// TestReplayWishes: what is said of a wish depends on whether an apply is at work, which
// none is here.
func TestReplayWishes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.plan")
	plan, err := replay.NewWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(plan.Finish(&replay.Header{}), plan.Close()); err != nil {
		t.Fatal(err)
	}
	for wish, want := range map[string]string{
		"pause":  "noted: nobody applies the plan now; whoever begins to is stopped, until callfold replay resume\n",
		"resume": "noted: start apply again\n",
		"abort":  "noted: nobody applies the plan now, and it cannot be applied any more\n",
	} {
		var stdout, stderr bytes.Buffer
		if code := execute(t.Context(), []string{"replay", wish, path}, strings.NewReader(""), &stdout, &stderr); code != exitDone || stdout.String() != want {
			t.Errorf("replay %s: exit code %d\n%s%s", wish, code, stdout.String(), stderr.String())
		}
	}
}

// tasksByCall are the Tasks that are not deleted.
func (w *sinkWorld) tasksByCall() map[string]map[string]any {
	tasks := map[string]map[string]any{}
	for _, r := range w.org.Records("Task") {
		if r["IsDeleted"] != true {
			key, _ := r["Aircall_Call_Id__c"].(string) // none of the Tasks of others
			tasks[key] = maps.Clone(r)
		}
	}
	return tasks
}

// spoil deletes all Tasks but one, of which it changes the subject.
func (w *sinkWorld) spoil(tasks map[string]map[string]any) {
	w.Helper()
	for key, task := range tasks {
		change := `"IsDeleted":true`
		if key == "7" {
			change = `"Subject":"Mine"`
		}
		if err := w.org.Load(fmt.Appendf(nil, `{"Task":[{"Id":%q,%s}]}`, task["Id"], change)); err != nil {
			w.Fatal(err)
		}
	}
}
