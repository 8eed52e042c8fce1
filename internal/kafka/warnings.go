package kafka

import (
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/observe"
)

// warnings keeps the client's own log at warnings and errors: what it says
// below is of use only to those who work on the client. Of each broker it lets each
// message pass once in a minute: a client tries again every few seconds for as long as a
// broker is away, and who uses it says what that means.
type warnings struct {
	kgo.Logger

	mu   sync.Mutex
	said map[string]*observe.Seldom // by message and broker
}

func newWarnings(to kgo.Logger) *warnings {
	return &warnings{Logger: to, said: map[string]*observe.Seldom{}}
}

// Level implements kgo.Logger.
func (w *warnings) Level() kgo.LogLevel { return min(kgo.LogLevelWarn, w.Logger.Level()) }

// Log implements kgo.Logger.
func (w *warnings) Log(level kgo.LogLevel, message string, keyvals ...any) {
	if w.seldom(message, keyvals).Now() {
		w.Logger.Log(level, message, keyvals...)
	}
}

func (w *warnings) seldom(message string, keyvals []any) *observe.Seldom {
	for i := 0; i+1 < len(keyvals); i += 2 {
		if keyvals[i] == "addr" {
			message += fmt.Sprint(" ", keyvals[i+1])
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.said[message] == nil {
		w.said[message] = new(observe.Seldom)
	}
	return w.said[message]
}
