package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kgo"

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
			if n := inFirstPartition(string(plan), 12); n != 6 {
				t.Errorf("of the first 12 calls of the plan %d are of the first of two partitions: its lane would have more to do than the others", n)
			}
			if len(w.tasksByCall()) != 1 {
				t.Error("planning wrote to Salesforce")
			}

			text = w.command("replay", "apply", path, "--reason", "deleted by mistake", "--who", "ann", "--yes")
			if !strings.Contains(text, "done: 120 of 120 calls sent") || !strings.Contains(text, "created 119") || !strings.Contains(text, "updated 1") {
				t.Errorf("apply printed\n%s", text)
			}
			if text := w.command("replay", "status", path); !strings.Contains(text, "by ann: deleted by mistake") || !strings.Contains(text, "API requests in the org meanwhile") {
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

// inFirstPartition counts the calls of the first of two partitions among the first of a plan.
func inFirstPartition(plan string, calls int) (n int) {
	partitioner := kgo.StickyKeyPartitioner(nil).ForTopic("aircall.calls")
	for _, line := range strings.SplitN(plan, "\n", calls+2)[1 : calls+1] {
		if partitioner.Partition(&kgo.Record{Key: []byte(gjson.Get(line, "call_id").Raw)}, 2) == 0 {
			n++
		}
	}
	return n
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

// TestRematch: calls stay with the record that they were logged on, until somebody wants
// them to be matched anew. A plan of that, its apply and the next plan agree; and each
// filter chooses the calls that it names.
func TestRematch(t *testing.T) {
	w := newSinkWorld(t)
	w.settings.Sink.Lanes = 1 // a second would take partitions from the first in mid-batch
	w.environment()
	path := filepath.Join(t.TempDir(), "p.plan")
	w.load(`{"Lead":[{"Id":"00Q000000000077EAA","LastName":"Old","Company":"Old","Phone":"+33123456789"}]}`)
	w.process(func() {
		w.run(func(a *app.App) {
			w.wait(a, "callfold-sink-test-0", "")
			w.event(1)
			w.event(2)
			w.eventWith(3, `,"user":{"id":77,"name":"Ann","email":"ann@example.com"},"tags":[{"id":1,"name":"Sale","tagged_at":1780000010}]`)
			w.listed("created 3")
			w.whose("00Q000000000077EAA")
			w.load(`{"Contact":[{"Id":"003000000000077AAA","LastName":"New","Phone":"+33123456789"}]}`)

			for flags, want := range map[string]int{
				"": 3, "1 3": 2, "--kind missed": 3, "--kind voicemail": 0, "--outcome created,updated": 3, "--outcome rejected": 0, "--unmatched": 0,
				"--number 7": 3, "--number 8": 0, "--agent 77": 1, "--agent ann@example.com": 1, "--tag sale": 1, "--tag sale --kind voicemail": 0,
				"--from 2026-05-28T20:26:40Z": 3, "--to 2026-05-28T20:26:40Z": 0,
			} {
				text := w.command(append([]string{"replay", "plan", "--file", path}, strings.Fields(flags)...)...)
				if lines := strings.Fields(text); lines[0] != strconv.Itoa(want) || !strings.Contains(text, "Nothing is to be done.") {
					t.Errorf("replay plan %s: want %d calls and nothing to be done\n%s", flags, want, text)
				}
			}

			if text := w.command("replay", "plan", "--rematch", "--file", path); !strings.Contains(text, "3  Tasks to update") || !strings.Contains(text, "WhoId") {
				t.Errorf("there is a better match, and the plan says\n%s", text)
			}
			if text := w.command("replay", "apply", path, "--reason", "contacts", "--yes"); !strings.Contains(text, "updated 3") {
				t.Errorf("apply printed\n%s", text)
			}
			w.whose("003000000000077AAA")
			for _, flags := range []string{"--file", "--rematch --file"} {
				text := w.command(append([]string{"replay", "plan"}, append(strings.Fields(flags), path)...)...)
				if !strings.Contains(text, "3  unchanged") {
					t.Errorf("after the rematch plan %s says\n%s", flags, text)
				}
			}
		})
	})
}

// whose wants all Tasks of calls to be of this Lead or Contact.
func (w *sinkWorld) whose(id string) {
	w.Helper()
	for key, task := range w.tasksByCall() {
		if key != "" && task["WhoId"] != id {
			w.Errorf("the Task of call %s is of %v, want %s", key, task["WhoId"], id)
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
	say := func(code int, want string, args ...string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if got := execute(t.Context(), append([]string{"replay"}, append(args, path)...), strings.NewReader(""), &stdout, &stderr); got != code || !strings.Contains(stdout.String()+stderr.String(), want) {
			t.Errorf("replay %v: exit code %d\n%s%s", args, got, stdout.String(), stderr.String())
		}
	}
	say(exitDone, "noted: nobody applies the plan now; whoever begins to is stopped, until callfold replay resume\n", "pause")
	say(exitDone, "noted: start apply again\n", "resume")
	say(exitDone, "noted: nobody applies the plan now, and it cannot be applied any more\n", "abort")
	say(exitDone, "noted: start apply again\n", "resume")

	opened, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	progress := func(phase replay.Phase) {
		t.Helper()
		if err := os.WriteFile(path+".progress", fmt.Appendf(nil, `{"plan":%q,"phase":%q,"rows":2,"sent":1,"order":{}}`, opened.Digest, phase), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	progress(replay.Running) // and nobody is at work
	say(exitDone, "stopped: 1 of 2 calls sent; it was killed; apply goes on\n", "status")
	say(exitDone, `"phase": "stopped"`, "status", "--output", "json")
	say(exitDone, "noted", "pause")
	say(exitDone, "wanted: pause; callfold replay resume takes it back\n", "status")
	for _, phase := range []replay.Phase{replay.Done, replay.Aborted} {
		progress(phase)
		for _, wish := range []string{"pause", "resume", "abort"} {
			say(exitFailed, fmt.Sprintf("the plan is %s: there is nothing to %s", phase, wish), wish)
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
