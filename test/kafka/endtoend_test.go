package kafka

import (
	"bytes"
	"context"
	"errors"
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
	org, url := newOrg(t)
	stages, front := w.startAll(url)
	calls := w.post(front, 60)
	w.drained()
	want, _ := w.expected()
	w.verifyCalls(want)
	w.tasksOf(org, calls)
	w.outcomesOf(calls)
	for _, s := range stages {
		s.stop()
	}
	if outcomes := w.outcomes(); len(outcomes) != len(calls) {
		t.Errorf("%d calls have an outcome, of %d", len(outcomes), len(calls))
	}
}

// newOrg is a Salesforce for the test, and where it is.
func newOrg(t *testing.T) (*sfsim.Server, string) {
	t.Helper()
	org, err := sfsim.New(sfsim.Options{})
	check(t, err)
	t.Cleanup(func() { org.Close() })
	check(t, org.LoadIfEmpty(traffic.SampleOrg()))
	server := httptest.NewServer(org)
	t.Cleanup(server.Close)
	return org, server.URL
}

// startAll starts one process of each stage, and returns them and the webhook's address.
func (w *world) startAll(salesforce string) (stages []*stage, webhook string) {
	w.Helper()
	front := freeAddress(w)
	stages = []*stage{
		w.start("ingest", "a", "CALLFOLD_INGEST_LISTEN="+front, "CALLFOLD_INGEST_TOKENS="+token),
		w.processor("a"),
		w.start("sink", "a", "CALLFOLD_SALESFORCE_LOGIN_URL="+salesforce, "CALLFOLD_SALESFORCE_AUTH_FLOW=client_credentials",
			"CALLFOLD_SALESFORCE_AUTH_CLIENT_ID=dev", "CALLFOLD_SALESFORCE_AUTH_CLIENT_SECRET=dev", "CALLFOLD_SINK_MAX_LINGER=0s"),
	}
	for _, s := range stages {
		s.ready()
	}
	return stages, "http://" + front + "/webhooks/aircall"
}

// tasksOf waits until each of the calls has a Task, and returns their Ids by call. No call
// ever has two.
func (w *world) tasksOf(org *sfsim.Server, calls map[string]bool) map[string]string {
	w.Helper()
	var ids map[string]string
	w.eventually("every call has its Task", func(context.Context) error {
		ids = map[string]string{}
		for _, task := range org.Records("Task") {
			call := fmt.Sprint(task["Aircall_Call_Id__c"])
			if !calls[call] || ids[call] != "" {
				w.Fatalf("call %s has the Tasks %q and %v", call, ids[call], task["Id"])
			}
			ids[call] = fmt.Sprint(task["Id"])
		}
		if len(ids) < len(calls) {
			return fmt.Errorf("%d of %d have", len(ids), len(calls))
		}
		return nil
	})
	return ids
}

// outcomes are the keys of the calls that have one.
func (w *world) outcomes() map[string]bool {
	w.Helper()
	keys := map[string]bool{}
	for _, r := range w.readAll(kafka.Tasks) {
		if !stream.IsMarker(r) {
			keys[string(r.Key)] = true
		}
	}
	return keys
}

// outcomesOf waits until each of the calls has an outcome.
func (w *world) outcomesOf(calls map[string]bool) {
	w.Helper()
	w.eventually("every call has an outcome", func(context.Context) error {
		if outcomes := w.outcomes(); len(outcomes) < len(calls) {
			return fmt.Errorf("%d of %d have", len(outcomes), len(calls))
		}
		return nil
	})
}

// post sends the webhooks of so many calls and returns the ids of those that end. An
// event may be in the log twice: one that was refused can have been written all the same.
func (w *world) post(url string, calls int) map[string]bool {
	w.Helper()
	ids := map[string]bool{}
	generator := traffic.New(traffic.Options{Seed: seed, Token: token, FirstID: firstCall + int64(w.calls)*1000})
	w.calls += calls
	for range calls {
		for _, d := range generator.Deliver(generator.Call()) {
			w.eventually("a webhook is accepted", func(context.Context) error {
				resp, err := http.Post(url, "application/json", bytes.NewReader(d.Body))
				check(w.T, err)
				resp.Body.Close()
				switch resp.StatusCode {
				case http.StatusOK:
					return nil
				case http.StatusServiceUnavailable: // Kafka is slow; Aircall posts again
					w.Logf("a webhook was answered with %s", resp.Status)
					return errors.New(resp.Status)
				}
				w.Fatalf("a webhook was answered with %s", resp.Status)
				return nil
			})
			ids[fmt.Sprint(d.CallID)] = true
		}
	}
	return ids
}
