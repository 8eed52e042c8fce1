package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/canary"
	"github.com/callfold/callfold/internal/settings"
)

// requests is how many requests the sink has sent so far that query or write.
func (w *sinkWorld) requests(a *app.App) (n float64) {
	w.Helper()
	families, err := a.Registry.Gather()
	if err != nil {
		w.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, label := range m.GetLabel() {
				if f.GetName() == "callfold_salesforce_requests_total" && strings.Contains("query composite collections_update collections_upsert", label.GetValue()) {
					n += m.GetCounter().GetValue()
				}
			}
		}
	}
	return n
}

// TestCanary sends two canary calls through real stages: one Task comes of it, with one
// request each, which belongs to nobody; and no other command stumbles over the call.
func TestCanary(t *testing.T) {
	w := newSinkWorld(t)
	w.environment()
	t.Setenv("CALLFOLD_INGEST_TOKENS", "secret")
	w.settings.Sink.Lanes = 1
	w.settings.Ingest.Listen, w.settings.Ingest.Tokens = "127.0.0.1:0", []settings.Secret{"secret"}
	w.settings.Match.Create = "contact" // of whom nobody knows, a Contact would be made
	url, stop := startIngest(t, w.settings)
	id := fmt.Sprint(int64(canary.FirstID))
	w.process(func() {
		w.run(func(a *app.App) {
			w.wait(a, "callfold-sink-test-0", "")
			if text := w.command("canary", "--url", url); !regexp.MustCompile(`^accepted  after [\d.]+ s\nfolded    after [\d.]+ s\nwritten   after [\d.]+ s, Task 00T\w+\nok\n$`).MatchString(text) {
				t.Errorf("it printed\n%s", text)
			}
			second := time.Now().Second()
			before, requests := w.tasksByCall()[id], w.requests(a)
			for field, want := range map[string]any{
				"Subject": "Inbound call from Anonymous on callfold canary", "CallDurationInSeconds": int64(0), "ActivityDate": "2020-01-01",
				"WhoId": nil, "WhatId": nil, "Status": "Completed", "aircall__Answered_by__c": nil,
			} {
				if got := before[field]; fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s is %v, want %v", field, got, want)
				}
			}

			// Events of one second have no order that is theirs.
			w.until("another second", func() bool { return time.Now().Second() != second })
			text := w.command("canary", "--url", url, "--output", "json")
			if !strings.Contains(text, `"result": "written"`) || !strings.Contains(text, `"outcome": "updated"`) {
				t.Errorf("it printed\n%s", text)
			}
			after := w.tasksByCall()
			if got := w.requests(a) - requests; got != 1 || requests == 0 {
				t.Errorf("the second call took %v requests after %v, want 1", got, requests)
			}
			for _, field := range []string{"Description", "CallDisposition"} {
				if after[id][field] == before[field] {
					t.Errorf("%s is still %v", field, before[field])
				}
			}
			if contacts := w.org.Records("Contact"); len(after) != 1 || len(contacts) != 0 {
				t.Errorf("%d Tasks and %d Contacts", len(after), len(contacts))
			}

			for want, args := range map[string][]string{
				"0 calls without an end":                                    {"call", "stuck", "--older-than", "1s"},
				"2 events of 1 call folded":                                 {"verify"},
				"1 unchanged":                                               {"replay", "plan", "--file", w.TempDir() + "/p.plan"},
				"external ids without a call 1 call looked at.":             {"reconcile"},
				"0 0 0 outdated: Tasks that are to hold something else now": {"reconcile", "--timeout", "31s"},
				"callfold canary":                                           {"call", "show", id},
			} {
				if text := strings.Join(strings.Fields(w.command(args...)), " "); !strings.Contains(text, want) {
					t.Errorf("%v printed no %q:\n%s", args, want, text)
				}
			}
			if text := w.failing("canary", "--url", url+"/elsewhere"); !strings.Contains(text, "HTTP 404") || strings.Contains(text, "ok\n") {
				t.Errorf("it printed\n%s", text)
			}
		})
	})
	if err := stop(); err != nil {
		t.Errorf("ingest stopped with %v", err)
	}
	text := w.failing("canary", "--url", url, "--output", "json")
	if !strings.Contains(text, `"result": "unaccepted"`) || !strings.Contains(text, "callfold: the canary's call did not come through: posting the webhook") {
		t.Errorf("without a front door it printed\n%s", text)
	}
}

// TestCanaryEvery: the metrics are there before the first call has ended, and readiness
// says what is wrong.
func TestCanaryEvery(t *testing.T) {
	t.Setenv("CALLFOLD_KAFKA_BROKERS", strings.Join(newCluster(t), ","))
	t.Setenv("CALLFOLD_ADMIN_LISTEN", "127.0.0.1:0")
	t.Setenv("CALLFOLD_INGEST_TOKENS", "secret")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, writer := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- execute(ctx, []string{"canary", "--url", "http://127.0.0.1:1/webhooks/aircall", "--every", "1h"}, nil, io.Discard, writer)
		_ = writer.Close()
	}()
	base := ""
	address := regexp.MustCompile(`"address":"([^"]+)"`)
	for lines := bufio.NewScanner(reader); base == "" && lines.Scan(); {
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			base = "http://" + found[1]
		}
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	get := func(path string) string {
		t.Helper()
		r, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		return string(body)
	}
	for _, series := range []string{"callfold_canary_seconds_count 0", "callfold_canary_last_written_timestamp_seconds 0", `callfold_canary_calls_total{result="late"} 0`} {
		if !strings.Contains(get("/metrics"), series+"\n") {
			t.Errorf("no %s", series)
		}
	}
	ready := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && !strings.Contains(ready, "posting"); time.Sleep(20 * time.Millisecond) { // polling
		ready = get("/readyz")
	}
	if !strings.HasPrefix(ready, "canary: not ready: posting the webhook: ") {
		t.Errorf("/readyz: %s", ready)
	}
	if alive := get("/healthz"); alive != "canary: alive\n" {
		t.Errorf("/healthz: %s", alive)
	}
	if !strings.Contains(get("/metrics"), `callfold_canary_calls_total{result="unaccepted"} 1`) {
		t.Error("it is not counted")
	}
	cancel()
	if got := <-code; got != exitDone {
		t.Errorf("it ended with code %d", got)
	}
}
