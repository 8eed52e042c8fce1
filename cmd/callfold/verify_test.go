package main

import (
	"bytes"
	"strings"
	"testing"
)

// failing runs the command line, wants exit code 1, and gives what it printed on
// stdout and stderr.
func (w *sinkWorld) failing(args ...string) string {
	w.Helper()
	var stdout, stderr bytes.Buffer
	if code := execute(w.Context(), args, strings.NewReader(""), &stdout, &stderr); code != exitFailed {
		w.Fatalf("callfold %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, exitFailed, stdout.String(), stderr.String())
	}
	return stdout.String() + stderr.String()
}

// TestVerify goes the way of an operator: states are damaged, verify names them, and
// repairs them once the processor has stopped, which then goes on.
func TestVerify(t *testing.T) {
	w := newSinkWorld(t)
	t.Setenv("CALLFOLD_KAFKA_BROKERS", strings.Join(w.settings.Kafka.Brokers, ","))
	verified := func(line string) func() bool {
		return func() bool {
			var stdout, stderr bytes.Buffer
			execute(w.Context(), []string{"verify"}, strings.NewReader(""), &stdout, &stderr)
			return strings.Contains(stdout.String(), line)
		}
	}
	w.process(func() {
		w.event(1)
		w.event(2)
		w.until("both are folded", verified("2 events of 2 calls folded, 0 others; missing 0, extra 0, different 0\n"))
		w.command("verify")
		if text := w.failing("verify", "1", "4711"); !strings.Contains(text, "1 events of 1 call folded") || !strings.Contains(text, "callfold: the log has no event of these calls, as far as the processor has come, and in the time that is asked about: [4711]") {
			t.Errorf("of a call that is not known verify printed\n%s", text)
		}
		w.call(2, "damaged")
		w.call(3, "extra")
		text := w.failing("verify")
		for _, want := range []string{"2     different  state.", "call.hungup@", "3     extra", "missing 0, extra 1, different 1\n", "callfold: 2 calls not as the events make them"} {
			if !strings.Contains(text, want) {
				t.Errorf("verify printed no %q:\n%s", want, text)
			}
		}
		if strings.Contains(text, "damaged") || strings.Contains(text, "23 45") {
			t.Errorf("verify printed what calls are about:\n%s", text)
		}
		if text := w.failing("verify", "--repair", "--yes"); !strings.Contains(text, "has members: stop every process of that stage") {
			t.Errorf("beside a running processor a repair printed\n%s", text)
		}
	})
	w.until("the group has missed the processor, and the calls are repaired", func() bool {
		var stdout, stderr bytes.Buffer
		code := execute(w.Context(), []string{"verify", "--repair", "--yes"}, strings.NewReader(""), &stdout, &stderr)
		return code == exitDone && strings.HasSuffix(stdout.String(), "\n2 repaired\n")
	})
	w.process(func() {
		w.event(4)
		w.until("the processor goes on", verified("3 events of 3 calls folded, 0 others; missing 0, extra 0, different 0\n"))
	})
}
