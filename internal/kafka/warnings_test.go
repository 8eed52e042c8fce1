package kafka

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kslog"
)

// TestWarningsAreSeldom: each message of each broker once in a minute.
func TestWarningsAreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w := newWarnings(kslog.New(slog.New(slog.NewTextHandler(&out, nil))))
		for range 5 * 60 {
			for _, broker := range []string{"a:9092", "b:9092"} {
				w.Log(kgo.LogLevelWarn, "unable to open connection to broker", "addr", broker, "err", time.Now())
			}
			w.Log(kgo.LogLevelError, "group manage loop errored")
			time.Sleep(time.Second) // virtual
		}
		for part, want := range map[string]int{"addr=a:9092": 5, "addr=b:9092": 5, "level=ERROR": 5, "\n": 15} {
			if n := strings.Count(out.String(), part); n != want {
				t.Errorf("%d lines with %q, want %d:\n%s", n, part, want, out.String())
			}
		}
	})
}
