package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/callfold/callfold/ingest"
	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/settings"
)

func ingestSettings(brokers ...string) settings.Settings {
	s := settings.Default()
	s.Kafka.Brokers = brokers
	s.Ingest.Listen, s.Admin.Listen = "127.0.0.1:0", "127.0.0.1:0"
	s.Ingest.Tokens = []settings.Secret{"secret"}
	return s
}

// startIngest runs the stage and returns the URL of its webhook endpoint, and a
// function that stops it and gives its error.
func startIngest(t *testing.T, s settings.Settings) (url string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- runIngest(ctx, app.New(s, slog.New(slog.NewJSONHandler(writer, nil)), "ingest"))
		_ = writer.Close()
	}()
	lines := bufio.NewScanner(reader)
	for url == "" && lines.Scan() {
		var line struct{ Msg, Address string }
		if err := json.Unmarshal(lines.Bytes(), &line, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
		if line.Msg == "receiving webhooks" {
			url = "http://" + line.Address + ingest.Path
		}
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	stop = func() error {
		cancel()
		return <-done
	}
	if url == "" {
		t.Fatal(stop())
	}
	return url, stop
}

func TestIngestTakesWebhooksUntilItIsStopped(t *testing.T) {
	url, stop := startIngest(t, ingestSettings(newCluster(t)...))
	body := fmt.Sprintf(`{"resource":"call","event":"call.created","timestamp":%d,"token":"secret","data":{"id":812}}`, time.Now().Unix())
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if got := strings.TrimSpace(string(answer)); resp.StatusCode != 200 || got != `{"status":"accepted"}` {
		t.Errorf("answered %d %s", resp.StatusCode, got)
	}
	if err := stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	if _, err := http.Post(url, "application/json", strings.NewReader(body)); err == nil {
		t.Error("it still serves")
	}
}

func TestIngestStopsWithoutABroker(t *testing.T) {
	_, stop := startIngest(t, ingestSettings("127.0.0.1:1"))
	if err := stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}

func TestIngestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for setting, choose := range map[string]func(*settings.Settings, string){
		"ingest.listen": func(s *settings.Settings, addr string) { s.Ingest.Listen = addr },
		"admin.listen":  func(s *settings.Settings, addr string) { s.Admin.Listen = addr },
	} {
		s := ingestSettings("127.0.0.1:1")
		choose(&s, taken.Addr().String())
		err := runIngest(t.Context(), app.New(s, slog.New(slog.DiscardHandler), "ingest"))
		if err == nil || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s: %v", setting, err)
		}
	}
}
