package kafka

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/settings"
)

var errNobodyHome = errors.New("nobody home")

// TestWaitReachable lets nobody answer, and wants tries with pauses that grow, a
// warning for each, and in the end an error with the address and the cause.
func TestWaitReachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := settings.Kafka{Brokers: []string{"kafka.invalid:9092"}}
		dials := 0
		c := client(t, s, kgo.DisableClientMetrics(), kgo.Dialer(func(context.Context, string, string) (net.Conn, error) {
			dials++
			return nil, errNobodyHome
		}))
		defer c.Close()
		var log bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		err := WaitReachable(ctx, c, s, slog.New(slog.NewTextHandler(&log, nil)))
		if !errors.Is(err, errNobodyHome) || !strings.HasPrefix(err.Error(), "no Kafka broker answers at kafka.invalid:9092 (kafka.brokers): ") {
			t.Errorf("got %v", err)
		}
		// Tries at 0, 0.25, 0.75, 1.75, 3.75, 7.75, 12.75 and 17.75 s.
		if warnings := strings.Count(log.String(), "trying again"); dials != 8 || warnings != 7 {
			t.Errorf("%d tries and %d warnings, want 8 and 7", dials, warnings)
		}
	})
}

func TestWaitReachableAtOnce(t *testing.T) {
	s, _ := cluster(t)
	if err := WaitReachable(t.Context(), client(t, s), s, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	s := settings.Kafka{TopicPrefix: "eu.", GroupPrefix: "blue-", Instance: "callfold-0"}
	if got := TopicName(s, Events); got != "eu.events" {
		t.Error(got)
	}
	moved := s
	moved.EventsPrefix, moved.CallsPrefix = "green.", "blue."
	for topic, want := range map[string]string{Events: "green.events", Calls: "blue.calls", Tasks: "eu.tasks", Rejected: "eu.rejected"} {
		if got := TopicName(moved, topic); got != want {
			t.Errorf("%s is %s, want %s", topic, got, want)
		}
		if got := TopicName(Under(moved, "new."), topic); got != "new."+topic {
			t.Errorf("%s under another prefix is %s", topic, got)
		}
	}
	if got := GroupName(s, SinkGroup); got != "blue-callfold-sink" {
		t.Error(got)
	}
	if got, err := Instance(s); got != "callfold-0" || err != nil {
		t.Error(got, err)
	}
	if got, err := Instance(settings.Kafka{}); got == "" || err != nil {
		t.Error(got, err)
	}
}
