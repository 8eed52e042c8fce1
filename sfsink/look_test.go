package sfsink

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/sfsim"
)

// looks has the sink look for so long as the stage does, and counts API requests.
func (b *bench) looks(d time.Duration) (requests int) {
	b.Helper()
	b.sent("")
	for range int(d / (2 * time.Second)) {
		b.later(2 * time.Second)
		b.sink.Look(b.Context())
	}
	return b.sent("/services/data/")
}

// TestIdleSinkLearns: a sink without calls tells within minutes that nothing could be
// written, and why; and that it could again.
func TestIdleSinkLearns(t *testing.T) {
	for name, test := range map[string]struct {
		take, giveBack func(*bench)
		reason, says   string
	}{
		"Salesforce is away": {
			func(b *bench) { b.sim.Fail(sfsim.Fault{Cut: true, Times: -1}) }, func(b *bench) { b.sim.Heal() },
			"outage", "no answer from Salesforce to describe",
		},
		"the user is switched off": {
			func(b *bench) {
				b.sim.Expire()
				b.sim.Fail(sfsim.Fault{Operation: "token", Status: 400, Code: "inactive_user", Times: -1})
			}, func(b *bench) { b.sim.Heal() },
			"sign_in", "Activate the integration user",
		},
		"a field is hidden": {
			func(b *bench) { check(b, b.sim.Hide("Task", "Type")) }, func(b *bench) { check(b, b.sim.Show("Task", "Type")) },
			"config", "Type (tasks.fields.type, rule F1)",
		},
		"others use up the API requests": {
			func(b *bench) { b.sim.SetUsage(1_000_000) }, func(b *bench) { b.sim.SetUsage(0) },
			"throttle", "API requests",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			registry := prometheus.NewRegistry()
			b := newBench(t, func(o *Options) {
				o.Logger, o.Registerer = slog.New(slog.NewTextHandler(&log, nil)), registry
			})
			check(b, b.sink.Prepare(t.Context()))
			if b.looks(time.Hour); b.sink.Trouble() != nil {
				t.Fatalf("trouble where there is none: %v", b.sink.Trouble())
			}
			test.take(b)
			b.looks(lookEvery + lookAgainEvery)
			if err := b.sink.Trouble(); reasonOf(err) != test.reason || !strings.Contains(err.Error(), test.says) {
				t.Errorf("trouble: %v", err)
			}
			if v := gauge(t, registry, "callfold_sink_paused"); v != 1 {
				t.Errorf("callfold_sink_paused is %v", v)
			}
			b.looks(time.Hour)
			if b.sink.Trouble() == nil {
				t.Error("an hour later it is forgotten")
			}
			test.giveBack(b)
			b.looks(probeEvery + lookAgainEvery)
			if err := b.sink.Trouble(); err != nil || gauge(t, registry, "callfold_sink_paused") != 0 {
				t.Errorf("trouble that is over: %v", err)
			}
			for _, line := range []string{"writing to Salesforce is stopped", "writing to Salesforce goes on"} {
				if n := strings.Count(log.String(), line); n != 1 {
					t.Errorf("the log says %d times that %s", n, line)
				}
			}
		})
	}
}

// TestLooksCostNothingToSpeakOf: one request in five minutes without calls, none between
// calls that are written more often.
func TestLooksCostNothingToSpeakOf(t *testing.T) {
	b := newBench(t, nil)
	check(b, b.sink.Prepare(t.Context()))
	// Each is sent twice where its session has ended, which is every two hours.
	if n := b.looks(24 * time.Hour); n < 280 || n > 300 {
		t.Errorf("%d requests in a day without calls", n)
	}
	for call := range int64(20) {
		b.missed(call+1, curieNumber)
		b.turn()
		if n := b.looks(4 * time.Minute); n != 0 {
			t.Fatalf("%d requests between two calls", n)
		}
	}
}

func check(b *bench, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
