package dev

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTwoCallsInAnyOrder posts the bodies of an outbound answered call and of an
// inbound missed one with a voicemail, shuffled and twice. Two Tasks come of it.
func TestTwoCallsInAnyOrder(t *testing.T) {
	files, err := filepath.Glob("../../cmd/callfold/testdata/bodies/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bodies to post: %v", err)
	}
	token := regexp.MustCompile(`"token": "[0-9a-f]*"`)
	var bodies [][]byte
	for _, file := range append(files, files...) {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, token.ReplaceAll(body, []byte(`"token": "`+Token+`"`)))
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(bodies), func(i, j int) { bodies[i], bodies[j] = bodies[j], bodies[i] })

	p := newProcess(t)
	p.start()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, body := range bodies {
		if err := p.post(ctx, body); err != nil {
			t.Fatal(err)
		}
	}
	compare(ctx, t, p, bodies)
	tasks := readTasks(ctx, t, p)
	for id, want := range map[string]map[string]string{
		"910400101": {"CallType": "Outbound", "CallDurationInSeconds": "15", "aircall__Waiting_Time__c": "0", "TaskSubtype": "Call"},
		"910400155": {
			"CallType": "Inbound", "CallDurationInSeconds": "0", "aircall__Waiting_Time__c": "17", "TaskSubtype": "Call",
			"CallDisposition": "['aircall', 'inbound', 'unanswered_call', '33199002004', 'agents_did_not_answer']",
			"Description":     "Find voicemail here : https://assets.aircall.io/calls/910400155/voicemail",
		},
	} {
		for field, value := range want {
			if tasks[id][field] != value {
				t.Errorf("call %s: %s is %q, want %q", id, field, tasks[id][field], value)
			}
		}
	}
	if len(tasks) != 2 {
		t.Errorf("%d Tasks, want 2", len(tasks))
	}
	webhook, _, _ := p.addresses()
	ping, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://dev:dev@"+webhook+"/v1/ping", nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := http.DefaultClient.Do(ping); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("Aircall's API answers %v, %v", answer, err)
	} else {
		answer.Body.Close()
	}
	if err := p.end(syscall.SIGINT); err != nil {
		t.Errorf("Ctrl-C did not end it in order: %v", err)
	}
}

func TestDataDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	held, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(dir); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("a directory in use: %v", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
