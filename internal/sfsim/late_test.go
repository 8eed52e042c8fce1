package sfsim

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestLateCommit: a request whose connection was cut is carried out after a newer
// one for the same row, whole, and the org then holds the older state.
func TestLateCommit(t *testing.T) {
	g := newOrg(t, Options{})
	commit := make(chan struct{})
	g.sim.Fail(Fault{Operation: "collections_upsert", Cut: true, CommitAt: commit})
	const path = "composite/sobjects/Task/Aircall_Call_Id__c"
	older := strings.ReplaceAll(upsertBody(0, 10), "Inbound call from Marie Curie on Support", "older")
	if resp, err := g.try("PATCH", path, older); err == nil {
		t.Fatalf("the connection was not cut: %d", resp.StatusCode)
	}
	if n := len(g.sim.Records("Task")); n != 0 {
		t.Fatalf("%d tasks before the time to commit", n)
	}
	g.must(http.StatusCreated, "PATCH", "sobjects/Task/Aircall_Call_Id__c/3", `{"Subject":"newer"}`)
	g.sim.Expire() // the session was good when the request came
	close(commit)
	g.sim.Settle()
	tasks := g.sim.Records("Task")
	if len(tasks) != 10 {
		t.Fatalf("%d tasks, want all 10 of the late request", len(tasks))
	}
	for _, task := range tasks {
		// TaskSubtype may not be set in an update, so that the newer row is left as it is.
		want := "older"
		if task["Aircall_Call_Id__c"] == "3" {
			want = "newer"
		}
		if task["Subject"] != want {
			t.Errorf("the subject of %v is %v, want %s", task["Aircall_Call_Id__c"], task["Subject"], want)
		}
	}
	g.signIn()
	g.must(http.StatusOK, "PATCH", path, strings.ReplaceAll(upsertBody(0, 1), `"TaskSubtype":"Call",`, "")) // once only
}

// TestLateUpdate: an answer of the fault's own comes at once, and the late state wins.
func TestLateUpdate(t *testing.T) {
	g := newOrg(t, Options{})
	const path = "sobjects/Task/Aircall_Call_Id__c/1"
	g.must(http.StatusCreated, "PATCH", path, `{"Subject":"first"}`)
	commit := make(chan struct{})
	g.sim.Fail(Fault{Method: "PATCH", Status: http.StatusGatewayTimeout, CommitAt: commit})
	if r := g.do("PATCH", path, `{"Subject":"older"}`); r.status != http.StatusGatewayTimeout {
		t.Fatal(r.status)
	}
	g.must(http.StatusOK, "PATCH", path, `{"Subject":"newer"}`)
	close(commit)
	g.sim.Settle()
	if subject := g.sim.Records("Task")[0]["Subject"]; subject != "older" {
		t.Errorf("the subject is %v", subject)
	}
}

// TestLateWithoutAnAnswer: without an answer of its own the request is held until
// its client gives up, or, if the client does not, is done.
func TestLateWithoutAnAnswer(t *testing.T) {
	g := newOrg(t, Options{})
	commit := make(chan struct{})
	g.sim.Fail(Fault{Operation: "create", CommitAt: commit, Times: 2})
	ctx, giveUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+"/services/data/v64.0/sobjects/Task", strings.NewReader(`{"Subject":"nobody waits"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+g.token)
	gone, answered := make(chan error), make(chan reply)
	go func() {
		_, err := http.DefaultClient.Do(req)
		gone <- err
	}()
	go func() { answered <- g.do("POST", "sobjects/Task", `{"Subject":"somebody waits"}`) }()
	g.untilLate(2)
	giveUp()
	if err := <-gone; err == nil {
		t.Error("the held request was answered")
	}
	close(commit)
	if r := <-answered; r.status != http.StatusCreated {
		t.Errorf("who waited was answered %d", r.status)
	}
	g.sim.Settle()
	if n := len(g.sim.Records("Task")); n != 2 {
		t.Errorf("%d tasks", n)
	}
}

// untilLate waits until so many requests are put off.
func (g *org) untilLate(n int) {
	for {
		g.sim.late.mu.Lock()
		open := g.sim.late.open
		g.sim.late.mu.Unlock()
		if open >= n {
			return
		}
		time.Sleep(time.Millisecond) // polling
	}
}

// TestLateRules: a late request meets the rules of its time, and one without a
// session is never admitted.
func TestLateRules(t *testing.T) {
	g := newOrg(t, Options{})
	commit := make(chan struct{})
	g.sim.Fail(Fault{Operation: "create", Cut: true, CommitAt: commit, Times: 2})
	if _, err := g.try("POST", "sobjects/Task", `{"Type":"Call"}`); err == nil {
		t.Error("the connection was not cut")
	}
	token := g.token
	g.token = "no session"
	wantError(t, g.do("POST", "sobjects/Task", `{"Subject":"x"}`), http.StatusUnauthorized, "INVALID_SESSION_ID")
	g.token = token
	if err := g.sim.Hide("Task", "Type"); err != nil {
		t.Fatal(err)
	}
	close(commit)
	g.sim.Settle()
	if n := len(g.sim.Records("Task")); n != 0 {
		t.Errorf("%d tasks", n)
	}
}

// TestLateAtTheEnd: what was not carried out when the org closes never is.
func TestLateAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	t.Run("first", func(t *testing.T) {
		g := newOrg(t, Options{Dir: dir})
		g.sim.Fail(Fault{Operation: "create", Cut: true, CommitAt: make(chan struct{})})
		if _, err := g.try("POST", "sobjects/Task", `{"Subject":"x"}`); err == nil {
			t.Error("the connection was not cut")
		}
	})
	if n := len(newServer(t, Options{Dir: dir}).Records("Task")); n != 0 {
		t.Errorf("%d tasks", n)
	}
}
