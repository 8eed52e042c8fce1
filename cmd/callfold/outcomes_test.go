package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/sfsim"
)

// event publishes the event of a missed call, as ingest does.
func (w *sinkWorld) event(id int64) {
	w.Helper()
	w.eventWith(id, "")
}

// eventWith publishes the same with more in its data.
func (w *sinkWorld) eventWith(id int64, more string) {
	w.Helper()
	body := fmt.Sprintf(`{"resource":"call","event":"call.hungup","timestamp":1780000020,"data":{"id":%d,"direction":"inbound","status":"done","started_at":1780000000,"ended_at":1780000020,"raw_digits":"+33 1 23 45 67 89","number":{"id":7,"name":"Paris","digits":"+33 1 76 36 00 11","country":"FR"}%s}}`, id, more)
	if err := w.client.ProduceSync(w.Context(), &kgo.Record{
		Topic: "aircall.events", Key: []byte(strconv.FormatInt(id, 10)), Value: []byte(body),
	}).FirstErr(); err != nil {
		w.Fatal(err)
	}
}

// process runs the processor while work works.
func (w *sinkWorld) process(work func()) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	w.settings.Processor.StateDir = w.TempDir()
	a := app.New(w.settings, slog.New(slog.DiscardHandler), "processor")
	stage, err := a.Processor()
	if err != nil {
		w.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- stage.Run(ctx) }()
	work()
	cancel()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		w.Errorf("the processor stopped with %v", err)
	}
}

// command runs the command line, and wants it to succeed.
func (w *sinkWorld) command(args ...string) string {
	w.Helper()
	var stdout, stderr bytes.Buffer
	if code := execute(w.Context(), args, strings.NewReader(""), &stdout, &stderr); code != exitDone {
		w.Fatalf("callfold %s: exit code %d\n%s%s", strings.Join(args, " "), code, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// until polls until a condition holds.
func (w *sinkWorld) until(what string, holds func() bool) {
	w.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) { // polling
		if holds() {
			return
		}
	}
	w.Fatalf("never came: %s; the list is\n%s", what, w.command("outcomes", "list"))
}

// listed lists the outcomes until the text has the summary that is wanted.
func (w *sinkWorld) listed(summary string) (text string) {
	w.Helper()
	w.until(summary, func() bool {
		text = w.command("outcomes", "list")
		return strings.HasSuffix(writtenIsCreated(text), "\n"+summary+"\n")
	})
	return text
}

// written is the part of a summary about calls whose Tasks are as they are wanted.
var written = regexp.MustCompile(`(?:created|updated|unchanged) (\d+)(?:, )?`)

// writtenIsCreated counts updated and unchanged calls as created ones: a turn that was
// done again, as it is when the group rebalances, finds the Task that it made.
func writtenIsCreated(summary string) string {
	n := 0
	for _, m := range written.FindAllStringSubmatch(summary, -1) {
		some, _ := strconv.Atoi(m[1])
		n += some
	}
	if n == 0 {
		return summary
	}
	return strings.TrimSuffix(written.ReplaceAllString(summary, ""), "\n") + fmt.Sprintf("created %d\n", n)
}

// TestRejectedCallIsTriedAgain goes the way of an administrator: a validation rule
// refuses a call, the list says so, the rule is mended, and a retry makes the Task.
func TestRejectedCallIsTriedAgain(t *testing.T) {
	w := newSinkWorld(t)
	t.Setenv("CALLFOLD_KAFKA_BROKERS", strings.Join(w.settings.Kafka.Brokers, ","))
	var strict atomic.Bool
	strict.Store(true)
	if err := w.org.AddRule("Task", func(record map[string]any) *sfsim.Violation {
		if strict.Load() && record["Aircall_Call_Id__c"] == "2" {
			return &sfsim.Violation{Message: "no calls from +33 1 23 45 67 89", Fields: []string{"Subject"}}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.process(func() {
		w.run(func(a *app.App) {
			w.joined(a)
			w.event(1)
			w.event(2)
			text := w.listed("rejected 1 (FIELD_CUSTOM_VALIDATION_EXCEPTION 1), created 1")
			if !strings.Contains(text, "FIELD_CUSTOM_VALIDATION_EXCEPTION: Subject") || !strings.Contains(text, "A validation rule refuses it") || strings.Contains(text, "23 45") {
				t.Errorf("the list is\n%s", text)
			}
			// Nothing is mended yet: it is tried, and refused again.
			first := w.decided(2)
			w.command("outcomes", "retry", "2", "--reason", "too early", "--who", "ann", "--yes")
			w.until("another decision", func() bool { return w.decided(2) != first })
			w.listed("rejected 1 (FIELD_CUSTOM_VALIDATION_EXCEPTION 1), created 1")

			strict.Store(false)
			if got := w.command("outcomes", "retry", "--outcome", "rejected", "--reason", "the rule is mended", "--who", "ann", "--yes"); got != "1 of 1 commands sent\n" {
				t.Errorf("retry printed %q", got)
			}
			w.listed("created 2")
		})
	})
	tasks := w.org.Records("Task")
	if len(tasks) != 2 {
		t.Errorf("%d Tasks, want 2", len(tasks))
	}
	if text := w.command("call", "show", "2"); !strings.Contains(text, "outcome    created (L2)") || !strings.Contains(text, "ann, the rule is mended") {
		t.Errorf("call show prints\n%s", text)
	}
}

// decided is when the call's newest outcome was decided, as it is listed.
func (w *sinkWorld) decided(id int64) string {
	w.Helper()
	for line := range strings.Lines(w.command("outcomes", "list", "--output", "json")) {
		if strings.HasPrefix(line, fmt.Sprintf(`{"call_id":%d,`, id)) {
			_, after, _ := strings.Cut(line, `"decided_at":`)
			at, _, _ := strings.Cut(after, ",")
			return at
		}
	}
	w.Fatalf("call %d is not listed", id)
	return ""
}
