package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/tidwall/gjson"

	"github.com/callfold/callfold/internal/aircallsim"
	"github.com/callfold/callfold/internal/traffic"
)

// startAircall starts Aircall's API for a script. Five calls that began on 2 March
// 2026, 09:00 UTC, are there; first.json has the first webhook of the first of them.
func startAircall(ts *testscript.TestScript) {
	sim := aircallsim.New(aircallsim.Options{PerMinute: 6000})
	g := traffic.New(traffic.Options{Seed: 1, FirstID: 910500001})
	for i, kind := range []traffic.Kind{traffic.AnsweredInbound, traffic.Voicemail, traffic.UnansweredOutbound, traffic.Noted, traffic.TransferAnswered} {
		call := g.CallOf(kind)
		sim.Add(call)
		if i == 0 {
			ts.Check(os.WriteFile(ts.MkAbs("first.json"), call.Events[0].Body, 0o600))
		}
	}
	server := httptest.NewServer(sim)
	ts.Defer(server.Close)
	ts.Setenv("CALLFOLD_AIRCALL_API_URL", server.URL)
	ts.Setenv("CALLFOLD_AIRCALL_API_ID", "dev")
	ts.Setenv("CALLFOLD_AIRCALL_API_TOKEN", "dev")
	ts.Setenv("CALLFOLD_AIRCALL_STATE_DIR", filepath.Join(ts.Getenv("WORK"), "backfill"))
}

func aircallCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] != "start" {
		ts.Fatalf("usage: aircall start")
	}
	startAircall(ts)
}

// TestSimulateAircallServes: the API has the calls that nobody is told of.
func TestSimulateAircallServes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, writer := io.Pipe()
	var stdout bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- execute(ctx, []string{"simulate", "aircall", "--api", "127.0.0.1:0", "--calls", "40", "--history", "2h"}, nil, &stdout, writer)
		_ = writer.Close()
	}()
	base := ""
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	for lines := bufio.NewScanner(reader); base == "" && lines.Scan(); {
		base = address.FindString(lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	r, err := http.NewRequest(http.MethodGet, base+"/v1/calls?per_page=50", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("dev", "dev")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(gjson.GetBytes(body, "calls").Array()); n != 40 {
		t.Errorf("%d calls: %s %.300s", n, answer.Status, body)
	}
	oldest := time.Unix(gjson.GetBytes(body, "calls.0.started_at").Int(), 0)
	if age := time.Since(oldest); age < 100*time.Minute || age > 140*time.Minute {
		t.Errorf("the oldest began %v ago", age)
	}
	cancel()
	if got := <-code; got != exitDone {
		t.Errorf("it ended with code %d", got)
	}
}

// TestBackfillEvery: rounds run beside the server of health until a signal.
func TestBackfillEvery(t *testing.T) {
	sim := httptest.NewServer(aircallsim.New(aircallsim.Options{}))
	defer sim.Close()
	for name, value := range map[string]string{
		"CALLFOLD_KAFKA_BROKERS": strings.Join(newCluster(t), ","), "CALLFOLD_ADMIN_LISTEN": "127.0.0.1:0",
		"CALLFOLD_AIRCALL_API_URL": sim.URL, "CALLFOLD_AIRCALL_API_ID": "dev", "CALLFOLD_AIRCALL_API_TOKEN": "dev",
		"CALLFOLD_AIRCALL_STATE_DIR": filepath.Join(t.TempDir(), "backfill"),
	} {
		t.Setenv(name, value)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, writer := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- execute(ctx, []string{"backfill", "--every", "24h"}, nil, io.Discard, writer)
		_ = writer.Close()
	}()
	base, done := "", false
	address := regexp.MustCompile(`"address":"([^"]+)"`)
	for lines := bufio.NewScanner(reader); (base == "" || !done) && lines.Scan(); {
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			base = "http://" + found[1]
		}
		done = done || strings.Contains(lines.Text(), "a round of the backfill is done")
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	get := func(path string) (status int, answer string) {
		t.Helper()
		r, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		return r.StatusCode, string(body)
	}
	answer := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) { // polling
		status := 0
		if status, answer = get("/readyz"); status == http.StatusOK {
			break
		}
	}
	if !strings.Contains(answer, "backfill: ready\n") {
		t.Errorf("/readyz: %s", answer)
	}
	if _, alive := get("/healthz"); alive != "backfill: alive\n" {
		t.Errorf("/healthz: %s", alive)
	}
	cancel()
	if got := <-code; got != exitDone {
		t.Errorf("it ended with code %d", got)
	}
}
