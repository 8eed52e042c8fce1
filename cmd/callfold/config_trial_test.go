package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/app"
)

// TestConfigTest tries settings on calls that were logged under others.
func TestConfigTest(t *testing.T) {
	w := newSinkWorld(t)
	w.settings.Sink.Lanes = 1 // a second would take partitions from the first in mid-batch
	w.environment()
	file := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	same := file("same.yaml", "")
	french := file("french.yaml", "tasks: {subjects: classic-fr, status: {completed: Done}}")
	other := file("other.yaml", "tasks: {numbers: [8]}")
	less := file("less.yaml", "tasks: {fields: {task_subtype: \"\"}}")
	w.process(func() {
		w.run(func(a *app.App) {
			w.wait(a, "callfold-sink-test-0", "")
			for id := range int64(5) {
				w.event(id + 1)
			}
			w.listed("created 5")
		})
	})
	before := len(w.org.Records("Task"))
	for _, test := range []struct {
		name string
		args []string
		want []string
		not  string
	}{
		{"nothing changes", []string{"--config", same}, []string{"5  calls since", "5  unchanged", "The settings change nothing"}, "EXAMPLES"},
		{"other texts", []string{"--config", french}, []string{"5  would have a Task with other values", "5      Subject", "5      Status", "about 1 API requests"}, "Appel"},
		{"values are asked for", []string{"--config", french, "--show-values"}, []string{`"Appel manqué de +33 1 23 45 67 89 sur Paris"`}, "Missed call"},
		{"by other settings", []string{"--config", french, "--base", same, "--show-values"}, []string{`"Done", was "Completed"`, `was "Missed call from`, "compared with " + same}, "5  unchanged"},
		{"what is set at creation only", []string{"--config", same, "--base", less}, []string{"5  unchanged", "The settings change nothing"}, "EXAMPLES"},
		{"fewer Tasks", []string{"--config", other}, []string{"5  would have none: their Tasks stay as they are (L3) (by L7; such as "}, "change nothing"},
		{"more Tasks", []string{"--config", same, "--base", other}, []string{"5  would have a Task, and have none now (by L2; such as ", "about 1 API requests"}, "EXAMPLES"},
		{"none now as then", []string{"--config", other, "--base", other}, []string{"5  have no Task, now as then"}, "EXAMPLES"},
		{"as JSON", []string{"--config", french, "--output", "json"}, []string{`"changed": 5`, `"Subject": {`, `"F2": 5`, `"call_id": `}, "Appel"},
	} {
		text := w.command(append([]string{"config", "test", "--against", "36500d"}, test.args...)...)
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: it does not say %q:\n%s", test.name, want, text)
			}
		}
		if strings.Contains(text, test.not) {
			t.Errorf("%s: it says %q:\n%s", test.name, test.not, text)
		}
	}
	if text := w.command("config", "test", "--config", french, "--against", "1h"); !strings.Contains(text, "0  calls since") {
		t.Errorf("calls of the last hour:\n%s", text)
	}
	if got := len(w.org.Records("Task")); got != before {
		t.Errorf("trying wrote to Salesforce: %d Tasks, before %d", got, before)
	}
}

func TestSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 720 * time.Hour, "LAST_30_DAYS": 720 * time.Hour, "36h": 36 * time.Hour,
		"": 0, "30": 0, "-1d": 0, "0d": 0, "d": 0, "LAST__DAYS": 0, "LAST_MONTH": 0, "-5h": 0,
	} {
		if got, err := span(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
