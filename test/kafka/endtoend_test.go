package kafka

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/traffic"
)

const token = "integration-token"

// TestEndToEnd makes the topics by command, posts webhooks at the front door,
// with duplicates and reordering, and finds a Task for each call that is to be
// logged.
func TestEndToEnd(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, shared)
	for _, args := range [][]string{{"topics", "create"}, {"topics", "create"}, {"topics", "check"}} {
		if out, code := w.command(nil, args...); code != 0 {
			t.Fatalf("callfold %s: exit code %d\n%s", strings.Join(args, " "), code, out)
		}
	}
	org, err := sfsim.New(sfsim.Options{})
	check(t, err)
	defer org.Close()
	check(t, org.LoadIfEmpty(traffic.SampleOrg()))
	salesforce := httptest.NewServer(org)
	defer salesforce.Close()

	front := freeAddress(w)
	stages := []*stage{
		w.start("ingest", "a", "CALLFOLD_INGEST_LISTEN="+front, "CALLFOLD_INGEST_TOKENS="+token),
		w.processor("a"),
		w.start("sink", "a", "CALLFOLD_SALESFORCE_LOGIN_URL="+salesforce.URL, "CALLFOLD_SALESFORCE_AUTH_FLOW=client_credentials",
			"CALLFOLD_SALESFORCE_AUTH_CLIENT_ID=dev", "CALLFOLD_SALESFORCE_AUTH_CLIENT_SECRET=dev", "CALLFOLD_SINK_MAX_LINGER=0s"),
	}
	for _, s := range stages {
		s.ready()
	}
	calls := w.post("http://"+front+"/webhooks/aircall", 60)
	w.drained()
	want, _ := w.expected()
	w.verifyCalls(want)
	w.eventually("every call has its Task", func(context.Context) error {
		tasks := map[string]int{}
		for _, task := range org.Records("Task") {
			tasks[fmt.Sprint(task["Aircall_Call_Id__c"])]++
		}
		for id, n := range tasks {
			if !calls[id] || n != 1 {
				t.Fatalf("%d Tasks of call %s", n, id)
			}
		}
		if len(tasks) < len(calls) {
			return fmt.Errorf("%d of %d have", len(tasks), len(calls))
		}
		return nil
	})
	for _, s := range stages {
		s.stop()
	}
	outcomes := map[string]bool{}
	for _, r := range w.readAll(kafka.Tasks) {
		if !stream.IsMarker(r) {
			outcomes[string(r.Key)] = true
		}
	}
	if len(outcomes) != len(calls) {
		t.Errorf("%d calls have an outcome, of %d", len(outcomes), len(calls))
	}
}

// post sends the webhooks of so many calls and returns the ids of those that end.
func (w *world) post(url string, calls int) map[string]bool {
	w.Helper()
	ids := map[string]bool{}
	generator := traffic.New(traffic.Options{Seed: seed, Token: token})
	for range calls {
		for _, d := range generator.Deliver(generator.Call()) {
			resp, err := http.Post(url, "application/json", bytes.NewReader(d.Body))
			check(w.T, err)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				w.Fatalf("a webhook was answered with %s", resp.Status)
			}
			ids[fmt.Sprint(d.CallID)] = true
		}
	}
	return ids
}
